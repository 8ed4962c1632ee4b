//! The state that input meets: the same request a thousand times at once, a clock that has jumped, a database
//! that somebody else has locked. A full disk is in [`crate::full_disk`], one that can only be read in
//! [`crate::read_only`].

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::reply::entry_of;
use crate::harness::wire::{head, post};
use crate::harness::{Person, Server, User, Wire, at_once, md5_hex};

/// Connections, and the requests that each of them sends without waiting for an answer.
const CONNECTIONS: usize = 50;
const EACH: usize = 20;

/// Sends the same request a thousand times at once; how often each status came.
fn a_thousand_times(server: &Server, request: &[u8]) -> BTreeMap<u16, usize> {
    let client = server.client();
    let statuses = at_once(CONNECTIONS, |_| {
        let mut wire = Wire::to(&client);
        wire.send(request.repeat(EACH));
        (0..EACH).map(|_| wire.reply_status()).collect::<Vec<_>>()
    });
    let mut count = BTreeMap::new();
    for status in statuses.into_iter().flatten() {
        *count.entry(status).or_default() += 1;
    }
    count
}

const ALL: usize = CONNECTIONS * EACH;

fn roomy() -> Server {
    Server::with(&[
        ("KMS_QUEUE_WAIT", "1min"),
        ("KMS_HASHING_QUEUE", "2000"),
        ("KMS_STORAGE_QUEUE", "2000"),
    ])
}

/// One of them comes first, and finds what none of the others finds.
#[test]
fn of_a_thousand_requests_at_once_one_changes_what_one_may_change() {
    let server = roomy();
    let user = server.new_user();
    let modify = user
        .signed(json!({"name": "new name", "birth": 7}))
        .to_string();
    let modified = a_thousand_times(&server, &post("/app/user/modify", modify));
    assert_eq!(modified, BTreeMap::from([(200, 1), (403, ALL - 1)]));
    assert_eq!(user.info().text("name"), "new name");
    assert_eq!(user.info().text("birth"), "7");

    let fid = user.publish("a", b"content");
    let bearer = user.bearer();
    let headers = [("Authorization", bearer.as_str())];
    let delete = head("DELETE", &entry_of(&fid), &headers);
    let deleted = a_thousand_times(&server, delete.as_bytes());
    assert_eq!(deleted, BTreeMap::from([(204, 1), (404, ALL - 1)]));
    assert!(user.own().is_empty());

    let person = Person::new();
    let fields = json!({"phone": person.phone});
    let asked = a_thousand_times(
        &server,
        &post("/app/register/testphone", fields.to_string()),
    );
    assert_eq!(asked, BTreeMap::from([(200, ALL)]));
}

/// All of them do what one does alone, over one stored copy.
#[test]
fn of_a_thousand_uploads_at_once_each_is_an_entry_of_its_own() {
    let server = roomy();
    let user = server.new_user();
    let upload = user.signed(json!({"name": "a", "data": base64(b"content")}));
    let stored = a_thousand_times(&server, &post("/app/user/upload", upload.to_string()));
    assert_eq!(stored, BTreeMap::from([(201, ALL)]));
    let claim = user.signed(json!({"name": "a", "md5": md5_hex(b"content")}));
    let claimed = a_thousand_times(&server, &post("/app/user/upload", claim.to_string()));
    assert_eq!(claimed, BTreeMap::from([(201, ALL)]));
    let avatar = user.signed(json!({"data": base64(b"picture")}));
    let set = a_thousand_times(&server, &post("/app/user/avatar", avatar.to_string()));
    assert_eq!(set, BTreeMap::from([(201, ALL)]));
    assert_eq!(user.get_avatar().data(), b"picture");
    let own = user.own();
    assert_eq!(own.len(), 2 * ALL);
    let mut fids: Vec<_> = own.iter().map(|entry| entry.fid.as_str()).collect();
    fids.sort_unstable();
    fids.dedup();
    assert_eq!(fids.len(), 2 * ALL);
    server.blobs_after_all(2);
    let fsck = server.command(&["fsck"], "");
    assert!(fsck.status.success(), "{fsck:?}");
}

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Moves all times that are kept, which to the server is its clock moving the other way. The clock itself is
/// a port; the model of the whole application (`inprocess` in kms-api) winds it between requests.
fn shift_times(server: &Server, millis: i64) {
    server.tamper(&format!(
        "UPDATE users SET created_at = created_at + {millis}, first_login_at = first_login_at + {millis};
         UPDATE sessions SET created_at = created_at + {millis}, last_used_at = last_used_at + {millis};
         UPDATE files SET created_at = created_at + {millis};
         UPDATE blobs SET created_at = created_at + {millis};
         UPDATE avatars SET updated_at = updated_at + {millis};"
    ));
}

fn works(server: &Server, user: &User, files: usize) {
    user.info().expect_code(0);
    let fid = user.publish("new", format!("content {files}").as_bytes());
    let own = user.own();
    assert_eq!(own.len(), files + 1);
    assert!(own.windows(2).all(|pair| pair[0].date >= pair[1].date));
    assert!(own.iter().any(|entry| entry.fid == fid));
    for entry in &own {
        user.get_file(&entry.fid).expect_code(140);
    }
    user.instant("again", &md5_hex(b"content 0"))
        .expect_code(131);
    let again = server.client().sign_in(&user.person);
    again.info().expect_code(0);
}

#[test]
fn a_clock_that_jumps_a_day_in_either_direction_loses_nobody_and_nothing() {
    let mut server = Server::start();
    let user = server.new_user();
    works(&server, &user, 0);
    for (jump, files) in [(-DAY, 2), (2 * DAY, 4), (-DAY, 6)] {
        shift_times(&server, jump);
        works(&server, &user, files);
    }
    // Nothing that is referred to is collected, however old or young it seems.
    shift_times(&server, DAY);
    server.stop();
    crate::harness::collect_all(&server);
    server.start_again();
    assert_eq!(user.own().len(), 8);
    for entry in user.own() {
        user.get_file(&entry.fid).expect_code(140);
    }
    let output = server.command(&["fsck"], "");
    assert!(output.status.success(), "{output:?}");
}

/// Somebody has opened the database with another program and holds its lock for writing.
#[test]
fn a_locked_database_refuses_writes_goes_on_reading_and_recovers() {
    let server = Server::with(&[
        ("KMS_SQLITE_BUSY_TIMEOUT", "200ms"),
        ("KMS_SESSION_TOUCH", "1h"),
    ]);
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let before = server.dump();
    let lock = server.lock_database();
    for answer in [
        user.upload("b", b"other content"),
        user.instant("c", &md5_hex(b"content")),
        user.set_avatar(b"picture"),
        user.modify(json!({"name": "other"})),
        server.client().register(&Person::new()),
        server
            .client()
            .login(&user.person.phone, &user.person.password),
    ] {
        assert!(matches!(answer.code(), 5 | 8 | 9), "{answer:?}");
    }
    let reply = user.delete(&fid);
    assert!(matches!(reply.status, 500 | 503 | 507), "{reply:?}");
    user.info().expect_code(0);
    assert_eq!(user.read(&fid), b"content");
    assert_eq!(user.own().len(), 1);
    drop(lock);
    // What was refused was not done later, when nobody looked.
    user.info().expect_code(0);
    server.expect_rows_unchanged(&before);
    user.publish("b", b"other content");
    user.modify(json!({"name": "other"})).expect_code(150);
}

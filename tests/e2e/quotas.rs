//! How much an account may hold, in every route that stores, beside a running server too.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{
    Encoded, Format, Server, User, Wire, bytes, collect_all, md5_hex, sha256_hex, until, wire,
};

/// A few whole blocks, so that bytes are staged while they arrive.
const LARGE: usize = 3_000_000;

fn usage(user: &User) -> [Value; 4] {
    let info = user.info().expect_code(0).json;
    ["used", "quota", "files", "quota_files"].map(|name| info[name].clone())
}

/// Has the operator decide about a user.
#[track_caller]
fn decide(server: &Server, user: &User, options: &[&str]) -> String {
    let mut arguments = vec!["user", "quota", user.person.phone.as_str()];
    arguments.extend(options);
    let output = server.command(&arguments, "");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_a_quota_info_tells_what_is_used_and_no_limit() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    assert_eq!(usage(&user), [json!(0), Value::Null, json!(0), Value::Null]);
    user.publish("a", b"12345");
    user.set_avatar(b"an avatar is free").expect_bare(120);
    other.instant("b", &md5_hex(b"12345")).expect_code(131);
    other.hide("c", b"12345");
    assert_eq!(usage(&user)[0], 5);
    assert_eq!(
        usage(&other),
        [json!(10), Value::Null, json!(2), Value::Null]
    );
}

#[test]
fn every_route_that_stores_refuses_what_does_not_fit_and_changes_nothing() {
    let server = Server::with(&[("KMS_QUOTA_BYTES", "1000B")]);
    let (user, other) = (server.new_user(), server.new_user());
    let known = bytes(1, 200);
    other.publish("known", &known);
    other.publish("large", &bytes(2, 300));
    let fid = user.hide("most of it", &bytes(3, 900));
    let before = user.state();
    assert_eq!(
        usage(&user),
        [json!(900), json!(1000), json!(1), Value::Null]
    );
    let blobs = server.blobs().len();

    // Known and new bytes are refused alike.
    for content in [&known, &bytes(4, 101)] {
        for format in [Format::Json, Format::Form, Format::Multipart] {
            user.upload_as(format, "x", content).expect_bare(9);
        }
        user.create("name=x", content).expect_problem(507, 9);
    }
    user.instant("x", &md5_hex(&known)).expect_bare(9);
    let named = json!({"name": "x", "md5": md5_hex(&known),
        "sha256": sha256_hex(&known)});
    user.post("/app/user/upload", named).expect_bare(9);
    user.instant("x", &md5_hex(b"nobody has this"))
        .expect_bare(2);
    assert_eq!(user.state(), before);
    server.blobs_after_all(blobs);

    // Deleting makes room, and the last byte fits.
    user.upload("the last byte", &bytes(5, 100))
        .expect_code(130);
    user.upload("x", b"!").expect_bare(9);
    user.erase(&fid);
    assert_eq!(usage(&user)[0], 100);
    user.instant("now", &md5_hex(&known)).expect_code(131);
    assert_eq!(usage(&user)[0], 300);
    user.set_avatar(&bytes(6, 2000)).expect_bare(120);
}

#[test]
fn who_is_full_is_told_so_by_an_instant_upload_whether_or_not_it_is_held() {
    let server = Server::with(&[("KMS_QUOTA_FILES", "1")]);
    let (user, other) = (server.new_user(), server.new_user());
    other.publish("known", b"known");
    user.upload("the only one", b"x").expect_code(130);
    for content in [b"known".as_slice(), b"unknown"] {
        user.instant("x", &md5_hex(content)).expect_bare(9);
    }
    assert_eq!(usage(&user), [json!(1), Value::Null, json!(1), json!(1)]);
}

#[test]
fn a_full_account_stages_no_more_than_its_room() {
    let server = Server::with(&[("KMS_QUOTA_BYTES", "1MiB"), ("KMS_MAX_FILE", "1GiB")]);
    let user = server.new_user();
    // What is announced is refused before it is sent.
    let mut wire = Wire::to(&user.client);
    let bearer = user.bearer();
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Length", "900000000"),
    ];
    wire.send(wire::head("POST", "/api/v1/files?name=x", &headers));
    wire.reply().expect_problem(507, 9);
    // What is not announced, when it goes too far.
    for format in [Format::Json, Format::Form, Format::Multipart] {
        let fields = user.signed(json!({"name": "x"}));
        let body = Encoded::new(format, &fields, Some(&bytes(1, LARGE)));
        user.client
            .send_chunked("/app/user/upload", &body)
            .expect_bare(9);
    }
    until("nothing is staged", || server.staged().is_empty());
    assert!(server.blobs().is_empty());
    user.upload("all of it", &bytes(2, 1 << 20))
        .expect_code(130);
}

#[test]
fn of_uploads_at_once_exactly_as_many_are_stored_as_fit() {
    let server = Server::with(&[("KMS_QUOTA_BYTES", "1000B")]);
    let user = server.new_user();
    let (seen, md5) = (bytes(7, 100), md5_hex(&bytes(7, 100)));
    server.new_user().publish("seen", &seen);
    let codes: Vec<u64> = thread::scope(|scope| {
        let one = |n: u64| {
            let (user, md5) = (&user, &md5);
            scope.spawn(move || match n % 3 {
                0 => user.upload("a", &bytes(n, 100)).code(),
                1 => user.instant("b", md5).code(),
                _ => match user.create("name=c", &bytes(7, 100)).status {
                    201 => 130,
                    507 => 9,
                    other => panic!("{other}"),
                },
            })
        };
        let all: Vec<_> = (0..64).map(|n| one(100 + n)).collect();
        all.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let stored = codes.iter().filter(|code| matches!(**code, 130 | 131));
    assert_eq!(stored.count(), 10);
    assert_eq!(codes.iter().filter(|code| **code == 9).count(), 54);
    assert_eq!(usage(&user)[0], 1000);
    let output = server.command(&["fsck"], "");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn what_the_operator_decides_counts_from_the_next_upload_on() {
    let mut server = Server::with(&[("KMS_QUOTA_BYTES", "10B")]);
    let (user, other) = (server.new_user(), server.new_user());
    user.upload("a", &bytes(1, 11)).expect_bare(9);
    let told = decide(&server, &user, &["--bytes", "1KiB", "--files", "3"]);
    assert_eq!(
        told,
        "bytes: 0B of 1KiB, of its own\nfiles: 0 of 3, of its own\n"
    );
    let fid = user.hide("a", &bytes(1, 700));
    assert_eq!(usage(&user), [json!(700), json!(1024), json!(1), json!(3)]);
    // It is about nobody else.
    other.upload("a", &bytes(1, 11)).expect_bare(9);

    // Below what is used: no more uploads, and everything else goes on.
    decide(&server, &user, &["--bytes", "100"]);
    assert_eq!(usage(&user), [json!(700), json!(100), json!(1), json!(3)]);
    user.upload("b", b"x").expect_bare(9);
    assert_eq!(user.read(&fid), bytes(1, 700));
    user.erase(&fid);
    user.upload("b", &bytes(2, 100)).expect_code(130);

    decide(&server, &user, &["--bytes", "none"]);
    assert_eq!(usage(&user), [json!(100), Value::Null, json!(1), json!(3)]);
    user.upload("c", &bytes(3, 5000)).expect_code(130);
    let told = decide(&server, &user, &["--default"]);
    assert_eq!(
        told,
        "bytes: 5100B of 10B, as for everybody\nfiles: 2 of no limit, as for everybody\n"
    );
    user.upload("d", b"x").expect_bare(9);
    decide(&server, &user, &["--bytes", "0"]);
    server.kill();
    server.start_again();
    user.upload("e", b"x").expect_bare(9);
    assert_eq!(usage(&user)[0], 5100);

    let listed = server.command(&["user", "list"], "");
    let text = String::from_utf8(listed.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(&user.person.phone));
    assert!(line.unwrap().ends_with("\t5100\t2"), "{text}");
}

#[test]
fn a_limit_that_is_none_and_an_account_that_is_none_are_refused() {
    let server = Server::start();
    let user = server.new_user();
    let phone = user.person.phone.as_str();
    for (options, status) in [
        (vec!["--bytes", "much"], 2),
        (vec!["--files", "-1"], 2),
        (vec!["--default", "--bytes", "1"], 2),
    ] {
        let mut arguments = vec!["user", "quota", phone];
        arguments.extend(options);
        let output = server.command(&arguments, "");
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
    let output = server.command(&["user", "quota", "13800138000", "--files", "1"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(usage(&user)[3], Value::Null);
}

#[test]
fn a_collection_changes_nobodys_usage_and_a_kill_loses_none() {
    let mut server = Server::with(&[("KMS_GC_GRACE", "0s")]);
    let user = server.new_user();
    let fid = user.hide("a", &bytes(1, 100_000));
    user.hide("b", b"12345");
    user.erase(&fid);
    server.kill();
    collect_all(&server);
    server.start_again();
    assert_eq!(usage(&user)[0], 5);
    assert_eq!(usage(&user)[2], 1);
}

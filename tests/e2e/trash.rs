//! What was deleted, for as long as it can be brought back.

use serde_json::{Value, json};

use crate::entries::rows;
use crate::harness::{Answer, Server, User, md5_hex, until};

const ARRAYS: [&str; 8] = [
    "fidlist",
    "namelist",
    "datelist",
    "classifylist",
    "summarylist",
    "public",
    "sizelist",
    "deletedlist",
];

#[track_caller]
fn delete(user: &User, fid: &str) {
    let fields = json!({"fid": fid, "delete": true});
    user.post("/app/user/modifyfile", fields).expect_bare(142);
}

fn trash(user: &User, fields: Value) -> Answer {
    user.post("/app/user/trash", fields)
}

/// The fids in the trash and how much of the quota they take.
#[track_caller]
fn trashed(user: &User) -> (Vec<String>, u64) {
    let answer = trash(user, json!({}));
    let fids = rows(&answer, &ARRAYS).into_iter();
    let fids = fids.map(|row| row[0].as_str().unwrap().to_owned());
    (fids.collect(), answer.json["used"].as_u64().unwrap())
}

#[test]
fn a_deleted_entry_is_out_of_every_answer_and_comes_back_as_it_was() {
    let server = Server::start();
    let client = server.client();
    let (user, other) = (client.new_user(), client.new_user());
    let fid = user.publish("a", b"bytes");
    let label = json!({"fid": fid, "classify": "合同"});
    user.post("/app/user/modifyfile", label).expect_bare(141);
    user.publish("b", b"others");
    let before = (
        user.post("/app/user/getownfilelist", json!({})).json,
        user.info().json,
    );
    delete(&user, &fid);
    for who in [&user, &other] {
        who.get_file(&fid).expect_bare(2);
        who.instant("a", &md5_hex(b"bytes")).expect_bare(2);
        who.post("/app/user/favorite", json!({"fid": fid}))
            .expect_bare(2);
        let change = json!({"fid": fid, "name": "c"});
        who.post("/app/user/modifyfile", change).expect_bare(2);
    }
    assert_eq!(user.own().len(), 1);
    assert!(other.recommended().iter().all(|entry| entry.fid != fid));
    let answer = trash(&user, json!({}));
    let row = &rows(&answer, &ARRAYS)[0];
    assert_eq!(json!(row[..2]), json!([fid, "a"]));
    assert_eq!(json!(row[3..7]), json!(["合同", "", true, 5]));
    assert!(row[7].as_i64() >= row[2].as_i64());
    assert_eq!(trashed(&other), (vec![], 0));
    // Quota counts what is in the trash, and the trash says how much that is.
    assert_eq!(user.info().json, before.1);
    assert_eq!(trashed(&user), (vec![fid.clone()], 5));
    trash(&other, json!({"restore": fid})).expect_bare(2);
    trash(&user, json!({"restore": fid})).expect_bare(0);
    trash(&user, json!({"restore": fid})).expect_bare(2);
    let after = (
        user.post("/app/user/getownfilelist", json!({})).json,
        user.info().json,
    );
    assert_eq!(after, before);
    assert_eq!(other.read(&fid), b"bytes");
}

#[test]
fn what_is_purged_is_gone_and_its_room_given_back() {
    let server = Server::start();
    let client = server.client();
    let (user, other) = (client.new_user(), client.new_user());
    let fid = user.publish("a", b"bytes");
    trash(&user, json!({"purge": fid})).expect_bare(2);
    delete(&user, &fid);
    trash(&other, json!({"purge": fid})).expect_bare(2);
    trash(&user, json!({"purge": fid})).expect_bare(0);
    trash(&user, json!({"purge": fid})).expect_bare(2);
    trash(&user, json!({"restore": fid})).expect_bare(2);
    assert_eq!(user.info().json["used"], 0);
    assert_eq!(trashed(&user), (vec![], 0));
}

#[test]
fn a_bad_wish_is_1_and_changes_nothing() {
    let server = Server::start();
    let user = server.client().new_user();
    let fid = user.publish("a", b"bytes");
    delete(&user, &fid);
    let before = server.dump();
    for bad in [
        json!({"restore": fid, "purge": fid}),
        json!({"restore": 5}),
        json!({"purge": [fid]}),
        json!({"purge": true}),
    ] {
        trash(&user, bad.clone()).expect_bare(1);
        server.expect_unchanged(&before, &bad.to_string());
    }
    for unknown in ["", "x", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
        trash(&user, json!({"restore": unknown})).expect_bare(2);
        trash(&user, json!({"purge": unknown})).expect_bare(2);
    }
    server.expect_unchanged(&before, "unknown fids");
}

#[test]
fn without_a_time_for_bringing_back_a_deleted_entry_is_gone_at_once() {
    let server = Server::with(&[("KMS_TRASH_RETENTION", "0s")]);
    let user = server.client().new_user();
    let fid = user.publish("a", b"bytes");
    delete(&user, &fid);
    assert_eq!(trashed(&user), (vec![], 0));
    trash(&user, json!({"restore": fid})).expect_bare(2);
    assert_eq!(user.info().json["used"], 0);
}

#[test]
fn what_was_deleted_long_enough_ago_goes_by_itself() {
    let server = Server::with(&[("KMS_TRASH_RETENTION", "1h"), ("KMS_GC_INTERVAL", "100ms")]);
    let user = server.client().new_user();
    let (old, young) = (user.publish("a", b"old"), user.publish("b", b"young"));
    delete(&user, &old);
    server.tamper("UPDATE trash SET deleted_at = deleted_at - 3600001");
    delete(&user, &young);
    until("the old one is gone", || {
        trashed(&user).0 == [young.clone()]
    });
    trash(&user, json!({"restore": old})).expect_bare(2);
    trash(&user, json!({"restore": young})).expect_bare(0);
    assert_eq!(user.read(&young), b"young");
}

#[test]
fn what_is_in_the_trash_survives_a_collection_a_kill_and_a_restart() {
    let mut server = Server::with(&[("KMS_GC_INTERVAL", "50ms"), ("KMS_GC_GRACE", "0s")]);
    let user = server.client().new_user();
    let kept = user.publish("a", b"in the trash");
    let gone = user.publish("b", b"purged");
    for fid in [&kept, &gone] {
        delete(&user, fid);
    }
    trash(&user, json!({"purge": gone})).expect_bare(0);
    until("the purged content is collected", || {
        server.blobs().len() == 1
    });
    server.kill();
    server.start_again();
    trash(&user, json!({"restore": kept})).expect_bare(0);
    assert_eq!(user.read(&kept), b"in the trash");
}

#[test]
fn a_collection_by_hand_removes_what_is_due_and_says_how_much() {
    let mut server = Server::with(&[("KMS_TRASH_RETENTION", "1h"), ("KMS_GC_GRACE", "0s")]);
    let user = server.new_user();
    let fids = [user.publish("a", b"old"), user.publish("b", b"older")];
    let young = user.publish("c", b"young");
    for fid in &fids {
        delete(&user, fid);
    }
    server.tamper("UPDATE trash SET deleted_at = deleted_at - 3600001");
    delete(&user, &young);
    server.stop();
    let told = |arguments: &[&str]| {
        let output = server.command(arguments, "");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let dry: Value = serde_json::from_str(&told(&["gc", "--json"])).unwrap();
    assert_eq!(dry["entries"], Value::Null, "a dry run does not look");
    let text = told(&["gc", "--apply"]);
    assert!(
        text.contains("deleted entries gone for good: 2\n"),
        "{text}"
    );
    assert!(text.contains("removed: 2 "), "{text}");
    let again: Value = serde_json::from_str(&told(&["gc", "--apply", "--json"])).unwrap();
    assert_eq!(again["entries"], 0);
    server.start_again();
    assert_eq!(trashed(&user).0, [young]);
}

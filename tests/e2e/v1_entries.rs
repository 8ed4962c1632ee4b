//! Entries, the trash and favourites below `/api/v1`.

use serde_json::{Value, json};

use crate::harness::{Server, User, md5_hex, sha256_hex, tick};
use crate::v1_lists::{entry, fids, list, next};

#[test]
fn an_entry_is_described_to_who_may_read_it() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let fid = user.publish("报告.pdf", b"content");
    let id = user.info().json["userid"].clone();
    user.send("PATCH", &entry(&fid), &json!({"label": "work"}))
        .expect_status(200);
    let own = user.get(&entry(&fid)).expect_status(200);
    let mut expected = json!({
        "fid": fid, "name": "报告.pdf", "size": 7, "md5": md5_hex(b"content"),
        "sha256": sha256_hex(b"content"), "public": true, "label": "work", "owner": id,
        "date": user.own()[0].date,
    });
    assert_eq!(own.json(), expected);
    // A label is its owner's own, and with it the tag is another.
    let theirs = other.get(&entry(&fid)).expect_status(200);
    expected["label"] = Value::Null;
    assert_eq!(theirs.json(), expected);
    assert_ne!(theirs.header("etag"), own.header("etag"));
}

#[test]
fn a_change_is_answered_with_the_entry_as_it_is_then() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let fid = user.publish("a", b"content");
    let change = json!({"name": "b", "public": false, "label": "work"});
    let changed = user.send("PATCH", &entry(&fid), &change).expect_status(200);
    let json = changed.json();
    for name in ["name", "public", "label"] {
        assert_eq!(json[name], change[name]);
    }
    other.get(&entry(&fid)).expect_problem(404, 2);
    for same in [change, json!({}), json!({"name": null})] {
        let again = user.send("PATCH", &entry(&fid), &same).expect_status(200);
        assert_eq!(again.json(), json);
        assert_eq!(again.header("etag"), changed.header("etag"));
    }
    let bare = user
        .send("PATCH", &entry(&fid), &json!({"label": ""}))
        .expect_status(200);
    assert_eq!(bare.json()["label"], Value::Null);
    let before = server.dump();
    for bad in [
        json!({"name": ""}),
        json!({"name": 1}),
        json!({"public": "yes"}),
        json!({"label": " "}),
        json!({"label": "x".repeat(33)}),
    ] {
        user.send("PATCH", &entry(&fid), &bad)
            .expect_problem(400, 1);
    }
    server.expect_unchanged(&before, "bad changes");
}

#[test]
fn what_was_deleted_is_in_the_trash_until_it_is_brought_back_or_purged() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let (first, second) = (
        user.publish("first", b"content"),
        user.hide("second", b"more"),
    );
    for fid in [&first, &second] {
        tick();
        user.delete(fid).expect_status(204);
        user.get(&entry(fid)).expect_problem(404, 2);
    }
    let trash = list(&user, "/trash", "files");
    assert_eq!(fids(&trash), [second.as_str(), &first]);
    assert_eq!(
        (&trash[0]["name"], &trash[0]["size"]),
        (&json!("second"), &json!(4))
    );
    assert!(trash[0]["deleted_at"].as_i64() >= trash[0]["date"].as_i64());
    let page = user.get("/trash?limit=1").expect_status(200);
    assert_eq!(
        fids(&list(&user, &next(&page).unwrap(), "files")),
        [first.as_str()]
    );
    assert!(list(&other, "/trash", "files").is_empty());
    let restore = |user: &User, fid: &str| {
        user.fetch("POST", &format!("/api/v1/trash/{fid}/restore"), &[], ())
    };
    let purge =
        |user: &User, fid: &str| user.fetch("DELETE", &format!("/api/v1/trash/{fid}"), &[], ());
    restore(&other, &first).expect_problem(404, 2);
    purge(&other, &first).expect_problem(404, 2);
    restore(&user, &first).expect_status(204);
    restore(&user, &first).expect_problem(404, 2);
    assert_eq!(
        user.content(&first, &[]).expect_status(200).body,
        b"content"
    );
    purge(&user, &first).expect_problem(404, 2);
    purge(&user, &second).expect_status(204);
    restore(&user, &second).expect_problem(404, 2);
    assert!(list(&user, "/trash", "files").is_empty());
}

#[test]
fn favourites_are_made_once_and_given_up_by_either_id() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let sources = [
        other.publish("one", b"content"),
        other.publish("two", b"more"),
    ];
    let put = |source: &str| {
        let path = format!("/api/v1/favourites/{source}");
        user.fetch("PUT", &path, &[], ())
    };
    let made = sources.clone().map(|source| {
        tick();
        let fid = put(&source).expect_status(201).json()["fid"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(put(&source).expect_status(200).json()["fid"], fid.as_str());
        fid
    });
    let favourites = list(&user, "/favourites", "favourites");
    assert_eq!(fids(&favourites), [made[1].as_str(), &made[0]]);
    assert_eq!(favourites[0]["source"], sources[1].as_str());
    assert_eq!(
        (&favourites[0]["name"], &favourites[0]["size"]),
        (&json!("two"), &json!(4))
    );
    assert_eq!(favourites[0]["owner"], other.info().json["userid"]);
    let page = user.get("/favourites?limit=1").expect_status(200);
    let rest = list(&user, &next(&page).unwrap(), "favourites");
    assert_eq!(fids(&rest), [made[0].as_str()]);
    assert_eq!(
        user.content(&made[0], &[]).expect_status(200).body,
        b"content"
    );
    let cancel = |id: &str| {
        let path = format!("/api/v1/favourites/{id}");
        user.fetch("DELETE", &path, &[], ())
    };
    cancel(&sources[0]).expect_status(204);
    cancel(&made[1]).expect_status(204);
    for id in [&sources[0], &made[1], "no-id"] {
        cancel(id).expect_problem(404, 2);
    }
    put("no-id").expect_problem(404, 2);
    put(&other.hide("private", b"private")).expect_problem(404, 2);
    assert!(list(&user, "/favourites", "favourites").is_empty());
}

/// A favourite is its owner's alone.
#[test]
fn a_favourite_cannot_be_made_public() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let source = other.publish("a", b"content");
    let path = format!("/api/v1/favourites/{source}");
    let made = user.fetch("PUT", &path, &[], ()).expect_status(201).json();
    let fid = made["fid"].as_str().unwrap();
    user.send("PATCH", &entry(fid), &json!({"public": true}))
        .expect_problem(400, 1);
    let named = user
        .send("PATCH", &entry(fid), &json!({"name": "mine"}))
        .expect_status(200);
    assert_eq!(named.json()["name"], "mine");
    assert_eq!(other.get(&entry(&source)).json()["name"], "a");
}

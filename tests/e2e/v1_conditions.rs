//! What reading, changing and deleting an entry below `/api/v1` can be conditional on.

use serde_json::json;

use crate::harness::{Server, at_once};

fn entry(fid: &str) -> String {
    format!("/files/{fid}")
}

#[test]
fn a_change_of_what_has_changed_since_is_refused() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let seen = user.get(&entry(&fid)).header("etag").unwrap().to_owned();
    let change = |tag: &str, name: &str| {
        let text = json!({"name": name}).to_string();
        let path = format!("/api/v1{}", entry(&fid));
        user.fetch("PATCH", &path, &[("If-Match", tag)], text.as_str())
    };
    change("\"other\"", "b").expect_problem(412, 1);
    let changed = change(&seen, "b").expect_status(200);
    change(&seen, "c").expect_problem(412, 1);
    assert_eq!(user.get(&entry(&fid)).json()["name"], "b");
    change(changed.header("etag").unwrap(), "c").expect_status(200);
    change("*", "d").expect_status(200);
}

#[test]
fn of_simultaneous_changes_of_what_was_seen_one_is_made() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    for round in 0..10 {
        let seen = user.get(&entry(&fid)).header("etag").unwrap().to_owned();
        let replies = at_once(4, |n| {
            let text = json!({"name": format!("{round} by {n}")}).to_string();
            let path = format!("/api/v1{}", entry(&fid));
            user.fetch("PATCH", &path, &[("If-Match", &seen)], text.as_str())
        });
        let made = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(made, 1, "{replies:?}");
        assert!(
            replies
                .iter()
                .all(|reply| matches!(reply.status, 200 | 412))
        );
    }
}

#[test]
fn an_entry_that_is_known_is_not_sent_and_another_than_is_meant_neither() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let tag = user.get(&entry(&fid)).header("etag").unwrap().to_owned();
    let path = format!("/api/v1{}", entry(&fid));
    let ask = |name: &str, value: &str| user.fetch("GET", &path, &[(name, value)], ());
    for value in [&tag, "*", &format!("W/{tag}"), &format!("\"x\", {tag}")] {
        let known = ask("If-None-Match", value).expect_status(304);
        assert_eq!((known.header("etag"), known.body.len()), (Some(&*tag), 0));
    }
    for (name, value) in [
        ("If-None-Match", "\"x\""),
        ("If-Match", tag.as_str()),
        ("If-Match", "*"),
    ] {
        assert_eq!(ask(name, value).expect_status(200).json()["name"], "a");
    }
    for value in ["\"x\"", &format!("W/{tag}"), "x"] {
        ask("If-Match", value).expect_problem(412, 1);
    }
    user.send("PATCH", &entry(&fid), &json!({"name": "b"}))
        .expect_status(200);
    ask("If-None-Match", &tag).expect_status(200);
    ask("If-Match", &tag).expect_problem(412, 1);
}

#[test]
fn an_entry_that_has_changed_since_is_not_deleted() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let tag = || user.get(&entry(&fid)).header("etag").unwrap().to_owned();
    let path = format!("/api/v1{}", entry(&fid));
    let delete = |name: &str, value: &str| user.fetch("DELETE", &path, &[(name, value)], ());
    let seen = tag();
    user.send("PATCH", &entry(&fid), &json!({"name": "b"}))
        .expect_status(200);
    let before = server.dump();
    delete("If-Match", &seen).expect_problem(412, 1);
    delete("If-None-Match", "*").expect_problem(412, 1);
    server.expect_unchanged(&before, "deletes of another entry");
    delete("If-Match", &tag()).expect_status(204);
    delete("If-Match", "*").expect_problem(404, 2);
}

#[test]
fn an_entry_of_somebody_else_is_not_there_to_change_under_any_condition() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let fid = user.publish("a", b"content");
    let tag = other.get(&entry(&fid)).header("etag").unwrap().to_owned();
    let path = format!("/api/v1{}", entry(&fid));
    for headers in [
        [("If-Match", "\"x\"")],
        [("If-Match", tag.as_str())],
        [("If-Match", "*")],
        [("If-None-Match", "*")],
    ] {
        let change = other.fetch("PATCH", &path, &headers, r#"{"name":"b"}"#);
        change.expect_problem(404, 2);
        let delete = other.fetch("DELETE", &path, &headers, ());
        delete.expect_problem(404, 2);
    }
    assert_eq!(user.get(&entry(&fid)).json()["name"], "a");
}

//! `/api/v1/me/avatar`: the bytes as they are.

use crate::harness::{Reply, Server, User, at_once, bytes, sha256_hex};

const AVATAR: &str = "/api/v1/me/avatar";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

fn put(user: &User, headers: &[(&str, &str)], content: &[u8]) -> Reply {
    user.fetch("PUT", AVATAR, headers, content)
}

fn etag(content: &[u8]) -> String {
    format!("\"{}\"", sha256_hex(content))
}

#[test]
fn an_avatar_of_one_api_is_the_avatar_of_the_other() {
    let server = Server::start();
    let user = server.new_user();
    user.fetch("GET", AVATAR, &[], ()).expect_problem(404, 2);
    let content = bytes(1, 300_000);
    let reply = put(&user, &[], &content).expect_status(201);
    assert_eq!(reply.header("etag"), Some(etag(&content).as_str()));
    assert_eq!(reply.json()["size"], 300_000);
    assert_eq!(reply.json()["sha256"], sha256_hex(&content));
    assert!(user.get_avatar().expect_code(121).data() == content);
    user.set_avatar(b"another").expect_code(120);
    let reply = user.fetch("GET", AVATAR, &[], ()).expect_status(200);
    assert_eq!(reply.body, b"another");
    put(&user, &[], &content).expect_status(200);
    let part = user.fetch("GET", AVATAR, &[("Range", "bytes=1-2")], ());
    assert_eq!(part.expect_status(206).body, content[1..3]);
}

#[test]
fn an_avatar_is_never_active() {
    let server = Server::start();
    let user = server.new_user();
    let page = b"<!DOCTYPE html><script>alert(1)</script>\0";
    for (content, shown) in [(PNG, "image/png"), (page, "application/octet-stream")] {
        put(&user, &[], content);
        let reply = user.fetch("GET", AVATAR, &[], ()).expect_status(200);
        assert_eq!(
            reply.header("content-type"),
            Some("application/octet-stream")
        );
        let disposition = reply.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment;"), "{disposition}");
        assert_eq!(reply.header("last-modified"), None);
        let inline = format!("{AVATAR}?disposition=inline");
        for method in ["GET", "HEAD"] {
            let reply = user.fetch(method, &inline, &[], ()).expect_status(200);
            assert_eq!(reply.header("content-type"), Some(shown));
        }
    }
}

#[test]
fn what_is_refused_leaves_the_avatar_as_it_was() {
    let server = Server::with(&[("KMS_MAX_AVATAR", "1KiB")]);
    let user = server.new_user();
    put(&user, &[], PNG).expect_status(201);
    let before = server.dump();
    put(&user, &[], b"").expect_problem(400, 1);
    put(&user, &[], &bytes(1, 1025)).expect_problem(413, 6);
    put(&user, &[("Content-Encoding", "gzip")], b"x").expect_problem(400, 1);
    let digest = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
    for name in ["Repr-Digest", "Content-Digest"] {
        put(&user, &[(name, digest)], b"x").expect_problem(400, 1);
        put(&user, &[(name, "nonsense=")], b"x").expect_problem(400, 1);
    }
    for (name, value) in [
        ("If-None-Match", "*".to_owned()),
        ("If-None-Match", etag(PNG)),
        ("If-None-Match", format!("W/{}", etag(PNG))),
        ("If-Match", etag(b"another")),
        ("If-Match", format!("W/{}", etag(PNG))),
        ("If-Match", "nonsense".to_owned()),
    ] {
        put(&user, &[(name, &value)], b"x").expect_problem(412, 1);
    }
    server.expect_unchanged(&before, "refused avatars");
}

/// However they meet.
#[test]
fn of_simultaneous_avatars_in_the_place_of_one_that_was_seen_one_is_set() {
    let server = Server::start();
    let user = server.new_user();
    for round in 0..10 {
        let seen = [round, 255];
        put(&user, &[], &seen);
        let tag = etag(&seen);
        let replies = at_once(4, |n| put(&user, &[("If-Match", &tag)], &[round, n as u8]));
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
fn conditions_that_hold_change_it() {
    let server = Server::start();
    let user = server.new_user();
    put(&user, &[("If-Match", "*")], b"first").expect_problem(412, 1);
    put(&user, &[("If-None-Match", "*")], b"first").expect_status(201);
    put(&user, &[("If-Match", &etag(b"first"))], b"second").expect_status(200);
    put(&user, &[("If-Match", "*")], b"third").expect_status(200);
    let headers = [("If-None-Match", "\"another\"")];
    put(&user, &headers, b"fourth").expect_status(200);
    let held = [("If-None-Match", etag(b"fourth"))];
    let held: Vec<_> = held
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    user.fetch("GET", AVATAR, &held, ()).expect_status(304);
}

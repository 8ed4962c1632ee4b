//! What content below `/api/v1` says of itself: its digest, and whether it may be shown.

use crate::harness::data::digest_field;
use crate::harness::reply::content_of;
use crate::harness::{Server, bytes, sha256_hex};

/// Of the whole representation, whatever part of it is the answer; and of the content only where that is whole.
#[test]
fn the_digest_is_told_unless_it_is_not_wanted() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 5000);
    let fid = user.publish("a", &content);
    let expected = digest_field(&content);
    let route = content_of(&fid);
    let wants = ("Want-Content-Digest", "sha-256=1");
    for (method, headers, status, of_content) in [
        ("GET", vec![], 200, false),
        ("HEAD", vec![], 200, false),
        ("GET", vec![("Range", "bytes=1-2")], 206, false),
        ("GET", vec![wants], 200, true),
        ("HEAD", vec![wants], 200, false),
        ("GET", vec![wants, ("Range", "bytes=0-4999")], 206, false),
        (
            "GET",
            vec![("Want-Repr-Digest", "sha-512=9, sha-256=1")],
            200,
            false,
        ),
        ("GET", vec![("Want-Repr-Digest", "nonsense=")], 200, false),
    ] {
        let reply = user
            .fetch(method, &route, &headers, ())
            .expect_status(status);
        assert_eq!(
            reply.header("repr-digest"),
            Some(expected.as_str()),
            "{headers:?}"
        );
        let found = reply.header("content-digest");
        assert_eq!(
            found,
            of_content.then_some(expected.as_str()),
            "{headers:?}"
        );
    }
    let reply = user.content(&fid, &[("Want-Repr-Digest", "sha-256=0")]);
    assert_eq!(reply.header("repr-digest"), None);
}

/// What the bytes are decides, and never what they are called.
#[test]
fn only_what_is_harmless_is_shown() {
    let server = Server::start();
    let user = server.new_user();
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &bytes(1, 600_000)].concat();
    let page = b"<!DOCTYPE html><script>alert(1)</script>";
    let binary = [page.as_slice(), b"\0"].concat();
    for (title, content, media_type) in [
        ("page.html", png.as_slice(), "image/png"),
        ("picture.png", page, "text/plain; charset=utf-8"),
        ("picture.png", &binary, "application/octet-stream"),
        ("text.txt", b"\xff\xfe\x00", "application/octet-stream"),
        (
            "paper.pdf",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
            "application/octet-stream",
        ),
    ] {
        let fid = user.publish(title, content);
        let is_shown = media_type != "application/octet-stream";
        let kind = if is_shown { "inline;" } else { "attachment;" };
        let route = format!("{}?disposition=inline", content_of(&fid));
        for (method, range) in [
            ("GET", None),
            ("HEAD", None),
            ("GET", Some(("Range", "bytes=1-2"))),
        ] {
            let headers: Vec<_> = range.into_iter().collect();
            // That nothing is run is checked for every answer.
            let reply = user.fetch(method, &route, &headers, ());
            assert_eq!(reply.header("content-type"), Some(media_type), "{title}");
            assert!(
                reply
                    .header("content-disposition")
                    .unwrap()
                    .starts_with(kind),
                "{title}"
            );
            match (method, range) {
                ("GET", Some(_)) => assert_eq!(reply.expect_status(206).body, content[1..3]),
                ("GET", None) => assert!(reply.expect_status(200).body == content),
                _ => assert_eq!(reply.expect_status(200).body, b""),
            }
        }
        let route = format!("{}?disposition=attachment", content_of(&fid));
        for reply in [user.content(&fid, &[]), user.fetch("GET", &route, &[], ())] {
            assert_eq!(
                reply.header("content-type"),
                Some("application/octet-stream")
            );
        }
    }
}

/// Not even to find out what it is.
#[test]
fn nothing_is_read_of_what_is_not_sent() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 100_000);
    let fid = user.publish("a", &content);
    server.only_blob().flip_a_byte();
    let route = format!("{}?disposition=inline", content_of(&fid));
    let tag = format!("\"{}\"", sha256_hex(&content));
    for (name, value, status) in [
        ("If-None-Match", tag.as_str(), 304),
        ("If-Match", "\"x\"", 412),
    ] {
        user.fetch("GET", &route, &[(name, value)], ())
            .expect_status(status);
    }
    user.fetch("GET", &route, &[], ()).expect_problem(500, 5);
}

#[test]
fn a_disposition_that_there_is_not_is_refused_behind_the_token() {
    let server = Server::start();
    let user = server.new_user();
    let route = content_of(&user.publish("a", b"content"));
    for query in [
        "disposition=shown",
        "disposition=inline&disposition=inline",
        "disposition=%ff",
    ] {
        let route = format!("{route}?{query}");
        user.fetch("GET", &route, &[], ()).expect_problem(400, 1);
        let headers = [("Authorization", "Bearer made-up")];
        user.client
            .fetch("GET", &route, &headers, ())
            .expect_problem(401, 3);
    }
    for query in ["", "x=y", "disposition="] {
        user.fetch("GET", &format!("{route}?{query}"), &[], ())
            .expect_status(200);
    }
}

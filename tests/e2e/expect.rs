//! `Expect: 100-continue`: what a head decides is answered before the body, and nobody takes what comes afterwards
//! for a request.

use std::time::Duration;

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::data::sha256_hex;
use crate::harness::wire::{chunk, head, post, slow_upload};
use crate::harness::{Server, User, Wire, bytes, until};

/// Longer than the rest of a body is read after an early answer.
const SOON: Duration = Duration::from_secs(20);
const EXPECT: (&str, &str) = ("Expect", "100-continue");
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");
const MIB: usize = 1024 * 1024;

/// What a client does with its body, of which none was asked for.
#[derive(Clone, Copy, Debug)]
enum Then {
    Leaves,
    Waits,
    SendsItsBody,
    AsksOnWithoutIt,
}

const ALL: [Then; 4] = [
    Then::Leaves,
    Then::Waits,
    Then::SendsItsBody,
    Then::AsksOnWithoutIt,
];

/// How its body comes, if it comes.
#[derive(Clone, Copy, Debug)]
enum Framed {
    Length,
    Chunks,
}

/// A head whose body of `length` bytes waits to be asked for.
fn waiting(target: &str, headers: &[(&str, &str)], framed: Framed, length: usize) -> String {
    let length = length.to_string();
    let framing = match framed {
        Framed::Length => ("Content-Length", length.as_str()),
        Framed::Chunks => CHUNKED,
    };
    head("POST", target, &[headers, &[EXPECT, framing]].concat())
}

fn as_framed(framed: Framed, body: &[u8]) -> Vec<u8> {
    match framed {
        Framed::Length => body.to_vec(),
        Framed::Chunks => [chunk(body), chunk(b"")].concat(),
    }
}

/// The rest of the life of a connection whose request was answered instead of its body being asked for.
fn live_on(mut wire: Wire, user: &User, then: Then, framed: Framed, length: usize) {
    let smuggled = user.signed(json!({"name": "smuggled", "data": "eA=="}));
    let smuggled = post("/app/user/upload", smuggled.to_string());
    match then {
        Then::Leaves => return,
        Then::Waits => {}
        // The body is what a request would be, and the server may close before all of it is sent.
        Then::SendsItsBody => {
            let body = smuggled.repeat(length / smuggled.len() + 1);
            let _ = wire.try_send(as_framed(framed, &body[..length]));
        }
        Then::AsksOnWithoutIt => {
            let _ = wire.try_send(&smuggled);
        }
    }
    assert!(
        wire.answer_if_any().is_none(),
        "{then:?} {framed:?}: a second answer"
    );
    assert!(wire.is_closed_within(SOON), "{then:?} {framed:?}");
}

#[test]
fn what_a_head_decides_is_answered_before_the_body_is_asked_for() {
    let server = Server::with(&[("KMS_MAX_FILE", "1MiB"), ("KMS_MAX_AVATAR", "1MiB")]);
    let user = server.new_user();
    let before = user.state();
    let bearer = user.bearer();
    let bearer = ("Authorization", bearer.as_str());
    let stranger = ("Authorization", "Bearer unknown");
    let gzip = ("Content-Encoding", "gzip");
    for (what, target, headers, framed, length, code) in [
        (
            "a file",
            "/app/user/upload",
            vec![],
            Framed::Length,
            6 * MIB,
            6,
        ),
        (
            "an avatar",
            "/app/user/avatar",
            vec![],
            Framed::Length,
            6 * MIB,
            6,
        ),
        ("fields", "/app/user/info", vec![], Framed::Length, MIB, 6),
        ("no route", "/app/nowhere", vec![], Framed::Length, 100, 2),
        ("no route", "/app/nowhere", vec![], Framed::Chunks, 100, 2),
        (
            "packed",
            "/app/user/upload",
            vec![gzip],
            Framed::Chunks,
            100,
            1,
        ),
        (
            "nobody",
            "/api/v1/files?name=a",
            vec![],
            Framed::Length,
            100,
            4,
        ),
        (
            "nobody",
            "/api/v1/files?name=a",
            vec![],
            Framed::Chunks,
            100,
            4,
        ),
        (
            "bad",
            "/api/v1/files?name=a",
            vec![stranger],
            Framed::Length,
            100,
            3,
        ),
        (
            "bad",
            "/api/v1/files?name=a",
            vec![stranger],
            Framed::Chunks,
            100,
            3,
        ),
        (
            "nameless",
            "/api/v1/files",
            vec![bearer],
            Framed::Length,
            100,
            1,
        ),
        (
            "large",
            "/api/v1/files?name=a",
            vec![bearer],
            Framed::Length,
            MIB + 1,
            6,
        ),
    ] {
        for then in ALL {
            let mut wire = Wire::to(&user.client);
            wire.send(waiting(target, &headers, framed, length));
            if target.starts_with("/api/v1") {
                let reply = wire.reply();
                assert_eq!(reply.json()["code"], code, "{what}: {reply:?}");
                assert_eq!(reply.header("connection"), Some("close"), "{what}");
            } else {
                let answer = wire.answer().expect_bare(code);
                assert_eq!(answer.header("connection"), Some("close"), "{what}");
            }
            live_on(wire, &user, then, framed, length);
        }
    }
    // What comes in one piece with the head is no body and no request either.
    let smuggled = user.signed(json!({"name": "smuggled", "data": "eA=="}));
    let smuggled = post("/app/user/upload", smuggled.to_string());
    for framed in [Framed::Length, Framed::Chunks] {
        let mut wire = Wire::to(&user.client);
        let head = waiting("/app/nowhere", &[], framed, smuggled.len());
        wire.send([head.into_bytes(), smuggled.clone()].concat());
        wire.answer().expect_bare(2);
        live_on(wire, &user, Then::Waits, framed, 0);
    }
    assert_eq!(user.state(), before);
    assert!(server.blobs().is_empty());
}

/// A server whose only place for an upload is taken for as long as the wire lives.
fn full() -> (Server, User, Wire) {
    let server = Server::with(&[("KMS_UPLOADS", "1")]);
    let user = server.new_user();
    let slow = slow_upload(&server, &user);
    (server, user, slow)
}

#[test]
fn a_full_server_refuses_an_upload_before_its_body_comes() {
    let (server, user, slow) = full();
    let before = user.state();
    let bearer = user.bearer();
    let bearer = [("Authorization", bearer.as_str())];
    for (target, then) in [
        "/app/user/upload",
        "/app/user/avatar",
        "/api/v1/files?name=a",
    ]
    .into_iter()
    .flat_map(|target| ALL.map(|then| (target, then)))
    {
        let mut wire = Wire::to(&user.client);
        wire.send(waiting(target, &bearer, Framed::Length, 200_000));
        let id = if target.starts_with("/api/v1") {
            let reply = wire.reply().expect_problem(503, 8);
            assert_eq!(reply.header("retry-after"), Some("1"));
            reply.header("x-request-id").unwrap().to_owned()
        } else {
            let answer = wire.answer().expect_bare(8);
            answer.header("x-request-id").unwrap().to_owned()
        };
        // It went through the server once.
        server.wait_for_log(&format!("request_id=\"{id}\" method=POST"));
        let lines = server.log();
        let lines = lines.lines().filter(|line| line.contains("method=POST"));
        assert_eq!(lines.filter(|line| line.contains(&id)).count(), 1);
        live_on(wire, &user, then, Framed::Length, 200_000);
    }
    assert_eq!(user.state(), before);
    drop(slow);
    until("the place is free again", || {
        user.upload("b", &bytes(1, 200_000)).code() == 130
    });
}

/// Clients send all they have before they read, and their answer must survive what is thrown away.
#[test]
fn who_does_not_wait_reads_the_refusal_behind_all_it_has_sent() {
    let (server, user, slow) = full();
    let bearer = user.bearer();
    let length = 4 * MIB;
    for headers in [vec![EXPECT], vec![]] {
        for target in ["/app/user/upload", "/api/v1/files?name=a"] {
            let size = length.to_string();
            let both = [
                ("Authorization", bearer.as_str()),
                ("Content-Length", &size),
            ];
            let mut wire = Wire::to(&user.client);
            wire.send(head("POST", target, &[&headers[..], &both].concat()));
            wire.send(vec![b'x'; length]);
            assert_eq!(wire.reply_status(), 503, "{target} {headers:?}");
            wire.end_sending();
            assert!(wire.is_closed_within(SOON), "{target} {headers:?}");
        }
    }
    drop(slow);
    until("nothing is staged", || server.staged().is_empty());
}

/// A new connection costs both sides more than a body that has come.
#[test]
fn who_has_sent_a_body_that_is_not_large_keeps_the_connection_after_a_refusal() {
    let (server, user, slow) = full();
    let before = user.state();
    let bearer = user.bearer();
    let length = 200_000;
    for target in [
        "/app/user/upload",
        "/app/user/avatar",
        "/api/v1/files?name=a",
    ] {
        let size = length.to_string();
        let both = [
            ("Authorization", bearer.as_str()),
            ("Content-Length", &size),
        ];
        let mut wire = Wire::to(&user.client);
        // A machine may be too busy to send it in time, and then that was the last answer.
        until("a connection is kept", || {
            wire.send(head("POST", target, &both));
            let _ = wire.try_send(vec![b'x'; length]);
            let (status, ends) = wire.reply_passed_over();
            assert_eq!(status, 503, "{target}");
            if ends {
                wire = Wire::to(&user.client);
            }
            !ends
        });
        wire.send(post("/app/user/info", user.signed(json!({})).to_string()));
        wire.answer().expect_code(0);
        // Who does not send it is refused all the same, and that is the end.
        wire.send(head("POST", target, &both));
        assert_eq!(wire.reply_status(), 503, "{target}");
        wire.end_sending();
        assert!(wire.is_closed_within(SOON), "{target}");
    }
    assert_eq!(user.state(), before);
    drop(slow);
    until("nothing is staged", || server.staged().is_empty());
}

#[test]
fn who_is_asked_is_served_and_keeps_the_connection() {
    let server = Server::start();
    let user = server.new_user();
    let bearer = user.bearer();
    let bearer = [("Authorization", bearer.as_str())];
    let content = bytes(1, 300_000);
    let upload = user.signed(json!({"name": "a", "data": base64(&content)}));
    let upload = upload.to_string().into_bytes();
    let info = user.signed(json!({})).to_string().into_bytes();
    for (target, body, status) in [
        ("/app/user/info", &info, 200),
        ("/app/user/upload", &upload, 201),
        ("/api/v1/files?name=a", &content, 201),
    ] {
        for framed in [Framed::Length, Framed::Chunks] {
            for waits in [true, false] {
                let mut wire = Wire::to(&user.client);
                wire.send(waiting(target, &bearer, framed, body.len()));
                if waits {
                    assert_eq!(wire.status_or_close(), Some(100), "{target} {framed:?}");
                }
                wire.send(as_framed(framed, body));
                let mut found = wire.reply_status();
                if !waits && found == 100 {
                    found = wire.reply_status();
                }
                assert_eq!(found, status, "{target} {framed:?} {waits}");
                wire.send(post("/app/user/info", &info));
                wire.answer().expect_code(0);
            }
        }
    }
    assert_eq!(server.only_blob().sha256, sha256_hex(&content));
}

#[test]
fn nobody_is_asked_for_a_body_that_there_is_none_of() {
    let server = Server::start();
    let user = server.new_user();
    let bearer = user.bearer();
    let fid = user.upload("a", b"content").fid();
    let content = format!("/api/v1/files/{fid}/content");
    let mut wire = Wire::to(&user.client);
    for (method, status) in [("GET", 200), ("POST", 405), ("GET", 200)] {
        wire.send(head(
            method,
            &content,
            &[("Authorization", &bearer), EXPECT],
        ));
        assert_eq!(wire.reply_status(), status);
    }
    wire.send(post("/app/user/info", user.signed(json!({})).to_string()));
    wire.answer().expect_code(0);
}

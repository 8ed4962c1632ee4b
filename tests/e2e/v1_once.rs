//! Uploads below `/api/v1` that are stored at most once, or only if they are what they should be.

use std::thread;

use crate::harness::data::digest_field;
use crate::harness::document::DOCUMENT;
use crate::harness::wire::head;
use crate::harness::{Reply, Server, User, Wire, bytes, sha256_hex, until};

const ROUTE: &str = "/api/v1/files?name=a&public=false";

#[track_caller]
fn send(user: &User, headers: &[(&str, &str)], content: &[u8]) -> Reply {
    user.fetch("POST", ROUTE, headers, content)
}

#[track_caller]
fn keyed(user: &User, key: &str, content: &[u8]) -> Reply {
    send(user, &[("Idempotency-Key", key)], content)
}

fn fid(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["fid"].as_str().unwrap().to_owned()
}

#[test]
fn an_upload_that_is_sent_again_under_its_key_gets_the_first_answer() {
    let mut server = Server::start();
    let user = server.new_user();
    for (key, size) in [("\"small\"", 5), ("large", 700_000)] {
        let content = bytes(size as u64, size);
        let first = keyed(&user, key, &content);
        let again = keyed(&user, key, &content);
        assert_eq!(again.status, 201);
        assert_eq!(again.json(), first.json());
        assert_eq!(again.header("location"), first.header("location"));
        assert!(user.content(&fid(&first), &[]).body == content);
    }
    assert_eq!(user.own().len(), 2);
    // Quotes or not, the key is the same; and it outlives the entry and the process.
    let small = keyed(&user, "small", &bytes(5, 5));
    user.delete(&fid(&small)).expect_status(204);
    server.stop();
    server.start_again();
    assert_eq!(keyed(&user, "small", &bytes(5, 5)).json(), small.json());
    assert_eq!(user.own().len(), 1);
}

/// What was acknowledged under a key is known under it whatever happened to the process.
#[test]
fn a_key_is_as_durable_as_its_entry() {
    let mut server = Server::start();
    let user = server.new_user();
    let first = keyed(&user, "key", b"content");
    server.kill();
    server.start_again();
    assert_eq!(keyed(&user, "key", b"content").json(), first.json());
    assert_eq!(user.own().len(), 1);
}

#[test]
fn another_upload_under_a_key_is_refused_and_stores_nothing() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    keyed(&user, "key", b"content").expect_status(201);
    let before = server.dump();
    keyed(&user, "key", b"another").expect_problem(422, 1);
    for query in ["name=b&public=false", "name=a&public=true", "name=a"] {
        let path = format!("/api/v1/files?{query}");
        let reply = user.fetch(
            "POST",
            &path,
            &[("Idempotency-Key", "key")],
            b"content".as_slice(),
        );
        reply.expect_problem(422, 1);
    }
    for key in ["", "\"\"", "a b", "\"open", "\"a\", \"b\""] {
        keyed(&user, key, b"content").expect_problem(400, 1);
    }
    server.expect_unchanged(&before, "a key that is taken or none");
    // A key is its account's own, and what failed has not used one up.
    keyed(&other, "key", b"another").expect_status(201);
    keyed(&user, "new", b"").expect_problem(400, 1);
    keyed(&user, "new", b"content").expect_status(201);
}

#[test]
fn a_key_is_what_the_document_says() {
    let server = Server::start();
    let user = server.new_user();
    let parameters = &DOCUMENT["paths"]["/api/v1/files"]["post"]["parameters"];
    let mut parameters = parameters.as_array().unwrap().iter();
    let described = parameters.find(|it| it["name"] == "Idempotency-Key");
    let schema = jsonschema::validator_for(&described.unwrap()["schema"]).unwrap();
    let long = |n| "k".repeat(n);
    let quoted = |n| format!("\"{}\"", long(n));
    for (key, is_good) in [
        ("a", true),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", true),
        ("a_b.c:d/e+f=~!#$%&'()*@[\\]^`{|}<>?", true),
        (&long(255), true),
        (&quoted(255), true),
        (r#""a b, c;d\"e\\""#, true),
        ("\" \"", true),
        (&long(256), false),
        (&quoted(256), false),
        ("\"\"", false),
        ("a b", false),
        ("a,b", false),
        ("a;b", false),
        ("a\"b", false),
        ("\"a", false),
        (r#""a\b""#, false),
        ("\"é\"", false),
        ("é", false),
    ] {
        assert_eq!(schema.is_valid(&key.into()), is_good, "{key}");
        let status = keyed(&user, key, b"content").status;
        assert_eq!(status, if is_good { 201 } else { 400 }, "{key}");
    }
}

#[test]
fn what_is_known_to_be_refused_is_refused_before_it_comes() {
    let server = Server::start();
    let user = server.new_user();
    keyed(&user, "key", b"content").expect_status(201);
    let bearer = user.bearer();
    let tag = format!("\"{}\"", sha256_hex(b"content"));
    for (name, value, status) in [
        ("Idempotency-Key", "key", 422),
        ("If-None-Match", &tag, 412),
    ] {
        let mut wire = Wire::to(&user.client);
        let headers = [
            ("Authorization", bearer.as_str()),
            (name, value),
            ("Content-Length", "1000000"),
        ];
        wire.send(head("POST", "/api/v1/files?name=other", &headers));
        wire.reply().expect_problem(status, 1);
    }
}

#[test]
fn a_key_that_is_in_use_is_a_conflict_and_free_afterwards() {
    let server = Server::start();
    let user = server.new_user();
    let bearer = user.bearer();
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Idempotency-Key", "key"),
        ("Content-Length", "7"),
    ];
    let mut first = None;
    until("the key is in use", || {
        let mut slow = Wire::to(&user.client);
        slow.send(head("POST", ROUTE, &headers));
        slow.send("con");
        let reply = keyed(&user, "key", b"content");
        if reply.status != 409 {
            // It came first, so that the slow one would only have repeated it.
            assert_eq!(reply.status, 201);
            return false;
        }
        let reply = reply.expect_problem(409, 8);
        assert!(reply.header("retry-after").is_some());
        keyed(&user, "other", b"content").expect_status(201);
        // It may be an earlier one that has the key.
        if slow.try_send("tent").is_err() {
            return false;
        }
        let reply = slow.reply();
        first = (reply.status == 201).then(|| fid(&reply));
        first.is_some()
    });
    let first = first.unwrap();
    assert_eq!(fid(&keyed(&user, "key", b"content")), first);
    // One that breaks off gives it back as well.
    let mut broken = Wire::to(&user.client);
    let headers = [headers[0], ("Idempotency-Key", "broken"), headers[2]];
    broken.send(head("POST", ROUTE, &headers));
    broken.send("con");
    drop(broken);
    until("the key is free", || {
        keyed(&user, "broken", b"content").status == 201
    });
}

/// However they meet: each is told of the one that was stored, or to come back.
#[test]
fn of_many_at_once_under_one_key_one_is_stored() {
    let server = Server::start();
    let user = server.new_user();
    for round in 0..5 {
        let key = format!("key-{round}");
        let content = bytes(round, 40_000);
        let before = user.own().len();
        let replies: Vec<_> = thread::scope(|scope| {
            let send = || keyed(&user, &key, &content);
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let stored = fid(&keyed(&user, &key, &content));
        for reply in &replies {
            match reply.status {
                201 => assert_eq!(fid(reply), stored),
                _ => {
                    reply.clone().expect_problem(409, 8);
                }
            }
        }
        assert!(replies.iter().any(|reply| reply.status == 201));
        assert_eq!(user.own().len(), before + 1);
    }
}

/// Nor does a full account get room for something else by it: that is refused as soon as it is longer than
/// the first upload.
#[test]
fn a_repetition_has_the_room_of_the_first_upload_and_no_more() {
    let server = Server::with(&[("KMS_QUOTA_BYTES", "100KB")]);
    let user = server.new_user();
    keyed(&user, "key", &bytes(1, 50_000)).expect_status(201);
    let bearer = user.bearer();
    let headers = |length| {
        [
            ("Authorization", bearer.as_str()),
            ("Idempotency-Key", "key"),
            length,
        ]
    };
    let before = server.dump();
    let mut wire = Wire::to(&user.client);
    wire.send(head("POST", ROUTE, &headers(("Content-Length", "50001"))));
    wire.reply().expect_problem(422, 1);
    let mut wire = Wire::to(&user.client);
    let chunked = ("Transfer-Encoding", "chunked");
    wire.send(head("POST", ROUTE, &headers(chunked)));
    wire.send(format!("{:x}\r\n", 50_001));
    wire.send(bytes(1, 50_001));
    wire.send("\r\n");
    wire.reply().expect_problem(422, 1);
    server.expect_unchanged(&before, "longer ones");
    keyed(&user, "key", &bytes(1, 50_000)).expect_status(201);
}

/// The entry that took the last room is not in the way of its own answer.
#[test]
fn a_repetition_needs_no_room() {
    let server = Server::with(&[("KMS_QUOTA_BYTES", "100KB"), ("KMS_QUOTA_FILES", "1")]);
    let user = server.new_user();
    let content = bytes(1, 100_000);
    let first = keyed(&user, "key", &content).expect_status(201);
    assert_eq!(keyed(&user, "key", &content).json(), first.json());
    keyed(&user, "other", &content).expect_problem(507, 9);
    // And without room there is no key.
    let fid = fid(&first);
    user.delete(&fid).expect_status(204);
    let path = format!("/api/v1/trash/{fid}");
    user.fetch("DELETE", &path, &[], ()).expect_status(204);
    keyed(&user, "other", &content).expect_status(201);
}

#[test]
fn keys_are_forgotten_when_they_are_old_or_many() {
    let server = Server::with(&[("KMS_UPLOAD_KEYS", "2")]);
    let user = server.new_user();
    let first = fid(&keyed(&user, "1", b"content"));
    fid(&keyed(&user, "2", b"content"));
    assert_eq!(fid(&keyed(&user, "1", b"content")), first);
    let third = fid(&keyed(&user, "3", b"content"));
    assert_ne!(fid(&keyed(&user, "1", b"content")), first);
    server.tamper("UPDATE upload_keys SET created_at = 1");
    assert_ne!(fid(&keyed(&user, "3", b"content")), third);
    assert_eq!(user.own().len(), 5);
}

/// Also of accounts that send nothing any more.
#[test]
fn keys_that_are_old_do_not_stay() {
    let mut server = Server::start();
    let user = server.new_user();
    for key in ["old", "young"] {
        keyed(&user, key, b"content").expect_status(201);
    }
    let rows = |server: &Server| server.count_rows("upload_keys");
    assert_eq!(rows(&server), 2);
    server.stop();
    server.tamper("UPDATE upload_keys SET created_at = 1 WHERE key = 'old'");
    server.start_again();
    until("old keys are gone", || rows(&server) == 1);
    keyed(&user, "young", b"content").expect_status(201);
    assert_eq!(user.own().len(), 2);
}

#[test]
fn what_one_has_already_is_not_stored_again_on_demand() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let tag = format!("\"{}\"", sha256_hex(b"content"));
    let list = format!("\"other\", W/{tag}, \"{}\"", "0".repeat(64));
    let any = [("If-None-Match", "*")];
    let named = [("If-None-Match", tag.as_str())];
    let listed = [("If-None-Match", list.as_str())];
    let fid = fid(&send(&user, &any, b"content"));
    let before = server.dump();
    for headers in [any, named, listed] {
        send(&user, &headers, b"content").expect_problem(412, 1);
    }
    // It is about what one has, whatever is sent.
    send(&user, &named, b"something else").expect_problem(412, 1);
    // Nobody can tell what is not to be there.
    for unreadable in ["other", "\"a", "*, \"a\"", "\"a\" \"b\"", "**"] {
        let headers = [("If-None-Match", unreadable)];
        send(&user, &headers, b"something else").expect_problem(400, 1);
    }
    server.expect_unchanged(&before, "content that is there");
    send(&user, &any, b"something else").expect_status(201);
    send(&other, &named, b"content").expect_status(201);
    send(&user, &[("If-None-Match", "\"other\"")], b"content").expect_status(201);
    user.delete(&fid).expect_status(204);
}

#[test]
fn a_body_has_the_digest_that_its_request_names_or_is_refused() {
    let server = Server::start();
    let user = server.new_user();
    let before = server.dump();
    for size in [7, 700_000] {
        let content = bytes(1, size);
        let (good, bad) = (digest_field(&content), digest_field(b"another"));
        for name in ["Repr-Digest", "Content-Digest"] {
            send(&user, &[(name, &bad)], &content).expect_problem(400, 1);
            for malformed in [
                "sha-256",
                "sha-256=:AAAA:",
                "sha-256=abc",
                "=",
                "sha-256=:!:",
            ] {
                send(&user, &[(name, malformed)], &content).expect_problem(400, 1);
            }
        }
        let both = [("Repr-Digest", good.as_str()), ("Content-Digest", &bad)];
        send(&user, &both, &content).expect_problem(400, 1);
    }
    server.expect_unchanged(&before, "wrong digests");
    for (name, value) in [
        ("Repr-Digest", digest_field(b"content")),
        (
            "Content-Digest",
            format!("md5=:AAAA:, {}", digest_field(b"content")),
        ),
        (
            "Repr-Digest",
            "md5=:AAAAAAAAAAAAAAAAAAAAAA==:, sha-512=:AAAA:".to_owned(),
        ),
    ] {
        send(&user, &[(name, &value)], b"content").expect_status(201);
    }
}

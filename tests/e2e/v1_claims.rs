//! `POST /api/v1/files/claims`: an entry over bytes that the server has.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, User, md5_hex, sha256_hex};

const CONTENT: &[u8] = b"content";

fn claim(user: &User, fields: Value) -> Reply {
    user.send("POST", "/files/claims", &fields)
}

#[test]
fn what_one_could_read_anyway_is_linked_by_either_digest() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    other.publish("theirs", CONTENT);
    let (md5, sha256) = (md5_hex(CONTENT), sha256_hex(CONTENT));
    for fields in [
        json!({"name": "a", "sha256": sha256}),
        json!({"name": "a", "md5": md5}),
        json!({"name": "a", "sha256": sha256.to_uppercase(), "md5": md5, "public": false}),
    ] {
        let reply = claim(&user, fields).expect_status(201);
        let json = reply.json();
        assert_eq!(
            (&json["md5"], &json["sha256"]),
            (&json!(md5), &json!(sha256))
        );
        assert_eq!((&json["size"], &json["name"]), (&json!(7), &json!("a")));
        let location = reply.header("location").unwrap();
        assert_eq!(user.fetch("GET", location, &[], ()).body, CONTENT);
    }
    assert_eq!(user.own().len(), 3);
    assert_eq!(server.blobs_after_all(1).len(), 1);
}

#[test]
fn what_one_could_not_read_is_answered_like_what_nobody_has() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    other.hide("theirs", CONTENT);
    let before = server.dump();
    let zeros = "0".repeat(64);
    for sha256 in [sha256_hex(CONTENT).as_str(), &zeros] {
        let reply = claim(&user, json!({"name": "a", "sha256": sha256}));
        let named = reply.expect_problem(404, 2).json();
        assert_eq!(named.get("detail"), None);
    }
    // Each digest may be right, and no content has both.
    let fields = json!({"name": "a", "sha256": sha256_hex(CONTENT), "md5": md5_hex(b"another")});
    claim(&other, fields).expect_problem(404, 2);
    server.expect_unchanged(&before, "claims of nothing");
}

#[test]
fn the_policy_of_instant_uploads_holds() {
    for (policy, by_sha256, own) in [("strong", 201, 201), ("own", 404, 201), ("off", 404, 404)] {
        let server = Server::with(&[("KMS_INSTANT_UPLOAD", policy)]);
        let (user, other) = (server.new_user(), server.new_user());
        other.publish("theirs", CONTENT);
        let fields = json!({"name": "a", "sha256": sha256_hex(CONTENT)});
        claim(&user, fields.clone()).expect_status(by_sha256);
        claim(&other, fields).expect_status(own);
        let fields = json!({"name": "a", "md5": md5_hex(CONTENT)});
        let reply = claim(&server.new_user(), fields);
        assert_eq!(reply.status, 404, "{policy}");
    }
}

#[test]
fn a_claim_that_cannot_be_read_is_refused() {
    let server = Server::with(&[("KMS_QUOTA_FILES", "1")]);
    let user = server.new_user();
    user.publish("a", CONTENT);
    let sha256 = sha256_hex(CONTENT);
    let before = server.dump();
    for fields in [
        json!({"name": "a"}),
        json!({"sha256": sha256}),
        json!({"name": "", "sha256": sha256}),
        json!({"name": "a", "sha256": "abc"}),
        json!({"name": "a", "sha256": sha256, "md5": "abc"}),
        json!({"name": "a", "sha256": sha256, "public": 1}),
        json!({"name": "a", "sha256": 5}),
    ] {
        claim(&user, fields).expect_problem(400, 1);
    }
    server.expect_unchanged(&before, "claims that are none");
    claim(&user, json!({"name": "a", "sha256": sha256})).expect_problem(507, 9);
}

//! `POST /api/v1/files`: the body is the file.

use serde_json::json;

use crate::harness::body::percent;
use crate::harness::wire::{chunk, head};
use crate::harness::{Reply, Server, User, Wire, bytes, md5_hex, sha256_hex, until};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The fid of a file that was stored.
#[track_caller]
fn fid(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{reply:?}");
    let fid = reply.json()["fid"].as_str().unwrap().to_owned();
    let location = format!("/api/v1/files/{fid}/content");
    assert_eq!(reply.header("location"), Some(location.as_str()));
    fid
}

#[test]
fn a_stored_file_is_described_whole_and_is_there_in_both_apis() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 5000);
    let reply = user.create("name=a.bin&public=false", &content);
    let fid = fid(&reply);
    let media_type = reply.header("content-type");
    assert_eq!(media_type, Some("application/json; charset=utf-8"));
    let entry = user.own().remove(0);
    assert_eq!(
        reply.json(),
        json!({
            "fid": fid,
            "name": "a.bin",
            "size": 5000,
            "md5": md5_hex(&content),
            "sha256": sha256_hex(&content),
            "public": false,
            "date": entry.date,
        })
    );
    assert_eq!(
        (entry.fid.as_str(), entry.name.as_str()),
        (fid.as_str(), "a.bin")
    );
    assert_eq!(entry.public, Some(false));
    assert!(user.read(&fid) == content);
    assert!(user.content(&fid, &[]).body == content);
}

#[test]
fn bytes_of_any_length_come_out_as_they_went_in_chunked_or_not() {
    let server = Server::start();
    let user = server.new_user();
    for (seed, size) in [
        1,
        256 * KIB - 1,
        256 * KIB,
        256 * KIB + 1,
        512 * KIB,
        512 * KIB + 1,
        MIB,
        3 * MIB + 17,
    ]
    .into_iter()
    .enumerate()
    {
        let content = bytes(seed as u64, size);
        let whole = fid(&user.create("name=a", &content));
        assert!(user.content(&whole, &[]).body == content, "{size} bytes");
        let content = bytes(seed as u64 + 100, size);
        let mut reader = content.as_slice();
        let body = ureq::SendBody::from_reader(&mut reader);
        let chunked = fid(&user.fetch("POST", "/api/v1/files?name=a", &[], body));
        assert!(
            user.content(&chunked, &[]).body == content,
            "{size} bytes in chunks"
        );
    }
}

#[test]
fn the_content_type_means_nothing_but_for_a_form() {
    let server = Server::start();
    let user = server.new_user();
    let body = b"{\"token\":\"x\"}";
    for media_type in [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "text/html",
        "nonsense",
    ] {
        let headers = [("Content-Type", media_type)];
        let reply = user.fetch("POST", "/api/v1/files?name=a", &headers, body.as_slice());
        assert_eq!(user.content(&fid(&reply), &[]).body, body, "{media_type}");
    }
}

#[test]
fn known_and_new_bytes_are_answered_alike_and_stored_once() {
    let server = Server::start();
    let (first, second) = (server.new_user(), server.new_user());
    let describe = |user: &User| {
        let reply = user.create("name=a&public=true", b"the same");
        let mut json = reply.json();
        for own in ["fid", "date"] {
            assert!(json.as_object_mut().unwrap().remove(own).is_some());
        }
        (reply.status, json)
    };
    assert_eq!(describe(&first), describe(&second));
    assert_eq!(describe(&second), describe(&second));
    server.only_blob();
    assert_eq!((first.own().len(), second.own().len()), (1, 3));
}

#[test]
fn the_query_is_read_like_a_form() {
    let server = Server::start();
    let user = server.new_user();
    let name = |query: &str| {
        let reply = user.create(query, b"x").expect_status(201);
        reply.json()["name"].as_str().unwrap().to_owned()
    };
    let odd = "报告 50% & \"+\"/../a.pdf";
    assert_eq!(name(&format!("name={}", percent(odd))), odd);
    assert_eq!(name("name=a+b"), "a b");
    assert_eq!(name("name=a%2Bb"), "a+b");
    assert_eq!(name("%6eame=a&token=x&unknown&data=x&=&"), "a");
    assert_eq!(
        name(&format!("name={}", percent(&"字".repeat(255))))
            .chars()
            .count(),
        255
    );
    // Without `public`, the configured default.
    for (query, public) in [
        ("name=a", true),
        ("name=a&public=", true),
        ("name=a&public=true", true),
        ("name=a&public=1", true),
        ("name=a&public=false", false),
        ("name=a&public=0", false),
    ] {
        let reply = user.create(query, b"x").expect_status(201);
        assert_eq!(reply.json()["public"], public, "{query}");
    }
}

#[test]
fn a_bad_query_is_400_and_stores_nothing() {
    let server = Server::start();
    let user = server.new_user();
    for query in [
        "",
        "name=",
        "Name=a",
        "name=a&name=a",
        "name=a%00",
        "name=a%0Ab",
        "name=%FF",
        "name=%ED%A0%80",
        "name=a%2",
        "name=a%zz",
        &format!("name={}", "a".repeat(256)),
        "name=a&public=yes",
        "name=a&public=true&public=true",
        "name=a&md5=0",
        "name=a&md5=00000000000000000000000000000000",
        "name=a&sha256=abc",
        &format!("name=a&sha256={}", "0".repeat(64)),
        &format!("name=a&md5={}&sha256={}", md5_hex(b"x"), "0".repeat(64)),
    ] {
        let problem = user.create(query, b"x").expect_problem(400, 1);
        assert!(problem.json()["detail"].is_string(), "{query}: {problem:?}");
    }
    assert_eq!(user.own(), []);
    assert!(server.blobs().is_empty());
}

#[test]
fn digests_that_fit_are_accepted_in_either_case() {
    let server = Server::start();
    let user = server.new_user();
    let (md5, sha256) = (md5_hex(b"x").to_uppercase(), sha256_hex(b"x"));
    fid(&user.create(&format!("name=a&md5={md5}&sha256={sha256}"), b"x"));
}

#[test]
fn an_empty_body_is_400_chunked_or_not() {
    let server = Server::start();
    let user = server.new_user();
    user.create("name=a", b"").expect_problem(400, 1);
    let mut reader = b"".as_slice();
    let body = ureq::SendBody::from_reader(&mut reader);
    user.fetch("POST", "/api/v1/files?name=a", &[], body)
        .expect_problem(400, 1);
    assert_eq!(user.own(), []);
}

#[test]
fn the_limit_of_a_file_is_its_last_byte() {
    let server = Server::with(&[("KMS_MAX_FILE", "1MiB")]);
    let user = server.new_user();
    fid(&user.create("name=a", &bytes(1, MIB)));
    user.create("name=a", &bytes(2, MIB + 1))
        .expect_problem(413, 6);
    // The same when the length is not announced.
    let mut wire = Wire::to(&user.client);
    let headers = [
        ("Authorization", user.bearer()),
        ("Transfer-Encoding", "chunked".to_owned()),
    ];
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    wire.send(head("POST", "/api/v1/files?name=a", &headers));
    wire.send_until_answered(&chunk(&bytes(3, 64 * KIB)), 8 * MIB);
    wire.reply().expect_problem(413, 6);
    assert_eq!(user.own().len(), 1);
    until("nothing is staged", || server.staged().is_empty());
}

#[test]
fn the_token_is_judged_before_the_body_comes() {
    let server = Server::with(&[("KMS_MAX_FILE", "1MiB")]);
    let client = server.client();
    let query = "/api/v1/files?name=a";
    for (authorization, code) in [
        (None, 4),
        (Some("Bearer"), 4),
        (Some("Bearer  "), 4),
        (Some("Basic dTpw"), 4),
        (Some("Bearer unknown"), 3),
    ] {
        // Announced, above the limit even, and never sent.
        let mut headers = vec![("Content-Length", "99999999")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let mut wire = Wire::to(&client);
        wire.send(head("POST", query, &headers));
        wire.reply().expect_problem(401, code);
    }
    // Neither the query nor the body can carry it.
    let user = server.new_user();
    let route = format!("{query}&token={}", user.token);
    client
        .fetch("POST", &route, &[], "x")
        .expect_problem(401, 4);
    assert!(server.staged().is_empty() && server.blobs().is_empty());
}

#[test]
fn a_compressed_body_is_not_decoded() {
    let server = Server::start();
    let user = server.new_user();
    let headers = [("Content-Encoding", "gzip")];
    user.fetch("POST", "/api/v1/files?name=a", &headers, "x")
        .expect_problem(400, 1);
}

#[test]
fn what_a_client_that_left_had_sent_is_discarded() {
    let server = Server::start();
    let user = server.new_user();
    let bearer = user.bearer();
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Length", "9999999"),
    ];
    let mut wire = Wire::to(&user.client);
    wire.send(head("POST", "/api/v1/files?name=a", &headers));
    wire.send(bytes(1, 3 * MIB));
    until("something is staged", || !server.staged().is_empty());
    drop(wire);
    until("nothing is staged", || server.staged().is_empty());
    assert_eq!(user.own(), []);
}

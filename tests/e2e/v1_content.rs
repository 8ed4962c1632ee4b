//! `GET` and `HEAD /api/v1/files/{fid}/content`: the bytes as they are.

use crate::harness::reply::content_of;
use crate::harness::wire::head;
use crate::harness::{Server, Wire, bytes, sha256_hex};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[test]
fn the_answer_says_what_the_bytes_are_and_how_to_treat_them() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 5000);
    let fid = user.publish("报告 \"1\".pdf", &content);
    let date = user.own()[0].date;
    let reply = user.content(&fid, &[]).expect_status(200);
    assert!(reply.body == content);
    let etag = format!("\"{}\"", sha256_hex(&content));
    for (name, value) in [
        ("content-length", "5000"),
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("etag", etag.as_str()),
        (
            "content-disposition",
            "attachment; filename=\"__ _1_.pdf\"; \
             filename*=UTF-8''%E6%8A%A5%E5%91%8A%20%221%22.pdf",
        ),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert_eq!(reply.header("content-range"), None);
    // As precise as a date in HTTP can be: to the second, and not later than the upload.
    let modified = reply.header("last-modified").unwrap();
    assert!(modified.ends_with(" GMT"), "{modified}");
    let ago = seconds_of_day(modified);
    assert_eq!(ago, date.div_euclid(1000).rem_euclid(86_400), "{modified}");
}

/// The time in `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds.
fn seconds_of_day(date: &str) -> i64 {
    let time = date.split(' ').nth(4).unwrap();
    time.split(':')
        .fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap())
}

#[test]
fn head_is_get_without_the_bytes() {
    let server = Server::start();
    let user = server.new_user();
    for size in [1, 3 * MIB] {
        let fid = user.publish("a.bin", &bytes(1, size));
        let bearer = user.bearer();
        let headers = [("Authorization", bearer.as_str())];
        let with_range = [headers[0], ("Range", "bytes=0-0")];
        // On one connection, so that a byte too many would spoil the next answer.
        let mut wire = Wire::to(&user.client);
        wire.send(head("HEAD", &content_of(&fid), &headers));
        let without = wire.head_reply().expect_status(200);
        wire.send(head("HEAD", &content_of(&fid), &with_range));
        wire.head_reply().expect_status(200);
        wire.send(head("GET", &content_of(&fid), &headers));
        let with = wire.reply().expect_status(200);
        assert_eq!(with.body.len(), size);
        for (name, value) in &with.headers {
            if !matches!(name.as_str(), "x-request-id" | "date") {
                assert_eq!(without.header(name), Some(value.as_str()), "{name}");
            }
        }
    }
}

#[test]
fn whatever_is_not_for_this_user_is_the_same_404() {
    let server = Server::start();
    let (owner, stranger) = (server.new_user(), server.new_user());
    let hidden = owner.hide("a", b"secret");
    let mut bodies: Vec<_> = [
        hidden.as_str(),
        "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "67e5504410b1426f9247bb680e5fe0c8",
        "x",
        "..",
        "%2e%2e%2fsecret",
        "%00",
        "%ff",
        &"9".repeat(10_000),
    ]
    .into_iter()
    .map(|fid| {
        let range = [("Range", "bytes=99-"), ("If-Match", "\"x\"")];
        stranger.content(fid, &range).expect_problem(404, 2);
        let answer = stranger.content(fid, &[]).expect_problem(404, 2);
        let head = stranger.fetch("HEAD", &content_of(fid), &[], ());
        assert_eq!(head.status, 404);
        answer.body
    })
    .collect();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "answers that can be told apart");
    assert_eq!(owner.content(&hidden, &[]).body, b"secret");
    let public = owner.publish("b", b"for all");
    assert_eq!(stranger.content(&public, &[]).body, b"for all");
    assert_eq!(stranger.content(&public.to_uppercase(), &[]).status, 200);
}

#[test]
fn only_a_bearer_token_opens_it() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"for all");
    let client = server.client();
    client.content(&fid, &[]).expect_problem(401, 4);
    client.content("x", &[]).expect_problem(401, 4);
    let bad = [("Authorization", "Bearer unknown")];
    let refused = client.content(&fid, &bad).expect_problem(401, 3);
    let challenge = refused.header("www-authenticate");
    assert_eq!(challenge, Some("Bearer error=\"invalid_token\""));
    let route = format!("{}?token={}", content_of(&fid), user.token);
    client.fetch("GET", &route, &[], ()).expect_problem(401, 4);
    let lower = [("authorization", format!("bearer {}", user.token))];
    let lower: Vec<_> = lower
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    client.content(&fid, &lower).expect_status(200);
}

#[test]
fn conditions_decide_before_ranges_do() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"0123456789");
    let full = user.content(&fid, &[]);
    let own = full.header("etag").unwrap();
    let modified = full.header("last-modified").unwrap();
    let weak = format!("W/{own}");
    let range = ("Range", "bytes=2-3");
    let (past, future) = (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    );
    for (headers, status) in [
        (vec![("If-None-Match", own)], 304),
        (vec![("If-None-Match", &weak)], 304),
        (vec![("If-None-Match", "*")], 304),
        (vec![("If-None-Match", "\"x\"")], 200),
        (vec![("If-None-Match", own), range], 304),
        (vec![("If-Modified-Since", modified)], 304),
        (vec![("If-Modified-Since", past)], 200),
        (
            vec![("If-None-Match", "\"x\""), ("If-Modified-Since", future)],
            200,
        ),
        (vec![("If-Match", own)], 200),
        (vec![("If-Match", "*")], 200),
        (vec![("If-Match", own), range], 206),
        (vec![("If-Match", &weak)], 412),
        (vec![("If-Match", "\"x\"")], 412),
        (
            vec![("If-Match", "\"x\""), ("If-None-Match", own), range],
            412,
        ),
        (vec![("If-Match", own), ("If-None-Match", own)], 304),
        (vec![("If-Unmodified-Since", past)], 412),
        (vec![("If-Unmodified-Since", modified)], 200),
        (vec![("If-Range", own), range], 206),
        (vec![("If-Range", modified), range], 206),
        (vec![("If-Range", &weak), range], 200),
        (vec![("If-Range", past), range], 200),
        (vec![("If-Range", future), range], 200),
        (vec![("If-Range", "junk"), range], 200),
        (vec![("If-Range", "\"x\""), ("Range", "bytes=99-")], 200),
        (vec![("If-Range", "\"x\"")], 200),
    ] {
        let reply = user.content(&fid, &headers);
        match status {
            412 => drop(reply.expect_problem(412, 1)),
            200 => assert_eq!(reply.expect_status(200).body, b"0123456789", "{headers:?}"),
            206 => assert_eq!(reply.expect_status(206).body, b"23", "{headers:?}"),
            _ => {
                let reply = reply.expect_status(304);
                assert_eq!(reply.header("etag"), Some(own), "{headers:?}");
                assert_eq!(reply.header("last-modified"), Some(modified));
                assert_eq!(reply.header("content-type"), None);
                assert!(reply.body.is_empty());
            }
        }
        let expected = if status == 206 { 200 } else { status };
        let head = user.fetch("HEAD", &content_of(&fid), &headers, ());
        assert_eq!(head.status, expected, "HEAD {headers:?}");
    }
}

#[test]
fn a_connection_goes_on_after_a_304_and_after_a_large_answer() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 3 * MIB + 1);
    let fid = user.publish("a", &content);
    let bearer = user.bearer();
    let plain = [("Authorization", bearer.as_str())];
    let held = [plain[0], ("If-None-Match", "*")];
    let mut wire = Wire::to(&user.client);
    // Both requests are sent before the first answer is read.
    for _ in 0..2 {
        wire.send(head("GET", &content_of(&fid), &held));
        wire.send(head("GET", &content_of(&fid), &plain));
    }
    for _ in 0..2 {
        wire.reply().expect_status(304);
        assert!(wire.reply().expect_status(200).body == content);
    }
}

#[test]
fn damage_is_never_a_whole_answer_and_the_next_upload_heals_it() {
    let server = Server::start();
    let user = server.new_user();
    for (size, torn) in [
        (5000, false),
        (256 * KIB, false),
        // The middle is in the first block, which is checked before anything is said.
        (256 * KIB + 1, false),
        (768 * KIB, true),
        (2 * MIB, true),
        // Long enough to be read ahead.
        (9 * MIB, true),
    ] {
        let content = bytes(size as u64, size);
        let fid = user.publish("a", &content);
        let blob = server
            .blobs()
            .into_iter()
            .find(|blob| blob.size == size as u64)
            .unwrap();
        blob.flip_a_byte();
        let bearer = user.bearer();
        let mut wire = Wire::to(&user.client);
        wire.send(head(
            "GET",
            &content_of(&fid),
            &[("Authorization", &bearer)],
        ));
        if torn {
            let torn = wire.torn_answer();
            assert_eq!((torn.status, torn.announced), (200, size), "{torn:?}");
            // Nothing of the damaged block has left.
            let sound = size / 2 / (256 * KIB) * (256 * KIB);
            assert!(torn.received <= sound, "{torn:?}");
            server.wait_for_log("an answer was cut off");
        } else {
            let problem = wire.reply().expect_problem(500, 5);
            assert_eq!(problem.json().get("detail"), None);
            let id = problem.header("x-request-id").unwrap().to_owned();
            server.wait_for_log(&id);
            let told = |line: &str| line.contains("ERROR") && line.contains(&id);
            assert!(server.log().lines().any(told), "{}", server.log());
        }
        user.create("name=again", &content).expect_status(201);
        assert!(
            user.content(&fid, &[]).body == content,
            "{size}: not healed"
        );
    }
    let gone = user.publish("b", b"gone");
    for blob in server.blobs() {
        blob.lose();
    }
    user.content(&gone, &[]).expect_problem(500, 5);
    user.content(&gone, &[("Range", "bytes=0-0")])
        .expect_problem(500, 5);
    assert_eq!(user.fetch("HEAD", &content_of(&gone), &[], ()).status, 500);
}

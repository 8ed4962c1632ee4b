//! Bodies and files at their limits, and above them without being read.

use serde_json::json;

use crate::harness::wire::{chunk, head, post_head};
use crate::harness::{Encoded, Format, Server, User, Wire, bytes, until};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A JSON body of exactly `length` bytes for a route that wants nothing but a token.
fn padded(user: &User, length: usize) -> Encoded {
    let begin = format!(r#"{{"token":"{}","x":""#, user.token);
    let padding = "x".repeat(length - begin.len() - 2);
    let body = format!("{begin}{padding}\"}}");
    assert_eq!(body.len(), length);
    Encoded::raw(Some("application/json"), body)
}

#[test]
fn a_body_of_16_kib_is_read_and_one_byte_more_is_too_large() {
    let server = Server::start();
    let user = server.new_user();
    let (longest, too_long) = (padded(&user, 16 * KIB), padded(&user, 16 * KIB + 1));
    for route in ["/app/user/info", "/app/user/getownfilelist"] {
        let send = |body: &Encoded| user.client.send("POST", route, &[], body);
        send(&longest).expect_code(0);
        send(&too_long).expect_bare(6);
        user.client.send_chunked(route, &longest).expect_code(0);
        user.client.send_chunked(route, &too_long).expect_bare(6);
    }
}

#[test]
fn the_limit_of_a_body_is_the_operators() {
    let server = Server::with(&[("KMS_MAX_BODY", "1KiB")]);
    let user = server.new_user();
    let send = |length| {
        let body = padded(&user, length);
        user.client.send("POST", "/app/user/info", &[], &body)
    };
    send(KIB).expect_code(0);
    send(KIB + 1).expect_bare(6);
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_by_its_head() {
    let server = Server::with(&[("KMS_MAX_FILE", "1MiB"), ("KMS_MAX_AVATAR", "1MiB")]);
    let client = server.client();
    for (route, length) in [
        ("/app/user/info", 16 * KIB + 1),
        ("/app/login", 100 * KIB),
        ("/app/register", usize::MAX),
        ("/app/user/upload", 6 * MIB),
        ("/app/user/avatar", 6 * MIB),
    ] {
        let mut wire = Wire::to(&client);
        wire.send(post_head(route, length));
        let answer = wire.answer();
        assert_eq!(answer.code(), 6, "{route}");
    }
}

#[test]
fn a_chunked_body_that_never_ends_is_refused_without_being_read() {
    let server = Server::with(&[("KMS_MAX_FILE", "1MiB"), ("KMS_MAX_AVATAR", "1MiB")]);
    let user = server.new_user();
    for route in ["/app/user/info", "/app/user/upload", "/app/user/avatar"] {
        for begin in [
            format!(r#"{{"token":"{}","x":""#, user.token),
            format!(r#"{{"token":"{}","data":""#, user.token),
        ] {
            let mut wire = Wire::to(&user.client);
            wire.send(head("POST", route, &[("Transfer-Encoding", "chunked")]));
            wire.send(chunk(begin.as_bytes()));
            let sent = wire.send_until_answered(&chunk(&[b'A'; 8 * KIB]), 100 * MIB);
            let answer = wire.answer();
            assert_eq!(answer.code(), 6, "{route}");
            assert!(sent < 30 * MIB, "{route}: {sent} bytes were taken");
        }
    }
    until("nothing is staged", || server.staged().is_empty());
    user.info().expect_code(0);
}

#[test]
fn a_file_at_the_limit_is_stored_and_one_byte_more_is_too_large() {
    for limit in [1, 100 * KIB, MIB] {
        let server = Server::with(&[("KMS_MAX_FILE", &limit.to_string())]);
        let user = server.new_user();
        let (longest, too_long) = (bytes(1, limit), bytes(2, limit + 1));
        for format in Format::ALL {
            let fid = user.upload_as(format, "a", &longest).expect_code(130).fid();
            assert!(user.read(&fid) == longest);
            user.upload_as(format, "a", &too_long).expect_bare(6);
            let fields = user.signed(json!({"name": "a"}));
            let body = Encoded::new(format, &fields, Some(&too_long));
            user.client
                .send_chunked("/app/user/upload", &body)
                .expect_bare(6);
        }
        server.only_blob();
        assert_eq!(user.own().len(), 3);
        until("nothing is staged", || server.staged().is_empty());
    }
}

#[test]
fn a_file_at_the_limit_fits_in_every_way_its_base64_is_written() {
    let limit = 100 * KIB;
    let server = Server::with(&[("KMS_MAX_FILE", &limit.to_string())]);
    let user = server.new_user();
    let content = vec![0xff; limit];
    let text = crate::harness::client::base64(&content);
    // Nothing but slashes, each of them escaped, and a line break behind every 76 characters.
    let escaped = text.replace('/', "\\/");
    let lines: Vec<_> = escaped
        .as_bytes()
        .chunks(152)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let body = format!(
        r#"{{"token":"{}","name":"a","data":"{}"}}"#,
        user.token,
        lines.join("\\r\\n")
    );
    let form = Encoded::raw(
        Some("application/x-www-form-urlencoded"),
        format!(
            "token={}&name=a&data={}",
            user.token,
            text.replace('/', "%2F")
        ),
    );
    for body in [Encoded::raw(None, body), form] {
        let answer = user.client.send("POST", "/app/user/upload", &[], &body);
        assert!(user.read(&answer.expect_code(130).fid()) == content);
    }
}

#[test]
fn compressed_bodies_are_not_decoded() {
    let server = Server::start();
    let user = server.new_user();
    let body = Encoded::new(Format::Json, &user.signed(json!({})), None);
    for encoding in ["gzip", "deflate", "br", "zstd", "x", "gzip, identity"] {
        let headers = [("Content-Encoding", encoding)];
        for route in ["/app/user/info", "/app/user/upload"] {
            user.client
                .send("POST", route, &headers, &body)
                .expect_bare(1);
        }
    }
    let headers = [("Content-Encoding", "identity")];
    user.client
        .send("POST", "/app/user/info", &headers, &body)
        .expect_code(0);
}

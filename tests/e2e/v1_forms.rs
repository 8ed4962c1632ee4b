//! `POST /api/v1/files` with a form, as a page of HTML sends it.

use crate::harness::data::digest_field;
use crate::harness::{Reply, Server, User, bytes, sha256_hex};

fn fid(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["fid"].as_str().unwrap().to_owned()
}

/// A form with these parts; the last is a file.
fn form(parts: &[(&str, &str)], file: &str, content: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in parts {
        let part =
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"x.bin\"\r\n\
         Content-Type: text/html\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    body
}

#[track_caller]
fn send_form(user: &User, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut all = vec![("Content-Type", "multipart/form-data; boundary=XX")];
    all.extend_from_slice(headers);
    user.fetch("POST", "/api/v1/files", &all, body)
}

#[test]
fn a_file_may_come_in_a_form() {
    let server = Server::start();
    let user = server.new_user();
    for (part, size) in [("file", 1), ("data", 5), ("file", 700_000)] {
        let content = bytes(size as u64, size);
        let body = form(
            &[("name", "报告.bin"), ("public", "false"), ("x", "y")],
            part,
            &content,
        );
        let reply = send_form(&user, &[], &body).expect_status(201);
        let json = reply.json();
        assert_eq!(
            (&json["name"], &json["public"]),
            (&"报告.bin".into(), &false.into())
        );
        assert_eq!(json["sha256"], sha256_hex(&content));
        assert!(user.content(&fid(&reply), &[]).body == content);
    }
}

#[test]
fn a_form_that_is_none_or_lacks_something_is_refused() {
    let server = Server::with(&[("KMS_MAX_FILE", "100KiB")]);
    let user = server.new_user();
    let before = server.dump();
    let name = ("name", "a");
    for (body, status, code) in [
        (form(&[], "file", b"x"), 400, 1),
        (form(&[name], "other", b"x"), 400, 1),
        (form(&[name], "file", b""), 400, 1),
        (form(&[name, name], "file", b"x"), 400, 1),
        (form(&[name, ("file", "twice")], "file", b"x"), 400, 1),
        (form(&[name, ("data", "both")], "file", b"x"), 400, 1),
        (form(&[name, ("public", "maybe")], "file", b"x"), 400, 1),
        (
            form(&[name, ("sha256", &"0".repeat(64))], "file", b"x"),
            400,
            1,
        ),
        (form(&[name], "file", &bytes(1, 102_401)), 413, 6),
        (b"--XX\r\n".to_vec(), 400, 1),
        (b"".to_vec(), 400, 1),
        (br#"{"name":"a"}"#.to_vec(), 400, 1),
    ] {
        send_form(&user, &[], &body).expect_problem(status, code);
    }
    let headers = [("Content-Type", "multipart/form-data")];
    user.fetch("POST", "/api/v1/files?name=a", &headers, "x")
        .expect_problem(400, 1);
    server.expect_unchanged(&before, "forms that are none");
}

/// Digest fields are about the body as it comes, which is the form.
#[test]
fn conditions_hold_for_forms_too() {
    let server = Server::start();
    let user = server.new_user();
    let body = form(&[("name", "a")], "file", b"content");
    let (whole, part) = (digest_field(&body), digest_field(b"content"));
    for name in ["Repr-Digest", "Content-Digest"] {
        send_form(&user, &[(name, &part)], &body).expect_problem(400, 1);
    }
    assert_eq!(user.own().len(), 0);
    let headers = [
        ("Content-Digest", whole.as_str()),
        ("Idempotency-Key", "key"),
    ];
    let first = send_form(&user, &headers, &body).expect_status(201);
    assert_eq!(send_form(&user, &headers, &body).json(), first.json());
    let other = form(&[("name", "b")], "file", b"content");
    send_form(&user, &[("Idempotency-Key", "key")], &other).expect_problem(422, 1);
    send_form(&user, &[("If-None-Match", "*")], &other).expect_problem(412, 1);
    // The same upload is the same in whatever form it comes.
    let raw = user.fetch("POST", "/api/v1/files?name=a", &headers[1..], "content");
    assert_eq!(raw.json(), first.json());
    assert_eq!(user.own().len(), 1);
}

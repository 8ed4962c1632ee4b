//! A18: the headers of every answer. The harness checks them on each one that any test gets; here is one of
//! each kind, those included that no handler has made, so that none is left out by chance.

use serde_json::json;

use crate::harness::reply::{content_of, entry_of};
use crate::harness::wire::{head, post_head};
use crate::harness::{Encoded, Reply, Server, Wire, at_once, until};

/// The same for all, and what an answer that is no content has beside.
#[track_caller]
fn check(reply: &Reply) {
    let policy = reply.header("content-security-policy").unwrap_or_default();
    for directive in ["default-src", "frame-ancestors", "base-uri", "form-action"] {
        let nothing = format!("{directive} 'none'");
        assert!(policy.contains(&nothing), "{directive}: {reply:?}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    assert!(reply.header("x-request-id").is_some());
    assert_eq!(reply.header("server"), None, "{reply:?}");
    assert_eq!(reply.header("x-powered-by"), None, "{reply:?}");
    if matches!(reply.status, 200 | 206 | 304) && reply.header("etag").is_some() {
        // No page of ours or of anybody else's shows it, and a browser that does anyhow runs nothing.
        assert!(policy.contains("sandbox;"), "{reply:?}");
        if reply.status != 304 {
            let disposition = reply.header("content-disposition").unwrap();
            assert!(disposition.starts_with("attachment"), "{reply:?}");
        }
    } else {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(!policy.contains("sandbox"), "{reply:?}");
    }
}

/// A18
#[test]
fn a18_plain_http_has_its_headers_whatever_the_status() {
    let server = Server::with(&[("KMS_MAX_FILE", "1KiB")]);
    let user = server.new_user();
    let fid = user.publish("a.html", b"<script>alert(1)</script>");
    let lost = user.publish("b", b"lost");
    let content = |headers: &[(&str, &str)]| user.content(&fid, headers);
    let mut replies = vec![
        content(&[]),
        content(&[("Range", "bytes=0-1")]),
        content(&[("Range", "bytes=99-")]),
        content(&[("If-Match", "\"x\"")]),
        content(&[("If-None-Match", "*")]),
        user.content("no-id", &[]),
        user.client.content(&fid, &[]),
        user.fetch("HEAD", &content_of(&fid), &[], ()),
        user.fetch("HEAD", "/api/v1/nothing", &[], ()),
        user.fetch("OPTIONS", "/api/v1/files", &[], ()),
        user.fetch("GET", "/api/v1/files", &[], ()),
        user.create("", b"x"),
        user.create("name=a", &[0; 1025]),
        user.create("name=a", b"x"),
    ];
    for blob in server.blobs() {
        blob.lose();
    }
    replies.push(user.content(&lost, &[]));
    replies.push(user.delete(&lost));
    replies.iter().for_each(check);
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let wanted = [
        200, 201, 204, 206, 304, 400, 401, 404, 405, 412, 413, 416, 500,
    ];
    assert_eq!(statuses, wanted);
}

/// A18: the rest of the codes are in [`crate::every_code`], whose answers pass the same checks.
#[test]
fn a18_refusals_that_no_handler_makes_have_the_headers_too() {
    let server = Server::with(&[
        ("KMS_STORAGE_PERMITS", "1"),
        ("KMS_STORAGE_QUEUE", "0"),
        ("KMS_BODY_TIMEOUT", "300ms"),
    ]);
    let user = server.new_user();
    let client = &user.client;
    let origin = ("Origin", "https://elsewhere.example");
    let wants = ("Access-Control-Request-Method", "POST");
    for (request, code) in [
        (head("GET", "/", &[]), 2),
        (head("OPTIONS", "/app/login", &[origin, wants]), 10),
        (head("TRACE", "/app/login", &[]), 10),
        (post_head("/app/login", usize::MAX), 6),
        (post_head("/app/login", 100), 1),
        (head("POST", "/app/login", &[("Content-Encoding", "br")]), 1),
        (
            head(
                "POST",
                "/app/user/info",
                &[("Upgrade", "x"), ("Connection", "upgrade")],
            ),
            1,
        ),
    ] {
        let mut wire = Wire::to(client);
        wire.send(&request);
        wire.answer().expect_bare(code);
        let mut wire = Wire::to(client);
        wire.send(request);
        check(&wire.reply());
    }
    let body = Encoded::raw(None, "");
    assert_eq!(client.send("HEAD", "/app/login", &[], &body).status, 405);
    until("somebody is refused", || {
        let answers = at_once(32, |_| user.post("/app/user/getownfilelist", json!({})));
        answers.iter().any(|answer| answer.code() == 8)
    });
    let throttled = Server::with(&[("KMS_THROTTLE_REQUESTS", "1")]);
    until("somebody has to wait", || {
        let mut wire = Wire::to(&throttled.client());
        wire.send(head("DELETE", &entry_of("x"), &[]));
        let reply = wire.reply();
        check(&reply);
        reply.status == 429
    });
}

//! What is refused under `/api/v1`, and how.

use crate::harness::reply::{content_of, entry_of};
use crate::harness::wire::head;
use crate::harness::{Encoded, Reply, Server, Wire, at_once, until};

const FID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[test]
fn an_unknown_route_is_a_problem_here_and_an_envelope_elsewhere() {
    let server = Server::start();
    let client = server.client();
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/file",
        "/api/v1/files/",
        "/api/v1//files",
        "/api/v1/FILES",
        &format!("/api/v1/files/{FID}/content/"),
        &format!("/api/v1/files/{FID}/contents"),
        &format!("/api/v1/files/{FID}/x/content"),
        "/api/v1/files//content",
        "/api/v1/%ff",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let mut wire = Wire::to(&client);
            wire.send(head(method, path, &[("Content-Length", "2")]));
            wire.send("{}");
            wire.reply().expect_problem(404, 2);
        }
    }
    for path in [
        "/api",
        "/api/v2/files",
        "/api/v10/files",
        "/API/V1/files",
        "/",
    ] {
        let body = Encoded::raw(None, "");
        client.send("GET", path, &[], &body).expect_bare(2);
    }
}

#[test]
fn a_wrong_method_is_405_with_the_right_ones() {
    let server = Server::start();
    let client = server.client();
    let content = content_of(FID);
    let entry = entry_of(FID);
    for (path, allow, methods) in [
        (
            "/api/v1/files",
            "GET, POST",
            ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS"],
        ),
        (
            content.as_str(),
            "GET, HEAD",
            ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"],
        ),
        (
            entry.as_str(),
            "DELETE, GET, PATCH",
            ["TRACE", "POST", "PUT", "BREW", "OPTIONS"],
        ),
    ] {
        for method in methods {
            let mut wire = Wire::to(&client);
            wire.send(head(method, path, &[]));
            let reply = wire.reply().expect_problem(405, 10);
            assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        }
    }
    let mut wire = Wire::to(&client);
    wire.send(head("HEAD", "/api/v1/files", &[]));
    let reply = wire.head_reply().expect_status(405);
    assert_eq!(reply.header("allow"), Some("GET, POST"));
}

#[test]
fn the_log_has_the_route_and_the_code_and_nothing_of_the_request() {
    let server = Server::start();
    let user = server.new_user();
    let id = |reply: &Reply| reply.header("x-request-id").unwrap().to_owned();
    let stored = user
        .create("name=canary-title", b"canary-bytes")
        .expect_status(201);
    let fid = stored.json()["fid"].as_str().unwrap().to_owned();
    let part = user
        .content(&fid, &[("Range", "bytes=0-3")])
        .expect_status(206);
    let held = user
        .content(&fid, &[("If-None-Match", "*")])
        .expect_status(304);
    let beyond = user
        .content(&fid, &[("Range", "bytes=99-")])
        .expect_status(416);
    let unknown = user.content(FID, &[]).expect_status(404);
    let refused = server.client().content(&fid, &[]).expect_status(401);
    let content = "/api/v1/files/{fid}/content";
    for (reply, route, status, code) in [
        (stored, "/api/v1/files", 201, 130),
        (part, content, 206, 140),
        (held, content, 304, 140),
        (beyond, content, 416, 1),
        (unknown, content, 404, 2),
        (refused, content, 401, 4),
    ] {
        let id = id(&reply);
        server.wait_for_log(&id);
        let log = server.log();
        let line = log
            .lines()
            .find(|line| line.contains(&id) && line.contains("status"))
            .unwrap();
        assert!(line.contains(route), "{line}");
        assert!(line.contains(&format!("status={status}")), "{line}");
        assert!(line.contains(&format!("code={code} ")), "{line}");
    }
    let log = server.log();
    for secret in ["canary", &fid, &user.token] {
        assert!(!log.contains(secret), "{secret} in the log:\n{log}");
    }
}

#[test]
fn a_full_house_is_503_and_says_when_to_come_back() {
    let server = Server::with(&[("KMS_STORAGE_PERMITS", "1"), ("KMS_STORAGE_QUEUE", "0")]);
    let user = server.new_user();
    let fid = user.publish("a", b"x");
    until("somebody is refused", || {
        let replies = at_once(32, |_| user.content(&fid, &[]));
        let mut refused = replies.into_iter().filter(|reply| reply.status != 200);
        let Some(reply) = refused.next() else {
            return false;
        };
        let reply = reply.expect_problem(503, 8);
        let seconds = reply.header("retry-after").map(str::parse::<u32>);
        assert!(matches!(seconds, Some(Ok(_))), "{reply:?}");
        true
    });
}

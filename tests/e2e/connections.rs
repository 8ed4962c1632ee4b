//! What goes on below a request: slow, lying and eager clients.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::bad_input::open_files;
use crate::harness::client::base64;
use crate::harness::wire::{head, post, post_head};
use crate::harness::{Server, Wire, bytes, until};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn many_requests_go_over_one_connection() {
    let server = Server::start();
    let user = server.new_user();
    let body = user.signed(json!({})).to_string();
    let mut wire = Wire::to(&user.client);
    for _ in 0..50 {
        wire.send(post("/app/user/info", &body));
        wire.answer().expect_code(0);
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = Server::start();
    let user = server.new_user();
    let mut requests = Vec::new();
    for index in 0..100 {
        if index % 2 == 0 {
            requests.extend(post("/app/user/info", user.signed(json!({})).to_string()));
        } else {
            requests.extend(post(
                "/app/user/get_avatar",
                user.signed(json!({})).to_string(),
            ));
        }
    }
    let mut wire = Wire::to(&user.client);
    wire.send(requests);
    for index in 0..100 {
        wire.answer()
            .expect_code(if index % 2 == 0 { 0 } else { 2 });
    }
}

#[test]
fn a_body_shorter_than_announced_is_refused_or_dropped() {
    let server = Server::start();
    let user = server.new_user();
    let before = user.state();
    let data = base64(&bytes(1, 300_000));
    let upload = format!(r#"{{"token":"{}","name":"a","data":"{data}"}}"#, user.token);
    let info = user.signed(json!({})).to_string();
    for (route, body) in [("/app/user/info", info), ("/app/user/upload", upload)] {
        let mut wire = Wire::to(&user.client);
        wire.send(post_head(route, body.len() + 10));
        wire.send(&body);
        wire.end_sending();
        // Who has closed half the connection may get no answer at all, but never a success.
        if let Some(status) = wire.status_or_close() {
            assert!((400..500).contains(&status), "{route}: {status}");
        }
        assert!(wire.is_closed_within(SOON), "{route}");
    }
    until("nothing is staged", || server.staged().is_empty());
    assert_eq!(user.state(), before);
    assert!(server.blobs().is_empty());
}

#[test]
fn a_body_that_falls_silent_is_given_up() {
    let server = Server::with(&[("KMS_BODY_TIMEOUT", "300ms")]);
    let user = server.new_user();
    let data = base64(&bytes(1, 700_000));
    let begin = format!(r#"{{"token":"{}","name":"a","data":"{data}"#, user.token);
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", begin.len() + 1000));
    wire.send(&begin);
    wire.answer().expect_bare(1);
    until("nothing is staged", || server.staged().is_empty());
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/info", 100));
    wire.answer().expect_bare(1);
    assert!(wire.is_closed_within(SOON));
}

#[test]
fn a_head_that_does_not_come_is_given_up() {
    let server = Server::with(&[("KMS_HEAD_TIMEOUT", "1s"), ("KMS_KEEP_ALIVE", "1s")]);
    let user = server.new_user();
    for begin in [
        "",
        "POST /app/login HTT",
        "POST /app/login HTTP/1.1\r\nHost: x\r\n",
    ] {
        let mut wire = Wire::to(&user.client);
        wire.send(begin);
        assert!(wire.is_closed_within(SOON), "{begin:?}");
    }
    let mut wire = Wire::to(&user.client);
    wire.send(post("/app/user/info", user.signed(json!({})).to_string()));
    wire.answer().expect_code(0);
    assert!(wire.is_closed_within(SOON), "an idle connection");
    user.info().expect_code(0);
}

#[test]
fn what_is_no_http_gets_no_success_and_harms_nobody() {
    let server = Server::start();
    let user = server.new_user();
    let length = ("Content-Length", "2");
    let many = "X: y\r\n".repeat(200);
    for request in [
        "\r\n\r\n\r\n\r\n".repeat(10),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "hello\r\n\r\n".to_owned(),
        "POST /app/login\r\n\r\n".to_owned(),
        "POST /app/login HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "POST app/login HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "POST /app/lo gin HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "POST /app/login HTTP/1.1\r\nHost x\r\n\r\n".to_owned(),
        "POST /app/用户 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        format!("POST /app/login HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
        format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(200_000)),
        format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000)),
        head("POST", "/app/login", &[("Content-Length", "x")]),
        head("POST", "/app/login", &[("Content-Length", "-1")]),
        head("POST", "/app/login", &[length, ("Content-Length", "3")]) + "{}x",
        head(
            "POST",
            "/app/login",
            &[length, ("Transfer-Encoding", "chunked")],
        ) + "2\r\n{}\r\n0\r\n\r\n",
        head("POST", "/app/login", &[("Transfer-Encoding", "chunked")]) + "zz\r\n{}\r\n0\r\n\r\n",
        head("POST", "/app/login", &[("Transfer-Encoding", "chunked")])
            + "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        head(
            "POST",
            "/app/login",
            &[("Transfer-Encoding", "gzip, chunked")],
        ) + "2\r\n{}\r\n0\r\n\r\n",
    ] {
        let mut wire = Wire::to(&user.client);
        // The server may have closed before the last byte.
        let _ = wire.try_send(&request);
        wire.end_sending();
        let begin: String = request.chars().take(60).collect();
        if let Some(status) = wire.status_or_close() {
            assert!((400..500).contains(&status), "{status}: {begin:?}");
        }
        assert!(wire.is_closed_within(SOON), "{begin:?}");
    }
    user.info().expect_code(0);
}

#[test]
fn a_body_behind_expect_100_continue_is_read() {
    let server = Server::start();
    let user = server.new_user();
    let body = user.signed(json!({})).to_string();
    let length = body.len().to_string();
    let mut wire = Wire::to(&user.client);
    wire.send(head(
        "POST",
        "/app/user/info",
        &[("Content-Length", &length), ("Expect", "100-continue")],
    ));
    assert_eq!(wire.status_or_close(), Some(100));
    wire.send(&body);
    wire.answer().expect_code(0);
}

#[test]
fn idle_connections_keep_nobody_out() {
    let server = Server::start();
    let user = server.new_user();
    let idle: Vec<_> = (0..200).map(|_| Wire::to(&user.client)).collect();
    user.upload("a", b"content").expect_code(130);
    drop(idle);
    user.info().expect_code(0);
}

#[test]
fn an_upgrade_is_refused_at_once() {
    let server = Server::start();
    let user = server.new_user();
    let mut wire = Wire::to(&user.client);
    wire.send(head(
        "POST",
        "/app/user/info",
        &[("Connection", "upgrade"), ("Upgrade", "websocket")],
    ));
    wire.answer().expect_code(1);
}

#[test]
fn a_body_that_trickles_gives_its_place_back() {
    let server = Server::with(&[("KMS_ANONYMOUS_UPLOADS", "1")]);
    let user = server.new_user();
    // Enough to be judged, without a token: the one place is taken.
    let begin = || {
        let mut slow = Wire::to(&user.client);
        slow.send(post_head("/app/user/upload", 1_000_000));
        slow.send(format!("{{\"data\":\"{}", "A".repeat(44_000)));
        slow
    };
    let late = json!({"name": "a", "data": base64(&bytes(1, 400_000)), "token": user.token});
    let text = late.to_string();
    assert!(text.find("data") < text.find("token"));
    let honest = || {
        user.client
            .post_raw("/app/user/upload", text.as_str())
            .code()
    };
    let mut slow = begin();
    until("the slow upload holds the place", || {
        let taken = honest() == 8;
        if !taken && slow.is_answered() {
            // The other one came first, and it was refused.
            slow = begin();
        }
        taken
    });
    // A byte now and then keeps the idle timer content, but it is no rate.
    until("the place is free again", || {
        let _ = slow.try_send(b"A");
        honest() == 130
    });
}

#[test]
fn the_head_of_a_later_request_has_its_time_too() {
    let server = Server::with(&[("KMS_HEAD_TIMEOUT", "1s"), ("KMS_KEEP_ALIVE", "1h")]);
    let user = server.new_user();
    let info = post("/app/user/info", user.signed(json!({})).to_string());
    let mut wire = Wire::to(&user.client);
    for _ in 0..2 {
        wire.send(&info);
        wire.answer().expect_code(0);
    }
    wire.send("POST /app/user/info HTTP/1.1\r\nX: ");
    until("the connection is closed", || wire.try_send("x").is_err());
}

#[test]
fn who_takes_nothing_of_an_answer_is_left() {
    let server = Server::with(&[("KMS_ANSWER_TIMEOUT", "500ms")]);
    let user = server.new_user();
    let fid = user.publish("large", &bytes(1, 40_000_000));
    let before = open_files(&server);
    let ask = post(
        "/app/user/getfile",
        user.signed(json!({"fid": fid})).to_string(),
    );
    let deaf: Vec<_> = (0..4)
        .map(|_| {
            let mut wire = Wire::to(&user.client);
            wire.send(&ask);
            wire
        })
        .collect();
    until("they are being answered", || open_files(&server) > before);
    until("nothing is held for them", || open_files(&server) <= before);
    drop(deaf);
    user.info().expect_code(0);
}

#[test]
fn idle_connections_make_room_for_who_comes() {
    let server = Server::with(&[("KMS_CONNECTIONS", "32"), ("KMS_KEEP_ALIVE", "1h")]);
    let user = server.new_user();
    let half = "POST /app/user/info HTTP/1.1\r\n";
    let _idle: Vec<_> = (0..200)
        .map(|index| {
            let mut wire = Wire::to(&user.client);
            if index % 2 == 0 {
                let _ = wire.try_send(half);
            }
            wire
        })
        .collect();
    let begun = Instant::now();
    server.client().sign_in(&user.person);
    assert!(begun.elapsed() < SOON);
}

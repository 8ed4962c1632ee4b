//! Leaving, and having a folder for oneself.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::wire::post_head;
use crate::harness::{Server, Wire, bytes, until};

#[test]
fn a_server_that_is_told_to_leave_as_soon_as_it_is_there_leaves_in_order() {
    let mut server = Server::start();
    for _ in 0..20 {
        // Looks at the exit status.
        server.stop();
        server.start_again();
    }
}

#[test]
fn an_upload_in_flight_is_finished_before_the_server_leaves() {
    let mut server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 2_000_000);
    let body = user
        .signed(json!({"name": "in flight", "data": base64(&content)}))
        .to_string();
    let (first, second) = body.split_at(body.len() / 2);
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", body.len()));
    wire.send(first);
    until("something is staged", || !server.staged().is_empty());
    server.terminate();
    server.wait_for_log("leaving");
    wire.send(second);
    let fid = wire.answer().expect_code(130).fid();
    assert!(server.wait_for_exit().success());
    server.start_again();
    assert!(user.read(&fid) == content);
}

#[test]
fn nobody_new_is_let_in_while_the_server_leaves() {
    let mut server = Server::start();
    let user = server.new_user();
    let body = user.signed(json!({"name": "a", "data": base64(&bytes(1, 600_000))}));
    let body = body.to_string();
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", body.len()));
    wire.send(&body[..body.len() - 1]);
    until("something is staged", || !server.staged().is_empty());
    server.terminate();
    server.wait_for_log("leaving");
    until("the port is closed", || {
        TcpStream::connect(user.client.address()).is_err()
    });
    wire.send(&body[body.len() - 1..]);
    wire.answer().expect_code(130);
    assert!(server.wait_for_exit().success());
}

#[test]
fn a_client_that_never_finishes_does_not_keep_the_server() {
    let mut server = Server::with(&[("KMS_SHUTDOWN_TIMEOUT", "1s")]);
    let user = server.new_user();
    let begin = format!(r#"{{"token":"{}","name":"a","data":""#, user.token);
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", 5_000_000));
    wire.send(&begin);
    wire.send(base64(&bytes(1, 600_000)));
    until("something is staged", || !server.staged().is_empty());
    let begun = Instant::now();
    server.terminate();
    assert!(server.wait_for_exit().success());
    assert!(begun.elapsed() < Duration::from_secs(10));
    server.start_again();
    assert!(user.own().is_empty());
    assert!(server.blobs().is_empty());
}

#[test]
fn idle_connections_do_not_keep_the_server() {
    let mut server = Server::start();
    let user = server.new_user();
    let mut idle: Vec<_> = (0..10).map(|_| Wire::to(&user.client)).collect();
    let request = crate::harness::wire::post("/app/user/info", user.signed(json!({})).to_string());
    idle[0].send(&request);
    idle[0].answer().expect_code(0);
    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_second_server_on_the_same_folder_refuses_to_start() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let output = server.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("another process uses this data folder"),
        "{message}"
    );
    assert!(message.contains("data"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    assert!(output.stdout.is_empty());
    assert_eq!(user.read(&fid), b"content");
}

#[test]
fn an_address_in_use_is_told() {
    let server = Server::start();
    let taken = server.client().address().to_string();
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().to_str().unwrap();
    let output = server.command(&["--listen", &taken, "--data-dir", folder], "");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains(&taken), "{message}");
}

/// SECURITY, overload: what was acknowledged while the server leaves is there.
#[test]
fn of_200_uploads_during_the_leaving_every_acknowledged_one_is_there() {
    const UPLOADS: usize = 200;
    // The token stands behind the data.
    let mut server = Server::with(&[("KMS_ANONYMOUS_UPLOADS", "200")]);
    let user = server.new_user();
    let content = |index: usize| bytes(index as u64 + 1, 150_000);
    let mut wires: Vec<_> = (0..UPLOADS)
        .map(|index| {
            let data = base64(&content(index));
            let body = user.signed(json!({"name": index.to_string(), "data": data}));
            let body = body.to_string();
            let mut wire = Wire::to(&user.client);
            let half = body.len() / 2;
            wire.send(post_head("/app/user/upload", body.len()));
            wire.send(&body[..half]);
            (wire, body[half..].to_owned())
        })
        .collect();
    // Some have their answer before the signal, some are in work and some are not whole by then.
    for (wire, rest) in &mut wires[..UPLOADS / 2] {
        wire.send(&*rest);
    }
    let mut acknowledged = vec![(0, wires[0].0.answer().expect_code(130).fid())];
    let begun = Instant::now();
    server.terminate();
    for (index, (wire, rest)) in wires.iter_mut().enumerate().skip(1) {
        if index >= UPLOADS / 2 {
            let _ = wire.try_send(&*rest);
        }
        if let Some(answer) = wire.answer_if_any() {
            acknowledged.push((index, answer.expect_code(130).fid()));
        }
    }
    assert!(server.wait_for_exit().success());
    assert!(
        begun.elapsed() < Duration::from_secs(35),
        "{:?}",
        begun.elapsed()
    );
    assert!(acknowledged.len() > 1, "nothing was in flight");
    server.start_again();
    for (index, fid) in acknowledged {
        assert!(user.read(&fid) == content(index), "{index}");
    }
}

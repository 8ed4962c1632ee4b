//! More than the server can do at once: refused quickly, and those who are served are served well.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::wire::{post_head, slow_upload};
use crate::harness::{Person, Server, User, Wire, at_once, bytes, until};

/// Does `work` while `user` asks for its profile over and over, and expects each answer soon.
fn with_quick_info<T>(user: &User, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !over.load(Ordering::Acquire) {
                let begun = Instant::now();
                user.info().expect_code(0);
                slowest = slowest.max(begun.elapsed());
            }
            slowest
        });
        let result = work();
        over.store(true, Ordering::Release);
        let slowest = asking.join().unwrap();
        assert!(slowest < Duration::from_secs(2), "info took {slowest:?}");
        result
    })
}

#[test]
fn a_burst_of_logins_is_answered_with_success_or_busy_and_info_stays_quick() {
    let server = Server::with(&[("KMS_HASHING_PERMITS", "1"), ("KMS_HASHING_QUEUE", "4")]);
    let user = server.new_user();
    let (mut successes, mut refusals) = (0, 0);
    let begun = Instant::now();
    let codes = with_quick_info(&user, || {
        at_once(40, |_| {
            let login = user.client.login(&user.person.phone, &user.person.password);
            (login.code(), begun.elapsed())
        })
    });
    for (code, after) in codes {
        match code {
            110 => successes += 1,
            8 => {
                refusals += 1;
                assert!(after < Duration::from_secs(3), "refused after {after:?}");
            }
            _ => panic!("code {code}"),
        }
    }
    assert!(successes >= 1 && refusals >= 1, "{successes} {refusals}");
    user.client.sign_in(&user.person);
}

/// A06: two permits and a queue of 16, so never more than two hashes run and 18 are under way; all others
/// are refused at once. How many hashes ran is what their results say: each success or wrong password
/// was one.
#[test]
fn a06_of_500_logins_at_once_few_are_hashed_and_info_stays_quick() {
    let server = Server::with(&[
        ("KMS_HASHING_PERMITS", "2"),
        ("KMS_HASHING_QUEUE", "16"),
        ("KMS_QUEUE_WAIT", "1s"),
        // The harder the hash, the surer are all 500 there while the first one is computed.
        ("KMS_BCRYPT_COST", "12"),
        ("KMS_THROTTLE", "off"),
    ]);
    let user = server.new_user();
    let begun = Instant::now();
    let answers = with_quick_info(&user, || {
        at_once(500, |_| {
            user.client.login(&user.person.phone, &user.person.password)
        })
    });
    let hashed = answers.iter().filter(|answer| answer.code() == 110).count();
    for answer in answers.iter().filter(|answer| answer.code() != 110) {
        answer.clone().expect_bare(8);
        assert!(answer.header("retry-after").is_some());
    }
    // A hash of cost 12 takes 50 ms on the fastest of machines: so many fit into the time.
    let turns = usize::try_from(begun.elapsed().as_millis() / 50).unwrap() + 1;
    assert!(hashed >= 2 && hashed <= 2 * turns, "{hashed} in {turns}");
    assert!(hashed <= 250, "{hashed} of 500 were hashed");
}

#[test]
fn one_job_at_a_time_and_no_queue_still_answers_somebody() {
    let server = Server::with(&[("KMS_STORAGE_PERMITS", "1"), ("KMS_STORAGE_QUEUE", "0")]);
    let user = server.new_user();
    let codes = at_once(16, |_| {
        (0..20).map(|_| user.info().code()).collect::<Vec<_>>()
    });
    let codes = codes.concat();
    assert!(codes.iter().all(|code| matches!(code, 0 | 8)), "{codes:?}");
    assert!(codes.contains(&0), "nobody was served");
    user.info().expect_code(0);
}

#[test]
fn who_waits_too_long_is_told_that_the_server_is_busy() {
    let server = Server::with(&[
        ("KMS_HASHING_PERMITS", "1"),
        ("KMS_HASHING_QUEUE", "1000"),
        ("KMS_QUEUE_WAIT", "200ms"),
    ]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_code(100);
    let codes = at_once(30, |_| client.login(&person.phone, &person.password).code());
    assert!(codes.contains(&110) && codes.contains(&8), "{codes:?}");
    assert!(
        codes.iter().all(|code| matches!(code, 110 | 8)),
        "{codes:?}"
    );
}

#[test]
fn uploads_of_unknown_senders_are_bounded_in_number() {
    let server = Server::with(&[("KMS_ANONYMOUS_UPLOADS", "2")]);
    let user = server.new_user();
    let data = base64(&bytes(1, 600_000));
    let open = || {
        let mut wire = Wire::to(&user.client);
        wire.send(post_head("/app/user/upload", data.len() + 1000));
        wire.send(format!(r#"{{"data":"{data}"#));
        wire
    };
    let held = [open(), open()];
    until("both are staged", || server.staged().len() == 2);
    let late = format!(r#"{{"data":"{data}","name":"a","token":"{}"}}"#, user.token);
    user.client
        .post_raw("/app/user/upload", late.as_str())
        .expect_bare(8);
    // Who shows a token first is not concerned, nor is who sends little.
    user.post("/app/user/upload", json!({"name": "a", "data": "eA=="}))
        .expect_code(130);
    let early = format!(r#"{{"token":"{}","name":"a","data":"{data}"}}"#, user.token);
    user.client
        .post_raw("/app/user/upload", early)
        .expect_code(130);
    drop(held);
    until("there is room again", || {
        user.client
            .post_raw("/app/user/upload", late.as_str())
            .code()
            == 130
    });
    until("nothing is staged", || server.staged().is_empty());
}

#[test]
fn uploads_of_unknown_senders_are_bounded_in_bytes() {
    let server = Server::with(&[("KMS_ANONYMOUS_BYTES", "1MiB")]);
    let user = server.new_user();
    let late = |size: usize| {
        let data = base64(&bytes(1, size));
        let body = format!(r#"{{"data":"{data}","name":"a","token":"{}"}}"#, user.token);
        user.client.post_raw("/app/user/upload", body)
    };
    late(900_000).expect_code(130);
    late(3_000_000).expect_bare(8);
    until("nothing is staged", || server.staged().is_empty());
    // What was refused counts no longer.
    late(900_000).expect_code(130);
}

/// A class that hands in its work is no overload. A machine that has to wait longer than a burst may last refuses some,
/// who come again.
#[test]
fn a_burst_of_uploads_is_served() {
    let server = Server::start();
    let user = server.new_user();
    let begun = Instant::now();
    at_once(200, |n| {
        let target = format!("/api/v1/files?name={n}");
        until("the upload is served", || {
            let reply = user.fetch("POST", &target, &[], bytes(n as u64, 100_000));
            let is_late = begun.elapsed() >= Duration::from_secs(1);
            let is_refused = is_late && reply.status == 503;
            if !is_refused {
                reply.expect_status(201);
            }
            !is_refused
        });
    });
    assert_eq!(user.own().len(), 200);
}

#[test]
fn only_so_many_uploads_are_received_at_once() {
    let server = Server::with(&[("KMS_UPLOADS", "1")]);
    let user = server.new_user();
    let before = user.state();
    let slow = slow_upload(&server, &user);
    let content = bytes(1, 200_000);
    let refused = user.upload("b", &content).expect_bare(8);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(user.state(), before);
    // What is small needs no place.
    user.upload("c", b"small").expect_code(130);
    drop(slow);
    until("the place is free again", || {
        user.upload("b", &content).code() == 130
    });
}

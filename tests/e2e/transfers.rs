//! Bytes of every size, there and back.

use std::io::Write as _;

use serde_json::json;

use crate::harness::body::{multipart_file_head, multipart_type};
use crate::harness::client::base64;
use crate::harness::wire::{chunk, head, post_head};
use crate::harness::{Encoded, Format, Server, Wire, at_once, bytes, until};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Sizes on both sides of what a server might hold at once.
const SIZES: [usize; 15] = [
    1,
    2,
    3,
    4,
    191 * KIB,
    192 * KIB - 1,
    192 * KIB,
    192 * KIB + 1,
    193 * KIB,
    256 * KIB - 1,
    256 * KIB,
    256 * KIB + 1,
    384 * KIB,
    MIB,
    5 * MIB,
];

fn round_trips(format: Format) {
    let server = Server::start();
    let user = server.new_user();
    for size in SIZES {
        let content = bytes(size as u64, size);
        let fid = user
            .upload_as(format, "a title", &content)
            .expect_code(130)
            .fid();
        let answer = user.get_file(&fid).expect_code(140);
        assert_eq!(answer.text("name"), "a title");
        // No assert_eq: five million bytes tell nobody anything.
        assert!(answer.data() == content, "{size} bytes came back changed");
    }
    server.blobs_after_all(SIZES.len());
}

#[test]
fn json_uploads_of_every_size_come_back_to_the_letter() {
    round_trips(Format::Json);
}

#[test]
fn form_uploads_of_every_size_come_back_to_the_letter() {
    round_trips(Format::Form);
}

#[test]
fn multipart_uploads_of_every_size_come_back_to_the_letter() {
    round_trips(Format::Multipart);
}

#[test]
fn chunked_bodies_are_as_good_as_announced_ones() {
    let server = Server::start();
    let user = server.new_user();
    for format in Format::ALL {
        for size in [1, 196_608, 700_001] {
            let content = bytes(size as u64, size);
            let fields = user.signed(json!({"name": "chunked"}));
            let body = Encoded::new(format, &fields, Some(&content));
            let answer = user.client.send_chunked("/app/user/upload", &body);
            assert!(user.read(&answer.expect_code(130).fid()) == content);
        }
        let body = Encoded::new(format, &user.signed(json!({})), None);
        user.client
            .send_chunked("/app/user/info", &body)
            .expect_code(0);
    }
}

#[test]
fn a_body_may_be_cut_anywhere() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 100);
    let fields = user.signed(json!({"name": "报告 \"x\"\u{1f600}"}));
    for format in Format::ALL {
        let body = Encoded::new(format, &fields, Some(&content));
        let content_type = body.content_type.unwrap();
        let mut wire = Wire::to(&user.client);
        wire.send(head(
            "POST",
            "/app/user/upload",
            &[
                ("Content-Type", content_type.as_str()),
                ("Transfer-Encoding", "chunked"),
            ],
        ));
        for byte in body.bytes {
            wire.send(chunk(&[byte]));
        }
        wire.send(chunk(b""));
        let fid = wire.answer().expect_code(130).fid();
        let file = user.get_file(&fid);
        assert_eq!(file.text("name"), "报告 \"x\"\u{1f600}");
        assert_eq!(file.data(), content);
    }
}

#[test]
fn data_may_come_before_name_and_token() {
    let server = Server::start();
    let user = server.new_user();
    for size in [1, 10_000, 200_000, 2 * MIB] {
        let content = bytes(size as u64, size);
        let data = base64(&content);
        let token = &user.token;
        let json = format!(r#"{{"data":"{data}","name":"late","token":"{token}"}}"#);
        let answer = user.client.post_raw("/app/user/upload", json);
        assert!(user.read(&answer.expect_code(130).fid()) == content);

        let escaped = data.replace('+', "%2B");
        let form = format!("data={escaped}&name=late&token={token}");
        let form = Encoded::raw(Some("application/x-www-form-urlencoded"), form);
        let answer = user.client.send("POST", "/app/user/upload", &[], &form);
        assert!(user.read(&answer.expect_code(130).fid()) == content);

        let mut parts = multipart_file_head().into_bytes();
        parts.extend_from_slice(&content);
        parts.extend_from_slice(b"\r\n");
        let fields = user.signed(json!({"name": "late"}));
        parts.extend_from_slice(&Encoded::new(Format::Multipart, &fields, None).bytes);
        let parts = Encoded::raw(Some(&multipart_type()), parts);
        let answer = user.client.send("POST", "/app/user/upload", &[], &parts);
        assert!(user.read(&answer.expect_code(130).fid()) == content);
    }
}

#[test]
fn a_large_upload_with_a_bad_token_is_refused_before_it_is_read() {
    let server = Server::start();
    let client = server.client();
    for (begin, code) in [
        (r#"{"token":"unknown","name":"a","data":""#, 3),
        (r#"{"token":"","name":"a","data":""#, 4),
    ] {
        let mut wire = Wire::to(&client);
        wire.send(post_head("/app/user/upload", 50 * MIB));
        wire.send(begin);
        let sent = wire.send_until_answered(&[b'A'; 16 * KIB], 50 * MIB);
        wire.answer().expect_bare(code);
        assert!(sent < 20 * MIB, "{sent} bytes were taken");
    }
    until("nothing is staged", || server.staged().is_empty());
}

#[test]
fn a_client_that_leaves_in_the_middle_leaves_nothing_behind() {
    let server = Server::start();
    let user = server.new_user();
    let begin = format!(r#"{{"token":"{}","name":"a","data":""#, user.token);
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", 10 * MIB));
    wire.send(&begin);
    wire.send(base64(&bytes(1, 3 * MIB)));
    until("something is staged", || !server.staged().is_empty());
    drop(wire);
    until("nothing is staged", || server.staged().is_empty());
    assert!(server.blobs().is_empty());
    assert!(user.own().is_empty());
}

#[test]
fn uploads_and_downloads_of_many_people_at_once_do_not_mix() {
    let server = Server::start();
    let users: Vec<_> = (0..4).map(|_| server.new_user()).collect();
    at_once(8, |index| {
        let user = &users[index % users.len()];
        for round in 0..3 {
            let content = bytes((index * 10 + round) as u64, 300_000 + index);
            let title = format!("{index}-{round}");
            let fid = user.publish(&title, &content);
            assert!(user.read(&fid) == content, "{title}");
        }
    });
    for user in &users {
        assert_eq!(user.own().len(), 6);
    }
    server.blobs_after_all(24);
}

#[test]
fn an_answer_is_sent_to_slow_readers_too() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(9, 3 * MIB);
    let fid = user.publish("slow", &content);
    let mut wire = Wire::to(&user.client);
    let body = user.signed(json!({"fid": fid})).to_string();
    let mut request = post_head("/app/user/getfile", body.len()).into_bytes();
    request.write_all(body.as_bytes()).unwrap();
    wire.send(request);
    // Others are served while this one does not read.
    for _ in 0..20 {
        user.info().expect_code(0);
    }
    assert!(wire.answer().expect_code(140).data() == content);
}

/// More of them than have blocks got ready on another thread, or a share of the blocks of all.
#[test]
fn long_transfers_of_many_at_once_do_not_mix_and_do_not_wait_for_who_does_not_read() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(9, 6 * MIB);
    let fid = user.publish("held", &content);
    let held: Vec<_> = (0..10)
        .map(|_| {
            let mut wire = Wire::to(&user.client);
            let body = user.signed(json!({"fid": fid})).to_string();
            wire.send(post_head("/app/user/getfile", body.len()));
            wire.send(body);
            wire
        })
        .collect();
    at_once(4, |index| {
        let content = bytes(index as u64, 5 * MIB + index);
        let fid = user.publish(&index.to_string(), &content);
        assert!(user.read(&fid) == content, "{index}");
        let raw = user.content(&fid, &[]).expect_status(200);
        assert!(raw.body == content, "{index}");
    });
    for mut wire in held {
        assert!(wire.answer().expect_code(140).data() == content);
    }
}

//! Bad input in time: clients that are slow, stall or leave. See [`crate::bad_input`].

use std::time::Duration;

use serde_json::json;

use crate::bad_input::{Settled, open_files, resident};
use crate::harness::body::{multipart_file_head, multipart_type};
use crate::harness::client::base64;
use crate::harness::reply::content_of;
use crate::harness::wire::{chunk, head, post};
use crate::harness::{Wire, at_once, bytes, until};

const SOON: Duration = Duration::from_secs(20);
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// An upload that comes until its last hundredth and no further, in every format there is.
#[test]
fn an_upload_that_stalls_at_its_end_is_given_up_and_nothing_of_it_stays() {
    let settled = Settled::new(&[("KMS_BODY_TIMEOUT", "500ms"), ("KMS_KEEP_ALIVE", "1s")]);
    let token = &settled.user.token;
    let bearer = settled.user.bearer();
    let content = bytes(3, 900_000);
    let text = base64(&content);
    let mut parts = format!(
        "--{}\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n",
        multipart_type().rsplit('=').next().unwrap(),
    )
    .into_bytes();
    parts.extend_from_slice(multipart_file_head().as_bytes());
    parts.extend_from_slice(&content);
    let json = format!(r#"{{"token":"{token}","name":"a","data":"{text}"#);
    let late = format!(r#"{{"name":"a","data":"{text}"#);
    let form = format!("token={token}&name=a&data={}", text.replace('+', "%2B"));
    let urlencoded = "application/x-www-form-urlencoded";
    let cases = [
        (
            "JSON",
            "/app/user/upload",
            "application/json",
            json.clone().into_bytes(),
        ),
        (
            "JSON without a token yet",
            "/app/user/upload",
            "",
            late.into_bytes(),
        ),
        ("an avatar", "/app/user/avatar", "", json.into_bytes()),
        ("a form", "/app/user/upload", urlencoded, form.into_bytes()),
        ("multipart", "/app/user/upload", &multipart_type(), parts),
        ("plain", "/api/v1/files?name=a", "", content),
    ];
    let stall = |index: usize| {
        let (name, path, content_type, body) = &cases[index / 2];
        let length = (body.len() + body.len() / 100).to_string();
        let framing = match index % 2 {
            0 => ("Content-Length", length.as_str()),
            _ => CHUNKED,
        };
        let mut headers = vec![framing, ("Content-Type", content_type)];
        if path.starts_with("/api") {
            headers.push(("Authorization", &bearer));
        }
        let mut wire = Wire::to(&settled.user.client);
        wire.send(head("POST", path, &headers));
        wire.send(match framing {
            CHUNKED => chunk(body),
            _ => body.clone(),
        });
        let status = wire.status_or_close();
        assert!(matches!(status, Some(400 | 403)), "{name}: {status:?}");
        assert!(wire.is_closed_within(SOON), "{name}");
    };
    at_once(2 * cases.len(), stall);
    settled.expect_unchanged("an upload that stalls");
}

/// One byte at a time, so slowly that the head does not come to its end in time; on a connection that is new
/// and on one that has been answered.
#[test]
fn a_head_that_trickles_is_given_up_on_a_new_connection_and_on_an_old_one() {
    let settled = Settled::new(&[("KMS_HEAD_TIMEOUT", "1s"), ("KMS_KEEP_ALIVE", "1h")]);
    let info = post("/app/user/info", settled.user.signed(json!({})).to_string());
    for requests in [0, 1, 3] {
        let mut wire = Wire::to(&settled.user.client);
        for _ in 0..requests {
            wire.send(&info);
            wire.answer().expect_code(0);
        }
        let mut begin = b"POST /app/user/info HTTP/1.1\r\nX: ".iter();
        until("the connection is closed", || {
            let byte = begin.next().copied().unwrap_or(b'y');
            wire.try_send([byte]).is_err()
        });
    }
    settled.expect_unchanged("a slow head");
}

/// A body that comes a byte at a time is given up as well, after ten seconds of grace: see
/// [`crate::connections`].
#[test]
fn a_client_that_leaves_in_the_middle_of_a_large_answer_leaves_nothing_behind() {
    let settled = Settled::new(&[("KMS_ANSWER_TIMEOUT", "2s")]);
    let server = &settled.server;
    let content = bytes(1, 60_000_000);
    let reply = settled
        .user
        .create("name=large", &content)
        .expect_status(201);
    let fid = reply.json()["fid"].as_str().unwrap().to_owned();
    drop((content, reply));
    let bearer = settled.user.bearer();
    let get_file = post(
        "/app/user/getfile",
        settled.user.signed(json!({"fid": fid})).to_string(),
    );
    let get = head("GET", &content_of(&fid), &[("Authorization", &bearer)]).into_bytes();
    let leave = |asks: &[u8]| {
        let wires: Vec<_> = (0..16)
            .map(|_| {
                let mut wire = Wire::to(&settled.user.client);
                wire.send(asks);
                assert_eq!(wire.status_or_close(), Some(200));
                wire
            })
            .collect();
        drop(wires);
    };
    let files = open_files(server);
    // The first ones make the threads and buffers that stay.
    leave(&get_file);
    leave(&get);
    until("no file is open for who has gone", || {
        open_files(server) <= files
    });
    let before = resident(server);
    for _ in 0..4 {
        leave(&get_file);
        leave(&get);
    }
    until("no file is open for who has gone", || {
        open_files(server) <= files
    });
    let grown = resident(server).saturating_sub(before);
    // 128 answers of 60 MB were begun.
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more");
    settled.user.info().expect_code(0);
}

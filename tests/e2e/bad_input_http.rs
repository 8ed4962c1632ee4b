//! Bad input below the fields: heads, lengths and methods that are wrong, and clients that are slow or leave.
//! See [`crate::bad_input`]; what is special to bodies at their limits is in [`crate::limits`].

use std::time::Duration;

use serde_json::json;

use crate::bad_input::Settled;
use crate::harness::Wire;
use crate::harness::client::base64;
use crate::harness::wire::{head, post, post_head};

const SOON: Duration = Duration::from_secs(20);
const CLOSE: (&str, &str) = ("Connection", "close");
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// A request with an upload in its body, which nobody must find stored, and these headers in front.
fn upload(settled: &Settled, headers: &[(&str, &str)], body: &str) -> String {
    let bearer = settled.user.bearer();
    let all = [&[("Authorization", bearer.as_str())], headers, &[CLOSE]].concat();
    head("POST", "/api/v1/files?name=smuggled", &all) + body
}

/// Heads that contradict themselves, and those that are no HTTP. What is refused below the application has no
/// envelope; the status is what HTTP has for it, and the connection is closed.
#[test]
fn what_contradicts_itself_is_refused_and_nothing_behind_it_is_done() {
    let settled = Settled::new(&[]);
    let up = |headers: &[(&str, &str)], body: &str| upload(&settled, headers, body);
    let two = ("Content-Length", "2");
    let chunks = "2\r\nxx\r\n0\r\n\r\n";
    // A second request in what a proxy in front might take for the body of the first.
    let second = up(&[two], "xx");
    for (name, request, status) in [
        ("both lengths", up(&[two, CHUNKED], chunks), 400),
        ("both, the other way", up(&[CHUNKED, two], chunks), 400),
        (
            "both, and one behind",
            up(&[("Content-Length", "0"), CHUNKED], &second),
            400,
        ),
        (
            "two lengths",
            up(&[two, ("Content-Length", "3")], "xxx"),
            400,
        ),
        ("one length twice", up(&[two, two], "xx"), 400),
        (
            "a list of lengths",
            up(&[("Content-Length", "2, 2")], "xx"),
            400,
        ),
        (
            "a length with a sign",
            up(&[("Content-Length", "+2")], "xx"),
            400,
        ),
        (
            "a negative length",
            up(&[("Content-Length", "-2")], "xx"),
            400,
        ),
        (
            "a length in hex",
            up(&[("Content-Length", "0x2")], "xx"),
            400,
        ),
        (
            "no length at all in it",
            up(&[("Content-Length", "")], "xx"),
            400,
        ),
        (
            "a length beyond 64 bits",
            up(&[("Content-Length", "99999999999999999999")], "xx"),
            400,
        ),
        ("chunked twice", up(&[CHUNKED, CHUNKED], chunks), 400),
        (
            "gzip in chunks",
            up(&[("Transfer-Encoding", "gzip, chunked")], chunks),
            400,
        ),
        (
            "an unknown coding",
            up(&[("Transfer-Encoding", "xchunked")], chunks),
            400,
        ),
        (
            "a chunk that is no number",
            up(&[CHUNKED], "zz\r\nxx\r\n0\r\n\r\n"),
            400,
        ),
        (
            "a chunk beyond 64 bits",
            up(&[CHUNKED], "ffffffffffffffffff\r\nxx\r\n0\r\n\r\n"),
            400,
        ),
        (
            "a chunk longer than it says",
            up(&[CHUNKED], "1\r\nxx\r\n0\r\n\r\n"),
            400,
        ),
        (
            "a blank before the colon",
            up(&[("Content-Length ", "2")], "xx"),
            400,
        ),
        ("a folded header", up(&[("X", "a\r\n b"), two], "xx"), 400),
        ("a NUL in a header", up(&[("X", "a\0b"), two], "xx"), 400),
        ("a second host", up(&[("Host", "y"), two], "xx"), 400),
        (
            "chunks in HTTP/1.0",
            up(&[CHUNKED], chunks).replace("HTTP/1.1", "HTTP/1.0"),
            400,
        ),
        (
            "HTTP/3",
            up(&[two], "xx").replace("HTTP/1.1", "HTTP/3.0"),
            400,
        ),
        (
            "compressed",
            up(&[two, ("Content-Encoding", "gzip")], "xx"),
            400,
        ),
        (
            "an upgrade",
            up(&[two, ("Upgrade", "h2c")], "xx").replace("close", "upgrade"),
            400,
        ),
    ] {
        let mut wire = Wire::to(&settled.user.client);
        // The server may have closed before the last byte.
        let _ = wire.try_send(&request);
        wire.end_sending();
        let found = wire.status_or_close();
        assert!(
            found.is_none_or(|found| found == status),
            "{name}: {found:?}"
        );
        assert!(wire.is_closed_within(SOON), "{name}");
        settled.expect_unchanged(name);
    }
    // The request itself was a good one.
    let mut wire = Wire::to(&settled.user.client);
    wire.send(up(&[two], "xx"));
    wire.reply().expect_status(201);
}

/// On both sides of what a head may be.
#[test]
fn a_head_has_96_headers_128_kib_and_a_path_of_64_kib_and_nothing_above() {
    let settled = Settled::new(&[]);
    // Two of the headers are Host and Connection.
    let headers = |count: usize| {
        let more: Vec<_> = (2..count).map(|index| format!("X-{index}")).collect();
        let more = more.iter().map(|name| (name.as_str(), "y"));
        head("GET", "/", &more.chain([CLOSE]).collect::<Vec<_>>())
    };
    let path = |length: usize| head("GET", &format!("/{}", "x".repeat(length - 1)), &[CLOSE]);
    let long = |length: usize| head("GET", "/", &[CLOSE, ("X", &"y".repeat(length))]);
    for (name, request, status) in [
        ("96 headers", headers(96), 404),
        ("97 headers", headers(97), 431),
        ("1,000 headers", headers(1_000), 431),
        ("a path of 60 KiB", path(60 * 1024), 404),
        ("a path of 100 KiB", path(100 * 1024), 400),
        ("a head of 126 KiB", long(126 * 1024), 404),
        ("a head of 130 KiB", long(130 * 1024), 431),
        ("a head of 10 MiB", long(10 * 1024 * 1024), 431),
    ] {
        let mut wire = Wire::to(&settled.user.client);
        let whole = wire.try_send(&request).is_ok();
        let found = wire.status_or_close();
        // Who goes on sending may lose the answer.
        assert!(
            found == Some(status) || (found.is_none() && !whole),
            "{name}: {found:?}"
        );
        assert!(wire.is_closed_within(SOON), "{name}");
        settled.expect_unchanged(name);
    }
    settled.user.info().expect_code(0);
}

/// Answers and refusals in turn, all sent at once.
#[test]
fn a_hundred_good_and_bad_requests_in_one_go_are_answered_in_their_order() {
    let settled = Settled::new(&[]);
    let kinds = [
        (
            post("/app/user/info", settled.user.signed(json!({})).to_string()),
            0,
        ),
        (post("/app/user/info", "{"), 1),
        (post("/app//user/info", "{}"), 2),
        (
            post(
                "/app/user/getfile",
                settled.user.signed(json!({"fid": "x"})).to_string(),
            ),
            2,
        ),
        (post("/app/user/info", r#"{"token":"x"}"#), 3),
        (post("/app/user/info", "{}"), 4),
    ];
    let order: Vec<_> = (0..100)
        .map(|index| &kinds[index * 7 % kinds.len()])
        .collect();
    let mut wire = Wire::to(&settled.user.client);
    wire.send(
        order
            .iter()
            .flat_map(|kind| kind.0.clone())
            .collect::<Vec<_>>(),
    );
    for (at, (_, code)) in order.iter().enumerate() {
        assert_eq!(wire.answer().code(), *code, "answer {at}");
    }
    settled.expect_unchanged("a hundred requests");
}

/// A method in every spelling but the right one, on every route there is.
#[test]
fn wrong_methods_are_refused_on_every_route_with_the_right_ones() {
    let settled = Settled::new(&[]);
    for endpoint in kms_api::endpoints() {
        let path = settled.path_of(endpoint.path);
        let known: Vec<_> = endpoint.methods.split(", ").collect();
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND",
            "BREW", "post", "Get", "POSTX", "M-SEARCH",
        ] {
            if known.contains(&method) {
                continue;
            }
            let bearer = settled.user.bearer();
            let headers = [("Authorization", bearer.as_str()), ("Content-Length", "0")];
            let mut wire = Wire::to(&settled.user.client);
            wire.send(head(method, &path, &headers));
            let what = format!("{method} {path}");
            let allow = if method == "HEAD" {
                let reply = wire.head_reply().expect_status(405);
                reply.header("allow").map(str::to_owned)
            } else if path.starts_with("/api/v1") {
                let reply = wire.reply().expect_problem(405, 10);
                reply.header("allow").map(str::to_owned)
            } else {
                let answer = wire.answer().expect_bare(10);
                answer.header("allow").map(str::to_owned)
            };
            assert_eq!(allow.as_deref(), Some(endpoint.methods), "{what}");
        }
    }
    settled.expect_unchanged("a wrong method");
}

/// Ways to write a path that some servers take for the same one.
#[test]
fn odd_paths_are_nobodys() {
    let settled = Settled::new(&[]);
    let fields = settled.user.signed(json!({"name": "odd"})).to_string();
    for endpoint in kms_api::endpoints() {
        let path = settled.path_of(endpoint.path);
        let method = endpoint.methods.split(", ").next().unwrap();
        let last = path.rfind('/').unwrap();
        let (front, name) = (&path[..last], &path[last + 1..]);
        for odd in [
            format!("/{path}"),
            format!("{front}//{name}"),
            format!("{path}/"),
            format!("{path}//"),
            format!("{front}/./{name}"),
            format!("{front}/x/../{name}"),
            format!("{front}/%2e/{name}"),
            format!("{front}/x/%2e%2e/{name}"),
            format!("{front}%2f{name}"),
            format!("{front}%5c{name}"),
            format!("{front}\\{name}"),
            format!("{path};x=1"),
            format!("{path}%3bx"),
            format!("{path}%00"),
            format!("{path}%20"),
            format!("{path}."),
            format!("{path}%"),
            format!("{path}%zz"),
            format!("{front};/{name}"),
            path.to_uppercase()
                .replace("/API/V1/FILES", "/API/V1/files"),
        ] {
            let bearer = settled.user.bearer();
            let length = fields.len().to_string();
            let mut wire = Wire::to(&settled.user.client);
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Content-Length", &length),
            ];
            wire.send(head(method, &odd, &headers));
            let _ = wire.try_send(&fields);
            // Where a fid belongs, anything else is no fid, and no method but the route's fits there.
            let status = wire.status_or_close();
            assert!(
                matches!(status, Some(400 | 404 | 405)),
                "{method} {odd}: {status:?}"
            );
        }
    }
    settled.expect_unchanged("an odd path");
}

/// Lengths that lie: more than comes, and less.
#[test]
fn a_length_that_lies_stores_nothing() {
    let settled = Settled::new(&[("KMS_BODY_TIMEOUT", "500ms")]);
    let fields = json!({"name": "a", "data": base64(b"lie")});
    let body = settled.user.signed(fields).to_string();
    let plain = |length: usize| {
        let length = length.to_string();
        upload(&settled, &[("Content-Length", &length)], "lie")
    };
    for (name, request) in [
        (
            "one byte too few in JSON",
            post_head("/app/user/upload", body.len() - 1) + &body,
        ),
        ("far too few", post_head("/app/user/upload", 10) + &body),
        (
            "one too many in JSON",
            post_head("/app/user/upload", body.len() + 1) + &body,
        ),
        (
            "a gigabyte too many",
            post_head("/app/user/upload", 1 << 30) + &body,
        ),
        ("none", post_head("/app/user/upload", 0) + &body),
        ("one byte too many, plain", plain(4)),
        ("a gigabyte too many, plain", plain(1 << 30)),
    ] {
        for closing in [false, true] {
            let mut wire = Wire::to(&settled.user.client);
            wire.send(&request);
            if closing {
                wire.end_sending();
            }
            let status = wire.status_or_close();
            let refused = status.is_none_or(|status| (400..500).contains(&status));
            assert!(refused, "{name}: {status:?}");
            drop(wire);
            settled.expect_unchanged(name);
        }
    }
}

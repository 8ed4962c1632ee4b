//! `POST /api/v1/files/zip`: several files as one archive.

use std::io::copy;

use rawzip::ZipArchive;
use serde_json::json;

use crate::harness::wire::head;
use crate::harness::{Reply, Server, User, Wire, bytes, sha256_hex};

const ROUTE: &str = "/files/zip";

fn zip(user: &User, fids: &[&str]) -> Reply {
    user.send("POST", ROUTE, &json!({"fids": fids}))
}

/// The names and the bytes of an archive, as a strict reader that checks every sum finds them.
fn unzip(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = ZipArchive::from_slice(archive).unwrap();
    let mut entries = archive.entries();
    let mut files = Vec::new();
    while let Some(record) = entries.next_entry().unwrap() {
        let name = String::from_utf8(record.file_path().as_ref().to_vec()).unwrap();
        let found = archive.get_entry(record.wayfinder()).unwrap();
        let mut content = Vec::new();
        copy(&mut found.verifying_reader(found.data()), &mut content).unwrap();
        files.push((name, content));
    }
    files
}

#[test]
fn an_archive_holds_the_files_as_they_are_in_their_order() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let large = bytes(2, 1_500_000);
    let own = user.hide("报告.pdf", b"own");
    let foreign = other.publish("a.txt", &large);
    let twin = user.publish("A.TXT", b"twin");
    let evil = user.publish("../../etc/passwd", b"evil");
    let reply = zip(&user, &[&foreign, &own, &twin, &evil]).expect_status(200);
    assert_eq!(reply.header("content-type"), Some("application/zip"));
    let disposition = reply.header("content-disposition");
    assert_eq!(disposition, Some("attachment; filename=\"files.zip\""));
    let length = reply.header("content-length").unwrap();
    assert_eq!(length, reply.body.len().to_string());
    let found = unzip(&reply.body);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["a.txt", "报告.pdf", "A (2).TXT", ".._.._etc_passwd"]
    );
    let contents: Vec<_> = found
        .iter()
        .map(|(_, content)| content.as_slice())
        .collect();
    assert!(contents == [large.as_slice(), b"own", b"twin", b"evil"]);
}

#[test]
fn many_files_make_one_archive_and_one_more_makes_none() {
    let server = Server::with(&[("KMS_ZIP_FILES", "40")]);
    let user = server.new_user();
    let fids: Vec<_> = (0..41_u8).map(|n| user.publish("a", &[n; 10])).collect();
    let all: Vec<_> = fids.iter().map(String::as_str).collect();
    let found = unzip(&zip(&user, &all[..40]).expect_status(200).body);
    assert_eq!(found.len(), 40);
    for (n, (name, content)) in found.iter().enumerate() {
        let expected = if n == 0 {
            "a".to_owned()
        } else {
            format!("a ({})", n + 1)
        };
        assert_eq!(
            (name.as_str(), content),
            (expected.as_str(), &vec![n as u8; 10])
        );
    }
    zip(&user, &all).expect_problem(400, 1);
}

#[test]
fn one_file_that_is_not_there_for_the_asker_leaves_no_archive() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let own = user.publish("a", b"own");
    let private = other.hide("b", b"private");
    let deleted = user.publish("c", b"deleted");
    user.delete(&deleted).expect_status(204);
    let unknown = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for bad in [private.as_str(), &deleted, unknown, "no-id", ""] {
        zip(&user, &[&own, bad]).expect_problem(404, 2);
        zip(&user, &[bad, &own]).expect_problem(404, 2);
    }
    zip(&user, &[&own, &own]).expect_problem(400, 1);
    zip(&user, &[&own, &own.to_uppercase()]).expect_problem(400, 1);
    zip(&user, &[]).expect_problem(400, 1);
}

#[test]
fn a_body_that_is_no_selection_is_refused() {
    let server = Server::with(&[("KMS_ZIP_FILES", "2")]);
    let user = server.new_user();
    for body in [
        "",
        "{}",
        "[]",
        r#"{"fids":"a"}"#,
        r#"{"fids":[1]}"#,
        r#"{"fids":null}"#,
        r#"{"fids":[]}"#,
        r#"{"fids":["a"],"fids":["b"]}"#,
        r#"{"fids":["a"]}x"#,
        r#"{"fids":["\ud800"]}"#,
        // By the rules of all bodies.
        r#"[["a"]]"#,
        r#"{"fids":["a"],"x":"\ud800"}"#,
        &format!(
            r#"{{"fids":["a"],"x":{}{}}}"#,
            "[".repeat(32),
            "]".repeat(32)
        ),
    ] {
        let reply = user.fetch("POST", "/api/v1/files/zip", &[], body);
        let told = reply.expect_problem(400, 1).json()["detail"].clone();
        assert!(!told.as_str().unwrap().contains("line"), "{told}");
    }
    let invalid = b"{\"fids\":[\"a\"],\"x\":\"\xff\"}".as_slice();
    let reply = user.fetch("POST", "/api/v1/files/zip", &[], invalid);
    reply.expect_problem(400, 1);
    let nested = format!(
        r#"{{"fids":["a"],"x":{}{}}}"#,
        "[".repeat(31),
        "]".repeat(31)
    );
    let reply = user.fetch("POST", "/api/v1/files/zip", &[], nested.as_str());
    reply.expect_problem(404, 2);
    let long = format!(r#"{{"fids":["{}"]}}"#, "a".repeat(2000));
    let reply = user.fetch("POST", "/api/v1/files/zip", &[], long.as_str());
    reply.expect_problem(413, 6);
}

/// Damage in the first file is told; damage behind it tears the answer.
#[test]
fn a_damaged_file_is_never_in_an_archive() {
    let server = Server::start();
    let user = server.new_user();
    let good = user.publish("good", b"good");
    let bad_bytes = bytes(1, 100_000);
    let bad = user.publish("bad", &bad_bytes);
    let digest = sha256_hex(&bad_bytes);
    let blobs = server.blobs_after_all(2);
    blobs
        .iter()
        .find(|blob| blob.sha256 == digest)
        .unwrap()
        .flip_a_byte();
    zip(&user, &[&bad, &good]).expect_problem(500, 5);
    let mut wire = Wire::to(&user.client);
    let body = json!({"fids": [good, bad]}).to_string();
    let (bearer, length) = (user.bearer(), body.len().to_string());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Length", length.as_str()),
    ];
    wire.send(head("POST", "/api/v1/files/zip", &headers));
    wire.send(&body);
    let torn = wire.torn_answer();
    assert_eq!(torn.status, 200);
    assert!(torn.announced > 100_000 && torn.received < 200, "{torn:?}");
    server.wait_for_log("an archive was cut off");
}

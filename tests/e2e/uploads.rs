//! What an upload asks for, and what becomes of it.

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::{Server, at_once, bytes, md5_hex, sha256_hex};

#[test]
fn two_uploads_of_the_same_bytes_are_two_entries_over_one_copy() {
    let server = Server::start();
    let (one, two) = (server.new_user(), server.new_user());
    let content = bytes(1, 400_000);
    let fids = [
        one.publish("first", &content),
        one.publish("second", &content),
        two.hide("third", &content),
    ];
    assert_ne!(fids[0], fids[1]);
    server.only_blob();
    assert!(one.read(&fids[0]) == content);
    assert!(one.read(&fids[1]) == content);
    assert!(two.read(&fids[2]) == content);
    assert_eq!(one.get_file(&fids[1]).text("name"), "second");
    assert_eq!(server.only_blob().size, 400_000);
}

#[test]
fn uploads_of_the_same_bytes_at_once_make_one_copy() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 300_000);
    let mut fids = at_once(12, |_| user.publish("same", &content));
    fids.sort_unstable();
    fids.dedup();
    assert_eq!(fids.len(), 12);
    server.only_blob();
    for fid in &fids {
        assert!(user.read(fid) == content);
    }
}

#[test]
fn whether_the_bytes_were_known_does_not_show() {
    let server = Server::start();
    let (one, two) = (server.new_user(), server.new_user());
    let new = one.upload("a", b"shared").expect_code(130);
    let known = two.upload("a", b"shared").expect_code(130);
    let keys = |answer: &crate::harness::Answer| -> Vec<String> {
        answer.json.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&new), keys(&known));
}

#[test]
fn bytes_must_have_the_digests_that_were_named() {
    let server = Server::start();
    let user = server.new_user();
    for size in [10, 500_000] {
        let (content, other) = (bytes(1, size), bytes(2, size));
        for wrong in [
            json!({"md5": md5_hex(&other)}),
            json!({"sha256": sha256_hex(&other)}),
            json!({"md5": md5_hex(&content), "sha256": sha256_hex(&other)}),
        ] {
            user.upload_with("a", &content, wrong).expect_bare(1);
        }
    }
    assert!(user.own().is_empty());
    assert!(server.blobs().is_empty());
    let content = bytes(1, 10);
    for right in [
        json!({"md5": md5_hex(&content)}),
        json!({"md5": md5_hex(&content).to_uppercase()}),
        json!({"sha256": sha256_hex(&content)}),
        json!({"md5": null, "sha256": null}),
    ] {
        user.upload_with("a", &content, right).expect_code(130);
    }
}

#[test]
fn an_md5_is_32_hex_digits() {
    let server = Server::start();
    let user = server.new_user();
    let right = md5_hex(b"x");
    for bad in [
        "".to_owned(),
        right[1..].to_owned(),
        format!("{right}0"),
        format!("{}g", &right[1..]),
        format!(" {}", &right[1..]),
        format!("0x{}", &right[2..]),
        "０".repeat(32),
    ] {
        user.instant("a", &bad).expect_bare(1);
        user.upload_with("a", b"x", json!({"md5": bad}))
            .expect_bare(1);
    }
    for bad in [json!(5), json!([right]), json!(true)] {
        user.upload_with("a", b"x", json!({"md5": bad}))
            .expect_bare(1);
    }
    assert!(user.own().is_empty());
}

#[test]
fn a_title_is_a_text_of_1_to_255_characters() {
    let server = Server::start();
    let user = server.new_user();
    let longest = "字".repeat(255);
    for title in [
        "a",
        " ",
        "../../etc/passwd",
        "/",
        "..",
        "C:\\报告.pdf",
        "a\u{202e}fdp.exe",
        "%'_\"; DROP TABLE files; --",
        "😀",
        &longest,
    ] {
        let fid = user.upload(title, b"content").expect_code(130).fid();
        assert_eq!(user.get_file(&fid).text("name"), title);
        assert_eq!(user.own()[0].name, title);
    }
    let count = user.own().len();
    for title in [
        "",
        &format!("{longest}字"),
        "a\u{0}",
        "a\rb",
        "a\nb",
        "a\tb",
        "\u{7f}",
        "\u{85}",
    ] {
        user.upload(title, b"content").expect_bare(1);
        user.instant(title, &md5_hex(b"content")).expect_bare(1);
    }
    for name in [json!(null), json!(5), json!(["a"])] {
        let fields = json!({"name": name, "data": base64(b"content")});
        user.post("/app/user/upload", fields).expect_bare(1);
    }
    assert_eq!(user.own().len(), count);
}

#[test]
fn an_upload_needs_data_or_an_md5_and_data_must_not_be_empty() {
    let server = Server::start();
    let user = server.new_user();
    for fields in [
        json!({"name": "a"}),
        json!({"name": "a", "data": null}),
        json!({"name": "a", "data": ""}),
        json!({"name": "a", "data": "", "md5": md5_hex(b"")}),
        json!({"name": "a", "data": "\r\n"}),
        json!({"name": "a", "data": "data:;base64,"}),
        json!({"name": "a", "data": 5}),
        json!({"name": "a", "data": true}),
        json!({"name": "a", "data": ["eA=="]}),
        json!({"name": "a", "data": {"base64": "eA=="}}),
        json!({"data": base64(b"x")}),
    ] {
        user.post("/app/user/upload", fields).expect_bare(1);
    }
    assert!(user.own().is_empty());
    assert!(server.blobs().is_empty());
    // `null` is no data, so this asks for an instant upload.
    let fields = json!({"name": "a", "data": null, "md5": md5_hex(b"unknown")});
    user.post("/app/user/upload", fields).expect_bare(2);
}

#[test]
fn a_fid_that_is_none_is_not_found_and_a_wrong_type_is_refused() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    for unknown in [
        "",
        "x",
        "00000000-0000-0000-0000-000000000000",
        "../../../../etc/passwd",
        "' OR 1=1 --",
        &fid.replace('-', ""),
        &format!("{{{fid}}}"),
        &format!("{fid} "),
        &format!("urn:uuid:{fid}"),
        "%",
    ] {
        user.get_file(unknown).expect_bare(2);
    }
    for wrong in [json!(null), json!(5), json!(true), json!([fid]), json!({})] {
        user.post("/app/user/getfile", json!({"fid": wrong}))
            .expect_bare(1);
    }
    user.post("/app/user/getfile", json!({})).expect_bare(1);
    user.get_file(&"x".repeat(10 * 1024)).expect_bare(1);
    user.get_file(&fid).expect_code(140);
}

#[test]
fn public_is_a_truth_value() {
    let server = Server::start();
    let user = server.new_user();
    for wrong in [json!("true"), json!(1), json!(0), json!([]), json!("")] {
        user.upload_with("a", b"x", json!({"public": wrong}))
            .expect_bare(1);
    }
    assert!(user.own().is_empty());
}

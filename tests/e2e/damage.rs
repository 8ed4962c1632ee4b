//! Stored bytes that are gone or changed: never served as if nothing had happened, and healed by the
//! next upload of the same content.

use serde_json::json;

use crate::harness::blobs::flip_byte_of;
use crate::harness::wire::post;
use crate::harness::{Server, User, Wire, bytes, md5_hex};

const MIB: usize = 1024 * 1024;

/// After damage was noticed: nobody is promised the bytes, and an upload of them makes the old entry
/// good again.
fn heals(server: &Server, owner: &User, fid: &str, content: &[u8]) {
    owner.instant("claimed", &md5_hex(content)).expect_bare(2);
    let other = server.new_user();
    other.instant("claimed", &md5_hex(content)).expect_bare(2);
    let new = other.publish("again", content);
    assert!(owner.read(fid) == content, "the old entry is not healed");
    assert!(other.read(&new) == content);
    owner.instant("claimed", &md5_hex(content)).expect_code(131);
    server.only_blob();
}

#[test]
fn a_missing_file_is_5_and_the_next_upload_heals_it() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 5000);
    let fid = user.publish("a", &content);
    server.only_blob().lose();
    user.get_file(&fid).expect_bare(5);
    user.get_file(&fid).expect_bare(5);
    assert_eq!(user.own().len(), 1);
    heals(&server, &user, &fid, &content);
}

#[test]
fn a_missing_file_is_never_promised_even_if_nobody_has_noticed_yet() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 5000);
    let fid = user.publish("a", &content);
    server.only_blob().lose();
    heals(&server, &user, &fid, &content);
}

#[test]
fn a_shortened_file_is_5_and_the_next_upload_heals_it() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 2 * MIB);
    let fid = user.publish("a", &content);
    server.only_blob().shorten(MIB as u64);
    user.get_file(&fid).expect_bare(5);
    heals(&server, &user, &fid, &content);
}

#[test]
fn a_flipped_byte_in_a_small_file_is_5() {
    let server = Server::start();
    let user = server.new_user();
    for size in [1, 5000, 192 * 1024] {
        let content = bytes(size as u64, size);
        let fid = user.publish("a", &content);
        let blob = server
            .blobs()
            .into_iter()
            .find(|blob| blob.size == size as u64)
            .unwrap();
        blob.flip_a_byte();
        user.get_file(&fid).expect_bare(5);
        user.instant("claimed", &md5_hex(&content)).expect_bare(2);
        let again = user.publish("again", &content);
        assert!(user.read(&fid) == content && user.read(&again) == content);
    }
    server.blobs_after_all(3);
}

#[test]
fn a_flipped_byte_in_a_large_file_tears_the_answer() {
    tears(2 * MIB);
}

#[test]
fn a_flipped_byte_in_a_file_that_is_read_ahead_tears_the_answer() {
    tears(9 * MIB);
}

fn tears(size: usize) {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, size);
    let fid = user.publish("a", &content);
    server.only_blob().flip_a_byte();
    let mut wire = Wire::to(&user.client);
    let body = user.signed(json!({"fid": fid})).to_string();
    wire.send(post("/app/user/getfile", body));
    let torn = wire.torn_answer();
    // The status was on its way before the block in the middle was checked.
    assert_eq!(torn.status, 200);
    assert!(
        torn.announced > size && torn.received < torn.announced,
        "{torn:?}"
    );
    // Nothing of the damaged block has left: base64 of the half before it, and the fields.
    assert!(torn.received < size / 2 / 3 * 4 + 1024, "{torn:?}");
    server.wait_for_log("an answer was cut off");
    let told = |line: &str| line.contains("ERROR") && line.contains(&torn.request_id);
    assert!(server.log().lines().any(told), "{}", server.log());
    heals(&server, &user, &fid, &content);
}

#[test]
fn content_without_its_checksums_is_read_and_gets_new_ones() {
    let mut server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 2 * MIB);
    let fid = user.publish("a", &content);
    let sums = server.only_blob().file.with_added_extension("sums");
    for lost in [true, false] {
        if lost {
            // As after a restore of the contents alone.
            server.stop();
            std::fs::remove_file(&sums).unwrap();
            server.start_again();
        } else {
            flip_byte_of(&sums, std::fs::metadata(&sums).unwrap().len() / 2);
        }
        assert!(user.read(&fid) == content);
        assert!(sums.exists());
        server.wait_for_log("checksums were missing or damaged");
    }
    server.only_blob().flip_a_byte();
    std::fs::remove_file(&sums).unwrap();
    user.get_file(&fid).expect_bare(5);
    heals(&server, &user, &fid, &content);
}

#[test]
fn a_damaged_avatar_is_5_and_a_new_one_heals_it() {
    let server = Server::start();
    let user = server.new_user();
    user.set_avatar(b"a picture").expect_code(120);
    server.only_blob().flip_a_byte();
    user.get_avatar().expect_bare(5);
    user.set_avatar(b"a picture").expect_code(120);
    assert_eq!(user.get_avatar().expect_code(121).data(), b"a picture");
}

#[test]
fn the_log_has_the_reason_under_the_request_id_and_the_client_has_not() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let blob = server.only_blob();
    blob.lose();
    let answer = user.get_file(&fid).expect_bare(5);
    assert_eq!(
        String::from_utf8(answer.body.clone()).unwrap(),
        r#"{"done":false,"code":5,"msg":"服务器内部错误"}"#
    );
    let key = blob.sha256;
    for (_, value) in &answer.headers {
        assert!(!value.contains(&key), "{answer:?}");
    }
    let id = answer.header("x-request-id").unwrap();
    server.wait_for_log(id);
    let told = |line: &str| line.contains("ERROR") && line.contains(id) && line.contains(&key);
    assert!(server.log().lines().any(told), "{}", server.log());
}

#[test]
fn damage_is_noted_across_a_restart() {
    let mut server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 5000);
    let fid = user.publish("a", &content);
    server.only_blob().lose();
    user.get_file(&fid).expect_bare(5);
    server.stop();
    server.start_again();
    user.get_file(&fid).expect_bare(5);
    heals(&server, &user, &fid, &content);
}

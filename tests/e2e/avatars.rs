//! Avatars: any bytes, exactly as they came.

use serde_json::json;

use crate::harness::{Format, Server, bytes};

#[test]
fn there_is_none_until_one_is_set() {
    let server = Server::start();
    let user = server.new_user();
    user.get_avatar().expect_bare(2);
    user.set_avatar(b"x").expect_bare(120);
    assert_eq!(user.get_avatar().expect_code(121).data(), b"x");
}

#[test]
fn any_bytes_come_back_to_the_letter_in_every_format() {
    let server = Server::start();
    let user = server.new_user();
    let no_picture = b"\0\xff<svg onload=alert(1)>\r\n--boundary--".to_vec();
    let all_bytes: Vec<u8> = (0..=255).collect();
    for content in [vec![0], no_picture, all_bytes, bytes(1, 300_000)] {
        for format in Format::ALL {
            let fields = user.signed(json!({}));
            user.client
                .post_as(format, "/app/user/avatar", &fields, Some(&content))
                .expect_bare(120);
            assert_eq!(user.get_avatar().expect_code(121).data(), content);
        }
    }
}

#[test]
fn a_new_avatar_takes_the_place_of_the_old_one() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    user.set_avatar(b"first").expect_bare(120);
    other.set_avatar(b"another person's").expect_bare(120);
    user.set_avatar(b"second").expect_bare(120);
    assert_eq!(user.get_avatar().data(), b"second");
    assert_eq!(other.get_avatar().data(), b"another person's");
}

#[test]
fn one_byte_to_the_limit_is_taken_and_one_more_is_too_large() {
    let server = Server::with(&[("KMS_MAX_AVATAR", "64KiB")]);
    let user = server.new_user();
    let (longest, too_long) = (bytes(1, 64 * 1024), bytes(2, 64 * 1024 + 1));
    for format in Format::ALL {
        let set = |content: &[u8]| {
            let fields = user.signed(json!({}));
            user.client
                .post_as(format, "/app/user/avatar", &fields, Some(content))
        };
        set(&longest).expect_bare(120);
        set(&too_long).expect_bare(6);
        set(b"").expect_bare(1);
        assert_eq!(user.get_avatar().data(), longest, "{format:?}");
    }
}

#[test]
fn an_avatar_without_data_is_refused() {
    let server = Server::start();
    let user = server.new_user();
    for fields in [
        json!({}),
        json!({"data": null}),
        json!({"data": 5}),
        json!({"data": ["eA=="]}),
        json!({"data": "*"}),
    ] {
        user.post("/app/user/avatar", fields).expect_bare(1);
    }
    user.get_avatar().expect_bare(2);
}

#[test]
fn an_avatar_is_no_file() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let content = bytes(1, 5000);
    user.set_avatar(&content).expect_bare(120);
    assert!(user.own().is_empty());
    assert!(other.recommended().is_empty());
    let md5 = crate::harness::md5_hex(&content);
    other.instant("claimed", &md5).expect_bare(2);
    user.instant("claimed", &md5).expect_bare(2);
}

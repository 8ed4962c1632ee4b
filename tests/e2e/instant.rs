//! Instant upload: who may have bytes by naming them.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::data::md5_collision;
use crate::harness::{Server, User, bytes, md5_hex, sha256_hex};

/// Asks for bytes by both digests.
#[track_caller]
fn instant_strong(user: &User, content: &[u8]) -> crate::harness::Answer {
    let fields = json!({
        "name": "claimed", "md5": md5_hex(content), "sha256": sha256_hex(content),
    });
    user.post("/app/user/upload", fields)
}

#[test]
fn own_bytes_are_linked_under_a_fresh_fid() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 50_000);
    let stored = user.hide("first", &content);
    let linked = user.instant("second", &md5_hex(&content)).expect_code(131);
    assert_ne!(linked.fid(), stored);
    assert_eq!(linked.json["size"], 50_000);
    assert_eq!(linked.text("sha256"), sha256_hex(&content));
    let file = user.get_file(&linked.fid()).expect_code(140);
    assert_eq!(file.text("name"), "second");
    assert_eq!(file.data(), content);
    assert_eq!(user.own().len(), 2);
    server.only_blob();
}

#[test]
fn an_md5_is_read_in_either_case() {
    let server = Server::start();
    let user = server.new_user();
    user.hide("a", b"content");
    let upper = md5_hex(b"content").to_uppercase();
    user.instant("b", &upper).expect_code(131);
}

#[test]
fn another_persons_public_bytes_are_linked() {
    let server = Server::start();
    let (owner, user) = (server.new_user(), server.new_user());
    owner.publish("a", b"content");
    let linked = user.instant("mine", &md5_hex(b"content")).expect_code(131);
    assert_eq!(user.read(&linked.fid()), b"content");
    assert_eq!(owner.own().len(), 1);
}

#[test]
fn another_persons_private_bytes_look_exactly_like_none() {
    let server = Server::start();
    let (owner, user) = (server.new_user(), server.new_user());
    owner.hide("a", b"content");
    let hidden = user.instant("mine", &md5_hex(b"content")).expect_bare(2);
    let unknown = user.instant("mine", &md5_hex(b"unknown")).expect_bare(2);
    assert_eq!(hidden.body, unknown.body);
    let names = |answer: &crate::harness::Answer| -> BTreeSet<String> {
        answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    assert_eq!(names(&hidden), names(&unknown));
    let strong = instant_strong(&user, b"content").expect_bare(2);
    assert_eq!(strong.body, unknown.body);
    assert!(user.own().is_empty());
    // Whoever sends the bytes gets an entry, and from then on may claim them.
    user.hide("mine", b"content");
    user.instant("again", &md5_hex(b"content")).expect_code(131);
}

#[test]
fn an_entry_that_was_claimed_can_be_claimed_from() {
    let server = Server::start();
    let (first, second) = (server.new_user(), server.new_user());
    let md5 = md5_hex(b"content");
    first.publish("a", b"content");
    let fields = json!({"name": "b", "md5": md5, "public": false});
    second.post("/app/user/upload", fields).expect_code(131);
    let own = second.own();
    assert_eq!((own.len(), own[0].public), (1, Some(false)));
    second.instant("c", &md5).expect_code(131);
}

#[test]
fn bytes_that_share_an_md5_stay_apart() {
    let server = Server::start();
    let user = server.new_user();
    let (one, two) = md5_collision();
    let first = user.publish("one", &one);
    let second = user.publish("two", &two);
    server.blobs_after_all(2);
    assert_eq!(user.read(&first), one);
    assert_eq!(user.read(&second), two);
}

#[test]
fn an_md5_that_fits_two_contents_decides_nothing() {
    let server = Server::start();
    let (one, two) = md5_collision();
    let md5 = md5_hex(&one);
    let (first, second, third) = (server.new_user(), server.new_user(), server.new_user());
    first.publish("one", &one);
    third.instant("claimed", &md5).expect_code(131);
    second.publish("two", &two);
    // For everybody, whoever owns one of them.
    let stranger = server.new_user();
    for user in [&first, &second, &third, &stranger] {
        user.instant("claimed", &md5).expect_bare(2);
    }
    for content in [&one, &two] {
        let linked = instant_strong(&stranger, content).expect_code(131);
        assert_eq!(linked.text("sha256"), sha256_hex(content));
        assert_eq!(stranger.read(&linked.fid()), *content);
    }
    // Now the stranger owns both.
    stranger.instant("claimed", &md5).expect_bare(2);
}

#[test]
fn a_private_collision_of_somebody_else_changes_no_answer() {
    let server = Server::start();
    let (one, two) = md5_collision();
    let (publisher, attacker, user) = (server.new_user(), server.new_user(), server.new_user());
    publisher.publish("one", &one);
    attacker.hide("two", &two);
    let linked = user.instant("claimed", &md5_hex(&one)).expect_code(131);
    assert_eq!(user.read(&linked.fid()), one);
}

#[test]
fn a_sha256_must_fit_as_well() {
    let server = Server::start();
    let (one, two) = md5_collision();
    let user = server.new_user();
    user.publish("one", &one);
    instant_strong(&user, &two).expect_bare(2);
    instant_strong(&user, &one).expect_code(131);
    for bad in ["", "abc", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65)] {
        let fields = json!({"name": "a", "md5": md5_hex(&one), "sha256": bad});
        user.post("/app/user/upload", fields).expect_bare(1);
    }
}

/// The codes under a policy: own by MD5, public of another by MD5, the same by both digests, own by
/// both digests.
fn codes_under(policy: &str) -> [u64; 4] {
    let server = Server::with(&[("KMS_INSTANT_UPLOAD", policy)]);
    let (owner, user) = (server.new_user(), server.new_user());
    owner.publish("theirs", b"theirs");
    owner.hide("secret", b"secret");
    user.hide("mine", b"mine");
    instant_strong(&user, b"secret").expect_bare(2);
    [
        user.instant("a", &md5_hex(b"mine")).code(),
        user.instant("a", &md5_hex(b"theirs")).code(),
        // A claim that succeeds makes the bytes the user's own, so the order matters.
        instant_strong(&user, b"theirs").code(),
        instant_strong(&user, b"mine").code(),
    ]
}

#[test]
fn the_operator_decides_how_far_an_md5_goes() {
    assert_eq!(codes_under("public"), [131, 131, 131, 131]);
    assert_eq!(codes_under("strong"), [131, 2, 131, 131]);
    assert_eq!(codes_under("own"), [131, 2, 2, 131]);
    assert_eq!(codes_under("off"), [2, 2, 2, 2]);
}

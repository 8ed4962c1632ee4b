//! A private file exists for its owner alone.

use serde_json::json;

use crate::harness::user::fids;
use crate::harness::{Server, bytes, md5_hex};

#[test]
fn a_public_file_is_everybodys_and_a_private_one_its_owners() {
    let server = Server::start();
    let (owner, other) = (server.new_user(), server.new_user());
    let public = owner.publish("public", b"public bytes");
    let private = owner.hide("private", b"private bytes");
    assert_eq!(owner.read(&public), b"public bytes");
    assert_eq!(owner.read(&private), b"private bytes");
    assert_eq!(other.read(&public), b"public bytes");
    let hidden = other.get_file(&private).expect_bare(2);
    let unknown = other.get_file("00000000-0000-4000-8000-000000000000");
    assert_eq!(hidden.body, unknown.body);
    assert_eq!(fids(&other.recommended()), [public.as_str()]);
}

#[test]
fn a_fid_is_read_in_upper_case_too_and_written_in_lower_case() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    assert_eq!(user.read(&fid.to_uppercase()), b"content");
    assert_eq!(user.own()[0].fid, fid);
}

#[test]
fn a_file_is_public_unless_the_upload_or_the_operator_says_otherwise() {
    for (default, public) in [("public", true), ("private", false)] {
        let server = Server::with(&[("KMS_DEFAULT_VISIBILITY", default)]);
        let (owner, other) = (server.new_user(), server.new_user());
        let silent = owner.upload("silent", b"one").expect_code(130).fid();
        let shared = owner.publish("public", b"two");
        let hidden = owner.hide("private", b"three");
        let codes = [&silent, &shared, &hidden].map(|fid| other.get_file(fid).code());
        assert_eq!(codes, [if public { 140 } else { 2 }, 140, 2]);
        let shown: Vec<_> = owner.own().iter().map(|entry| entry.public).collect();
        assert_eq!(shown, [Some(false), Some(true), Some(public)]);
        // The same holds for an entry that was claimed.
        let claimed = owner.instant("claimed", &md5_hex(b"one")).fid();
        let code = other.get_file(&claimed).code();
        assert_eq!(code, if public { 140 } else { 2 });
    }
}

#[test]
fn the_same_bytes_may_be_private_here_and_public_there() {
    let server = Server::start();
    let (one, two, three) = (server.new_user(), server.new_user(), server.new_user());
    let private = one.hide("private", b"content");
    let public = two.publish("public", b"content");
    three.get_file(&private).expect_bare(2);
    assert_eq!(three.read(&public), b"content");
    server.only_blob();
}

#[test]
fn nobodys_phone_or_address_is_in_another_persons_answers() {
    let server = Server::start();
    let client = server.client();
    let person = crate::harness::Person::new();
    let fields = crate::harness::data::with(
        person.fields(),
        json!({"email": "canary@example.com", "birth": 123_454_321}),
    );
    client.post("/app/register", fields).expect_code(100);
    let owner = client.sign_in(&person);
    let other = client.new_user();
    let fid = owner.publish("a", &bytes(1, 10));
    owner.set_avatar(b"canary-avatar").expect_code(120);
    for answer in [
        other.info(),
        other.get_file(&fid).expect_code(140),
        other.post("/app/user/getfilelist", json!({})),
        other.post("/app/user/getownfilelist", json!({})),
        other.get_avatar(),
        other.instant("b", &md5_hex(&bytes(1, 10))).expect_code(131),
        other.post(
            "/app/user/info",
            json!({"userid": owner.info().text("userid")}),
        ),
        client.test_phone(&person.phone),
        client.login(&person.phone, "wrong password"),
    ] {
        let text = String::from_utf8(answer.body).unwrap();
        for canary in [person.phone.as_str(), "canary", "123454321", "+86"] {
            assert!(!text.contains(canary), "{canary} in {text}");
        }
    }
}

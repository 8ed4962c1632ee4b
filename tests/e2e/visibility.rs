//! A private file exists for its owner alone.

use std::collections::BTreeSet;

use kms_api::endpoints;
use serde_json::json;

use crate::harness::data::with;
use crate::harness::user::fids;
use crate::harness::{Person, Server, bytes, contract_paths, md5_hex};

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

/// A15: canaries in an account, and somebody else who asks every route there is about it, with every field
/// that a route might know, and with all but one of them.
#[test]
fn a15_nobodys_phone_address_or_birth_is_in_another_persons_answers() {
    // The one phone is tried many times with a wrong password.
    let server = Server::with(&[("KMS_THROTTLE", "off")]);
    let client = server.client();
    let person = Person {
        password: "canary-pass".to_owned(),
        ..Person::new()
    };
    let canaries = json!({"email": "canary@example.com", "birth": 123_454_321});
    client
        .post("/app/register", with(person.fields(), canaries))
        .expect_code(100);
    let owner = client.sign_in(&person);
    let info = owner.info();
    for (field, canary) in [
        ("phone", person.phone.as_str()),
        ("email", "canary@example.com"),
        ("birth", "123454321"),
    ] {
        assert_eq!(info.text(field), canary, "one's own are shown");
    }
    let content = bytes(1, 10);
    let fid = owner.publish("a", &content);
    owner.set_avatar(b"canary-avatar").expect_code(120);
    // What is sent as a password is the asker's own, which `modify` leaves as it is.
    let other = client.new_user();
    let asked = json!({
        "fid": fid, "userid": info.text("userid"), "phone": person.phone, "password": other.person.password,
        "md5": md5_hex(&content), "name": "b", "keyword": "a", "email": "else@example.com",
    });
    let check = |what: &str, headers: &[(String, String)], body: &[u8]| {
        let text = format!("{headers:?} {}", String::from_utf8_lossy(body));
        for canary in [person.phone.as_str(), "canary", "123454321"] {
            assert!(!text.contains(canary), "{canary} in {what}: {text}");
        }
    };
    let mut codes = BTreeSet::new();
    for path in contract_paths() {
        // A route may end the session that asks.
        let other = client.sign_in(&other.person);
        let mut bodies = vec![asked.clone()];
        for field in asked.as_object().unwrap().keys() {
            let mut less = asked.clone();
            less.as_object_mut().unwrap().remove(field);
            bodies.push(less);
        }
        for body in bodies {
            let answer = other.post(path, body);
            check(path, &answer.headers, &answer.body);
            codes.insert(answer.code());
        }
    }
    // It was not for want of an answer.
    for code in [0, 101, 112, 131, 140, 150] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
    let mut answered = BTreeSet::new();
    for endpoint in endpoints().filter(|endpoint| endpoint.path.starts_with("/api/v1/")) {
        let path = endpoint.path.replace("{fid}", &fid);
        let path = path.replace("{id}", info.text("userid"));
        for method in endpoint.methods.split(", ") {
            // A route may end the session that asks.
            let other = client.sign_in(&other.person);
            let reply = other.fetch(method, &path, &[], ());
            check(&path, &reply.headers, &reply.body);
            if reply.status < 300 {
                answered.insert((method, endpoint.path));
            }
        }
    }
    // Nor here.
    for route in [
        "users/{id}",
        "files/{fid}",
        "files/{fid}/content",
        "hot",
        "recommended",
    ] {
        let path = format!("/api/v1/{route}");
        let is_answered = answered
            .iter()
            .any(|(method, known)| *method == "GET" && *known == path);
        assert!(is_answered, "{path}: {answered:?}");
    }
}

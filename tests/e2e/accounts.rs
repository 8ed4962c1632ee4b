//! Registering, and what an account is.

use serde_json::json;

use crate::harness::data::{new_phone, with};
use crate::harness::{Format, Person, Server, at_once};

#[test]
fn a_registered_person_signs_in_and_finds_their_profile() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    let fields = with(
        person.fields(),
        json!({"email": "zhang.san+kms@example.com", "birth": 631_152_000_000_i64}),
    );
    client.test_phone(&person.phone).expect_bare(102);
    client.post("/app/register", fields).expect_bare(100);
    client.test_phone(&person.phone).expect_bare(101);
    let info = client.sign_in(&person).info().expect_code(0);
    assert_eq!(info.text("name"), person.name);
    assert_eq!(info.text("phone"), person.phone);
    assert_eq!(info.text("email"), "zhang.san+kms@example.com");
    assert_eq!(info.text("birth"), "631152000000");
    assert!(!info.text("userid").is_empty());
}

#[test]
fn what_was_not_given_comes_back_as_empty_text() {
    let server = Server::start();
    let client = server.client();
    let bare = client.new_user();
    let person = Person::new();
    let nulls = with(person.fields(), json!({"email": null, "birth": null}));
    client.post("/app/register", nulls).expect_code(100);
    for user in [bare, client.sign_in(&person)] {
        let info = user.info().expect_code(0);
        assert_eq!(info.text("email"), "");
        assert_eq!(info.text("birth"), "");
    }
}

#[test]
fn an_empty_optional_field_of_a_form_is_none() {
    let server = Server::start();
    let client = server.client();
    for format in [Format::Form, Format::Multipart] {
        let person = Person::new();
        let fields = with(person.fields(), json!({"email": "", "birth": ""}));
        client
            .post_as(format, "/app/register", &fields, None)
            .expect_code(100);
        let info = client.sign_in(&person).info().expect_code(0);
        assert_eq!((info.text("email"), info.text("birth")), ("", ""));
    }
}

#[test]
fn two_people_have_two_userids() {
    let server = Server::start();
    let (one, two) = (server.new_user(), server.new_user());
    let id = |user: &crate::harness::User| user.info().text("userid").to_owned();
    assert_ne!(id(&one), id(&two));
    assert_eq!(id(&one), id(&one));
}

#[test]
fn a_mainland_number_is_one_account_with_and_without_its_country_code() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    let long = format!("+86{}", person.phone);
    client.register(&person).expect_code(100);
    client.test_phone(&long).expect_bare(101);
    let again = with(person.fields(), json!({"phone": long}));
    client.post("/app/register", again).expect_bare(101);
    client.login(&long, &person.password).expect_code(110);

    let other = Person::new();
    let long = format!("+86{}", other.phone);
    let fields = with(other.fields(), json!({"phone": long}));
    client.post("/app/register", fields).expect_code(100);
    let info = client.sign_in(&other).info();
    assert_eq!(info.text("phone"), other.phone);
}

#[test]
fn an_international_number_keeps_its_plus() {
    let server = Server::start();
    let client = server.client();
    for phone in ["+1234567", "+123456789012345"] {
        let person = Person {
            phone: phone.to_owned(),
            ..Person::new()
        };
        client.register(&person).expect_code(100);
        let info = client.sign_in(&person).info();
        assert_eq!(info.text("phone"), phone);
        let fields = person.fields();
        for format in [Format::Form, Format::Multipart] {
            client
                .post_as(format, "/app/register/testphone", &fields, None)
                .expect_bare(101);
        }
    }
}

#[test]
fn what_is_no_phone_is_refused_by_every_route_that_takes_one() {
    let server = Server::start();
    let client = server.client();
    for phone in [
        "",
        "1380013800",
        "138001380000",
        "23800138000",
        "+123456",
        "+1234567890123456",
        "8613800138000",
        "1380013800a",
        " 13800138000",
        "13800138000 ",
        "138-0013-8000",
        "１３８００１３８０００",
        "١٣٨٠٠١٣٨٠٠٠",
        "+",
        "+86 13800138000",
        "' OR 1=1 --",
    ] {
        let fields = with(Person::new().fields(), json!({"phone": phone}));
        client.test_phone(phone).expect_bare(1);
        client.login(phone, "geheim-1").expect_bare(1);
        client.post("/app/register", fields).expect_bare(1);
    }
    // A number is no text, however much it looks like a phone.
    let fields = json!({"phone": 13_800_138_000_i64});
    client
        .post("/app/register/testphone", fields)
        .expect_bare(1);
}

/// A12: a constraint decides, so of any number one is first.
#[test]
fn a12_of_64_registrations_of_one_phone_at_once_one_makes_the_account() {
    // Nobody may be turned away: all of them are to reach the constraint.
    let server = Server::with(&[("KMS_QUEUE_WAIT", "30s")]);
    let client = server.client();
    let person = Person::new();
    let mut codes = at_once(64, |_| client.register(&person).code());
    codes.sort_unstable();
    assert_eq!((codes[0], &codes[1..]), (100, &[101; 63][..]));
    client
        .login(&person.phone, &person.password)
        .expect_code(110);
}

#[test]
fn the_loser_of_a_registration_leaves_nothing_behind() {
    let server = Server::start();
    let client = server.client();
    let first = Person::new();
    client.register(&first).expect_code(100);
    let second = Person {
        phone: first.phone.clone(),
        name: "别人".to_owned(),
        password: "andere-1".to_owned(),
    };
    client.register(&second).expect_bare(101);
    client
        .login(&first.phone, &second.password)
        .expect_bare(112);
    let info = client.sign_in(&first).info();
    assert_eq!(info.text("name"), first.name);
}

#[test]
fn two_accounts_may_share_a_name_and_an_address() {
    let server = Server::start();
    let client = server.client();
    for _ in 0..2 {
        let fields = json!({
            "phone": new_phone(), "name": "同名", "password": "geheim-1", "email": "a@b.cn",
        });
        client.post("/app/register", fields).expect_code(100);
    }
}

#[test]
fn a_required_field_that_is_missing_or_null_is_refused() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    for (route, required) in [
        ("/app/register", &["phone", "name", "password"][..]),
        ("/app/register/testphone", &["phone"]),
        ("/app/login", &["phone", "password"]),
    ] {
        for field in required {
            let mut fields = person.fields();
            fields[field] = json!(null);
            client.post(route, fields.clone()).expect_bare(1);
            fields.as_object_mut().unwrap().remove(*field);
            client.post(route, fields.clone()).expect_bare(1);
            for format in [Format::Form, Format::Multipart] {
                client.post_as(format, route, &fields, None).expect_bare(1);
            }
        }
    }
    client.test_phone(&person.phone).expect_bare(102);
}

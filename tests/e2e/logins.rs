//! Signing in, and the sessions that it opens.

use serde_json::json;

use crate::harness::{Encoded, Person, Server, at_once, until};

#[test]
fn the_first_login_is_told_exactly_once() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_code(100);
    client
        .login(&person.phone, "wrong password")
        .expect_bare(112);
    let first_time = || {
        let answer = client
            .login(&person.phone, &person.password)
            .expect_code(110);
        answer.json["first_time"].as_bool().unwrap()
    };
    assert!(first_time());
    assert!(!first_time());
    assert!(!first_time());
}

/// A13
#[test]
fn the_first_login_is_told_exactly_once_also_in_a_race() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_code(100);
    let answers = at_once(8, |_| {
        client
            .login(&person.phone, &person.password)
            .expect_code(110)
    });
    let firsts = answers
        .iter()
        .filter(|answer| answer.json["first_time"] == true);
    assert_eq!(firsts.count(), 1);
    let mut tokens: Vec<_> = answers.iter().map(|answer| answer.text("token")).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 8);
}

#[test]
fn an_unknown_phone_is_111_and_a_wrong_password_112() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    client
        .login(&person.phone, &person.password)
        .expect_bare(111);
    client.register(&person).expect_code(100);
    client.login(&person.phone, "not this one").expect_bare(112);
    client
        .login(&person.phone, &person.password)
        .expect_code(110);
}

#[test]
fn a_token_is_long_and_of_url_safe_characters() {
    let server = Server::start();
    let user = server.new_user();
    // 32 random bytes are 43 characters.
    assert!(user.token.len() >= 43, "{}", user.token);
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!(user.token.chars().all(legal), "{}", user.token);
}

#[test]
fn an_earlier_session_stays_when_another_opens() {
    let server = Server::start();
    let first = server.new_user();
    let second = server.client().sign_in(&first.person);
    assert_ne!(first.token, second.token);
    first.info().expect_code(0);
    second.info().expect_code(0);
}

/// A11
#[test]
fn the_oldest_session_goes_when_there_are_too_many() {
    let server = Server::with(&[("KMS_SESSIONS_PER_ACCOUNT", "2")]);
    let client = server.client();
    let first = client.new_user();
    let second = client.sign_in(&first.person);
    first.info().expect_code(0);
    let third = client.sign_in(&first.person);
    first.info().expect_bare(3);
    second.info().expect_code(0);
    third.info().expect_code(0);
}

/// A08, as a client sees it; the exact millisecond is in the domain's tests.
#[test]
fn a_session_ends_when_its_time_is_over() {
    let server = Server::with(&[("KMS_SESSION_IDLE", "1s"), ("KMS_SESSION_MAX", "1s")]);
    let user = server.new_user();
    until("the session is over", || user.info().code() == 3);
    server.client().sign_in(&user.person).info().expect_code(0);
}

/// A09
#[test]
fn a_new_password_ends_every_session_but_the_one_that_set_it() {
    let server = Server::start();
    let client = server.client();
    let changer = client.new_user();
    let others = [
        client.sign_in(&changer.person),
        client.sign_in(&changer.person),
    ];
    let stranger = client.new_user();
    changer
        .modify(json!({"password": "nagelneu"}))
        .expect_bare(150);
    changer.info().expect_code(0);
    for other in others {
        other.info().expect_bare(3);
        other.upload("too late", b"x").expect_bare(3);
    }
    stranger.info().expect_code(0);
    let phone = &changer.person.phone;
    client
        .login(phone, &changer.person.password)
        .expect_bare(112);
    let login = client.login(phone, "nagelneu").expect_code(110);
    assert_eq!(login.json["first_time"], false);
}

#[test]
fn one_persons_token_shows_that_person() {
    let server = Server::start();
    let (one, two) = (server.new_user(), server.new_user());
    assert_eq!(one.info().text("phone"), one.person.phone);
    assert_eq!(two.info().text("phone"), two.person.phone);
}

#[test]
fn a_stale_token_in_a_header_is_nothing_to_routes_that_need_none() {
    let server = Server::start();
    let client = server.client();
    let stale = [("Authorization", "Bearer no-such-token")];
    for route in ["/app/login", "/app/register", "/app/register/testphone"] {
        for body in [r#"{"phone":"a\u0000b"}"#, r#"{"phone":5}"#] {
            let body = Encoded::raw(None, body);
            client.send("POST", route, &stale, &body).expect_bare(1);
        }
    }
    let body = Encoded::raw(None, r#"{"phone":"13800138000"}"#);
    client
        .send("POST", "/app/register/testphone", &stale, &body)
        .expect_bare(102);
}

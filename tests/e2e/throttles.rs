//! Who asks too much waits, and nobody else does.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::data::new_phone;
use crate::harness::{Answer, Client, Encoded, Format, Person, Server, at_once, until};

/// The tests' own machine as a proxy, so that one of them can speak for many clients.
const PROXY: (&str, &str) = ("KMS_TRUSTED_PROXIES", "127.0.0.1");

/// A JSON request of which a proxy says where it comes from.
#[track_caller]
fn post_from(client: &Client, from: &str, route: &str, fields: serde_json::Value) -> Answer {
    let body = Encoded::new(Format::Json, &fields, None);
    client.send("POST", route, &[("X-Forwarded-For", from)], &body)
}

#[track_caller]
fn login_from(client: &Client, from: &str, phone: &str, password: &str) -> Answer {
    let fields = json!({"phone": phone, "password": password});
    post_from(client, from, "/app/login", fields)
}

#[track_caller]
fn seconds(answer: &Answer) -> u64 {
    answer.header("retry-after").unwrap().parse().unwrap()
}

/// A05. The second network comes through a proxy.
#[test]
fn of_200_wrong_logins_few_are_verified_and_the_owner_gets_in_from_elsewhere() {
    let server = Server::with(&[PROXY]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    let begun = Instant::now();
    let answers: Vec<_> = (0..200)
        .map(|_| login_from(&client, "192.0.2.66", &person.phone, "wrong one"))
        .collect();
    let took = begun.elapsed();
    let verified = answers.iter().filter(|answer| answer.code() == 112).count();
    // Ten are free and one more begins the waits, of which each is as long as all before it.
    let waits = usize::try_from((took.as_secs() + 1).ilog2()).unwrap() + 1;
    assert!(
        (11..=11 + waits).contains(&verified),
        "{verified} in {took:?}"
    );
    for answer in answers {
        assert!(matches!(answer.code(), 7 | 112), "{answer:?}");
    }
    let late = login_from(&client, "192.0.2.66", &person.phone, "wrong one").expect_bare(7);
    assert!(seconds(&late) >= 1);

    login_from(&client, "198.51.100.7", &person.phone, &person.password).expect_code(110);
    // The password changes nothing for where the wrong ones came from.
    login_from(&client, "192.0.2.66", &person.phone, &person.password).expect_bare(7);
    // Nor is anybody else there concerned.
    let other = Person::new();
    client.register(&other).expect_bare(100);
    login_from(&client, "192.0.2.66", &other.phone, &other.password).expect_code(110);
}

/// Sends a wrong password sixty times at once, to a server that hashes two at once and keeps nobody from
/// waiting for that, and expects no more of them to be verified than are free.
fn expect_few_verified(guess: impl Fn() -> Answer + Sync) {
    let begun = Instant::now();
    let codes = at_once(60, |_| guess().code());
    let verified = codes.iter().filter(|code| **code == 112).count();
    assert!(
        codes.iter().all(|code| matches!(code, 7 | 112)),
        "{codes:?}"
    );
    // As many as there are permits run together when the last free one is used up; and a slow machine
    // may be through with the first waits.
    let slack = usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((11..=12 + slack).contains(&verified), "{codes:?}");
}

/// A05, all at once.
#[test]
fn wrong_logins_at_once_do_not_slip_through_together() {
    // However slow the machine, nobody is refused for waiting too long.
    let server = Server::with(&[("KMS_HASHING_PERMITS", "2"), ("KMS_QUEUE_WAIT", "10min")]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    expect_few_verified(|| client.login(&person.phone, "wrong one"));
}

#[test]
fn right_logins_at_once_are_no_wrong_ones() {
    let server = Server::with(&[("KMS_QUEUE_WAIT", "1min")]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    let codes = at_once(40, |_| client.login(&person.phone, &person.password).code());
    assert!(codes.iter().all(|code| *code == 110), "{codes:?}");
}

#[test]
fn who_waits_as_long_as_retry_after_says_gets_in() {
    let server = Server::with(&[("KMS_THROTTLE_LOGIN_FREE", "0")]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    client.login(&person.phone, "wrong one").expect_bare(112);
    let refused = client.login(&person.phone, &person.password).expect_bare(7);
    let told = Instant::now() + Duration::from_secs(seconds(&refused));
    until("the time has come", || Instant::now() >= told);
    client
        .login(&person.phone, &person.password)
        .expect_code(110);
    // What was wrong is forgiven.
    client.login(&person.phone, "wrong one").expect_bare(112);
    let refused = client.login(&person.phone, "wrong one").expect_bare(7);
    assert_eq!(seconds(&refused), 1);
}

/// A21.
#[test]
fn nobody_but_a_trusted_proxy_can_say_where_a_request_comes_from() {
    for proxies in ["", "10.0.0.0/8"] {
        let server = Server::with(&[
            ("KMS_TRUSTED_PROXIES", proxies),
            ("KMS_THROTTLE_LOGIN_FREE", "0"),
            ("KMS_THROTTLE_LOGIN_WAIT", "1h"),
            ("KMS_THROTTLE_LOGIN_LONGEST", "1h"),
        ]);
        let client = server.client();
        let person = Person::new();
        client.register(&person).expect_bare(100);
        login_from(&client, "192.0.2.1", &person.phone, "wrong one").expect_bare(112);
        for from in ["192.0.2.2", "127.0.0.1", "2001:db8::1", "10.0.0.1", ""] {
            login_from(&client, from, &person.phone, &person.password).expect_bare(7);
        }
    }
}

/// A21.
#[test]
fn behind_a_trusted_proxy_only_the_last_address_counts_that_it_wrote() {
    let server = Server::with(&[
        PROXY,
        ("KMS_THROTTLE_LOGIN_FREE", "0"),
        ("KMS_THROTTLE_LOGIN_WAIT", "1h"),
        ("KMS_THROTTLE_LOGIN_LONGEST", "1h"),
    ]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    login_from(&client, "192.0.2.1", &person.phone, "wrong one").expect_bare(112);
    for from in [
        "198.51.100.1, 192.0.2.1",
        "garbage,192.0.2.1, 127.0.0.1",
        "::ffff:192.0.2.1",
    ] {
        login_from(&client, from, &person.phone, &person.password).expect_bare(7);
    }
    // What is no address is the proxy's own, as is no header at all.
    login_from(&client, "garbage", &person.phone, "wrong one").expect_bare(112);
    client.login(&person.phone, &person.password).expect_bare(7);
    login_from(&client, "192.0.2.2", &person.phone, &person.password).expect_code(110);
    // Addresses of one /64 are one.
    login_from(&client, "2001:db8:1:2::1", &person.phone, "wrong one").expect_bare(112);
    let right = &person.password;
    login_from(&client, "2001:db8:1:2:3::4", &person.phone, right).expect_bare(7);
    login_from(&client, "2001:db8:1:3::1", &person.phone, right).expect_code(110);
}

#[test]
fn a_school_of_200_behind_one_address_gets_in() {
    let server = Server::with(&[("KMS_QUEUE_WAIT", "1min")]);
    let client = server.client();
    let people: Vec<_> = (0..200).map(|_| Person::new()).collect();
    at_once(4, |part| {
        for (number, person) in people.iter().enumerate().skip(part).step_by(4) {
            client.test_phone(&person.phone).expect_bare(102);
            client.register(person).expect_bare(100);
            client.test_phone(&person.phone).expect_bare(101);
            client.register(person).expect_bare(101);
            if number % 10 == 0 {
                client.login(&person.phone, "wrong one").expect_bare(112);
            }
            client.sign_in(person);
        }
    });
}

#[test]
fn who_goes_through_phones_is_slowed_down_whichever_way_he_asks() {
    let server = Server::with(&[
        ("KMS_THROTTLE_NETWORK_BURST", "30"),
        ("KMS_THROTTLE_NETWORK_RATE", "60"),
        PROXY,
    ]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    let begun = Instant::now();
    let mut told = 0;
    let ways = [
        |client: &Client| client.test_phone(&new_phone()),
        |client: &Client| client.login(&new_phone(), "any password"),
    ];
    for way in ways.iter().cycle().take(100) {
        told += usize::from(way(&client).code() != 7);
    }
    let refilled = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!((30..=30 + refilled).contains(&told), "{told}");
    until("nothing is left", || {
        client.test_phone(&new_phone()).code() == 7
    });
    // A token a second.
    let refused = client.register(&person);
    assert_eq!(seconds(&refused.expect_bare(7)), 1);
    // Before the body is looked at.
    client.post_raw("/app/register", "{").expect_bare(7);
    // Somebody else is not concerned.
    let fields = json!({"phone": new_phone()});
    post_from(&client, "192.0.2.9", "/app/register/testphone", fields).expect_bare(102);
}

#[test]
fn to_ask_about_the_same_phone_over_and_over_tells_nothing_new() {
    let server = Server::with(&[
        ("KMS_THROTTLE_NETWORK_BURST", "2"),
        ("KMS_THROTTLE_NETWORK_RATE", "1"),
    ]);
    let client = server.client();
    let phone = new_phone();
    for _ in 0..50 {
        client.test_phone(&phone).expect_bare(102);
    }
    // What cannot be read tells nothing at all.
    for _ in 0..50 {
        client.test_phone("123").expect_bare(1);
    }
    client.test_phone(&new_phone()).expect_bare(102);
    client.test_phone(&phone).expect_bare(7);
}

#[test]
fn switched_off_nobody_waits() {
    let server = Server::with(&[
        ("KMS_THROTTLE", "off"),
        ("KMS_THROTTLE_LOGIN_FREE", "0"),
        ("KMS_THROTTLE_NETWORK_BURST", "1"),
        ("KMS_THROTTLE_REQUESTS", "1"),
    ]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    for _ in 0..20 {
        client.login(&person.phone, "wrong one").expect_bare(112);
        client.test_phone(&new_phone()).expect_bare(102);
    }
    client.sign_in(&person);
}

#[test]
fn requests_of_any_kind_can_be_bounded_and_are_refused_in_the_form_of_their_route() {
    let server = Server::with(&[("KMS_THROTTLE_REQUESTS", "1"), PROXY]);
    let client = server.client();
    let refused = |path: &str| {
        let mut last = None;
        until("somebody is refused", || {
            let reply = client.fetch("GET", path, &[], "");
            let over = reply.status == 429;
            last = Some(reply);
            over
        });
        last.unwrap()
    };
    let reply = refused("/api/v1/files").expect_problem(429, 7);
    assert_eq!(reply.header("retry-after"), Some("1"));
    client.post("/app/user/info", json!({})).expect_bare(7);
    let other = post_from(&client, "192.0.2.9", "/app/user/info", json!({}));
    other.expect_bare(4);
}

#[test]
fn the_log_shows_whole_networks_and_no_address() {
    let server = Server::with(&[
        PROXY,
        ("KMS_LOG", "debug"),
        ("KMS_THROTTLE_LOGIN_FREE", "0"),
    ]);
    let client = server.client();
    let person = Person::new();
    client.register(&person).expect_bare(100);
    login_from(&client, "192.0.2.77", &person.phone, "wrong one").expect_bare(112);
    let refused = login_from(&client, "192.0.2.77", &person.phone, "wrong one").expect_bare(7);
    server.wait_for_log("a client was throttled");
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("a client was throttled"))
        .unwrap();
    assert!(line.contains("192.0.2.0/24"), "{line}");
    assert!(
        line.contains(refused.header("x-request-id").unwrap()),
        "{line}"
    );
    let ours: Vec<_> = log.lines().filter(|line| line.contains("kms_")).collect();
    assert!(
        ours.iter().all(|line| !line.contains("192.0.2.77")),
        "{ours:?}"
    );
    assert!(!log.contains(&person.phone));
}

/// A05, A17. Whoever holds a token may not guess the password behind it any faster than at a login.
#[test]
fn a05_a17_wrong_old_passwords_wait_together_with_wrong_logins() {
    let server = Server::with(&[
        PROXY,
        ("KMS_THROTTLE_LOGIN_FREE", "2"),
        ("KMS_THROTTLE_LOGIN_WAIT", "1h"),
        ("KMS_THROTTLE_LOGIN_LONGEST", "1h"),
    ]);
    let user = server.new_user();
    let (client, person) = (&user.client, &user.person);
    let change = |from: &str, old: &str| {
        let fields = user.signed(json!({"password": "nagelneu", "old_password": old}));
        post_from(client, from, "/app/user/modify", fields)
    };
    let thief = "192.0.2.66";
    change(thief, "wrong one").expect_bare(112);
    login_from(client, thief, &person.phone, "wrong one").expect_bare(112);
    change(thief, "wrong one").expect_bare(112);
    let before = user.state();
    for old in ["wrong one", &person.password] {
        let refused = change(thief, old).expect_bare(7);
        assert!((3500..=3600).contains(&seconds(&refused)), "{refused:?}");
    }
    login_from(client, thief, &person.phone, &person.password).expect_bare(7);
    assert_eq!(user.state(), before);
    // What needs no password is not concerned, nor is who comes from elsewhere.
    let name = user.signed(json!({"name": "李四"}));
    post_from(client, thief, "/app/user/modify", name).expect_bare(150);
    login_from(client, "198.51.100.7", &person.phone, &person.password).expect_code(110);
    // A token that is no good comes first, and tells nothing about waits.
    let fields = json!({"token": "nobody's", "old_password": "wrong one"});
    post_from(client, thief, "/app/user/modify", fields).expect_bare(3);
    change("198.51.100.7", &person.password).expect_bare(150);
}

/// A05, A17, all at once.
#[test]
fn a05_a17_wrong_old_passwords_at_once_do_not_slip_through_together() {
    let server = Server::with(&[("KMS_HASHING_PERMITS", "2"), ("KMS_QUEUE_WAIT", "10min")]);
    let user = server.new_user();
    expect_few_verified(|| user.modify(json!({"old_password": "wrong one"})));
}

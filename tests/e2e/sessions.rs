//! One's own sessions: looking at them, ending them, leaving.

use serde_json::{Value, json};

use crate::harness::server::run_to_end;
use crate::harness::wire::post;
use crate::harness::{Format, Server, User, Wire, at_once};

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    id: String,
    created: i64,
    used: i64,
    network: String,
}

/// The list and the id of the asking session. A16: the arrays have one length.
#[track_caller]
fn sessions(user: &User) -> (Vec<Row>, String) {
    let answer = user.post("/app/user/sessions", json!({})).expect_code(0);
    let array = |name: &str| answer.json[name].as_array().unwrap().clone();
    let ids = array("sessionidlist");
    let (created, used) = (array("createdlist"), array("usedlist"));
    let networks = array("networklist");
    for list in [&created, &used, &networks] {
        assert_eq!(list.len(), ids.len(), "{answer:?}");
    }
    assert_eq!(answer.json["total"], ids.len(), "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = (0..ids.len()).map(|at| Row {
        id: text(&ids[at]),
        created: created[at].as_i64().unwrap(),
        used: used[at].as_i64().unwrap(),
        network: text(&networks[at]),
    });
    (rows.collect(), answer.text("current").to_owned())
}

fn revoke(user: &User, which: impl Into<Value>) -> crate::harness::Answer {
    user.post("/app/user/sessions", json!({"revoke": which.into()}))
}

fn logout(user: &User) -> crate::harness::Answer {
    user.post("/app/user/logout", json!({}))
}

/// A10
#[test]
fn a10_sessions_are_listed_the_latest_first_and_say_which_one_asks() {
    let server = Server::start();
    let client = server.client();
    let first = client.new_user();
    let second = client.sign_in(&first.person);
    let stranger = client.new_user();
    let third = client.sign_in(&first.person);
    let (rows, current) = sessions(&second);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].id, current);
    assert_eq!(sessions(&first), (rows.clone(), rows[2].id.clone()));
    assert_eq!(sessions(&third), (rows.clone(), rows[0].id.clone()));
    for row in &rows {
        assert_eq!(row.network, "127.0.0.0/24");
        assert!(row.created > 1_700_000_000_000 && row.used >= row.created);
        assert!(!second.token.contains(&row.id));
    }
    assert!(
        rows.windows(2)
            .all(|pair| pair[0].created >= pair[1].created)
    );
    assert_eq!(sessions(&stranger).0.len(), 1);
}

/// A10: whichever worker has the connection, also one that was open before.
#[test]
fn a10_a_token_is_3_on_every_worker_as_soon_as_it_was_logged_out() {
    let server = Server::with(&[("KMS_WORKERS", "4")]);
    let client = server.client();
    let user = client.new_user();
    let other = client.sign_in(&user.person);
    let ask = post("/app/user/info", user.signed(json!({})).to_string());
    let mut wires: Vec<_> = (0..16).map(|_| Wire::to(&client)).collect();
    for wire in &mut wires {
        wire.send(&ask);
        wire.answer().expect_code(0);
    }
    logout(&user).expect_bare(0);
    for wire in &mut wires {
        wire.send(&ask);
        wire.answer().expect_bare(3);
    }
    let codes = at_once(16, |_| user.info().code());
    assert_eq!(codes, [3; 16]);
    user.upload("late", b"x").expect_bare(3);
    user.content("6f1c2f0e-0000-4000-8000-00000000000a", &[])
        .expect_problem(401, 3);
    logout(&user).expect_bare(3);
    other.info().expect_code(0);
    assert_eq!(sessions(&other).0.len(), 1);
}

/// A10: of many at once one ends it, which is some serial order.
#[test]
fn a10_a_session_is_logged_out_once() {
    let server = Server::start();
    let user = server.new_user();
    let mut codes = at_once(8, |_| logout(&user).code());
    codes.sort_unstable();
    assert_eq!(codes, [0, 3, 3, 3, 3, 3, 3, 3]);
}

/// A10
#[test]
fn a10_one_session_or_all_others_can_be_revoked() {
    let server = Server::with(&[("KMS_WORKERS", "4")]);
    let client = server.client();
    let first = client.new_user();
    let second = client.sign_in(&first.person);
    let (rows, _) = sessions(&first);
    for format in Format::ALL {
        let third = client.sign_in(&first.person);
        let (_, id) = sessions(&third);
        let fields = first.signed(json!({"revoke": id.to_uppercase()}));
        let answer = client.post_as(format, "/app/user/sessions", &fields, None);
        answer.expect_bare(0);
        assert_eq!(at_once(8, |_| third.info().code()), [3; 8]);
        revoke(&first, id).expect_bare(2);
    }
    second.info().expect_code(0);
    assert_eq!(sessions(&first).0, rows);

    client.sign_in(&first.person);
    revoke(&first, "others").expect_bare(0);
    second.info().expect_bare(3);
    let (rows, current) = sessions(&first);
    assert_eq!((rows.len(), &rows[0].id), (1, &current));
    revoke(&first, "others").expect_bare(0);
    revoke(&first, current).expect_bare(0);
    first.info().expect_bare(3);
}

/// A10: as if it were not there, and nothing ends.
#[test]
fn a10_a_foreign_or_unknown_session_is_code_2() {
    let server = Server::start();
    let (user, stranger) = (server.new_user(), server.new_user());
    let (_, foreign) = sessions(&stranger);
    for which in [
        foreign.as_str(),
        "6f1c2f0e-0000-4000-8000-00000000000a",
        "",
        "Others",
        "all",
        &"x".repeat(3000),
        &stranger.token,
    ] {
        revoke(&user, which).expect_bare(2);
    }
    for wrong in [json!(1), json!(true), json!(["others"]), json!({})] {
        revoke(&user, wrong).expect_bare(1);
    }
    user.info().expect_code(0);
    stranger.info().expect_code(0);
    let fields = json!({"token": "unknown", "revoke": 5});
    user.client
        .post("/app/user/sessions", fields)
        .expect_bare(3);
    for route in ["/app/user/sessions", "/app/user/logout"] {
        user.client.post(route, json!({})).expect_bare(4);
    }
}

/// An empty field of a form is none.
#[test]
fn an_empty_revoke_of_a_form_asks_for_the_list() {
    let server = Server::start();
    let user = server.new_user();
    let fields = user.signed(json!({"revoke": ""}));
    let answer = user
        .client
        .post_as(Format::Form, "/app/user/sessions", &fields, None);
    assert_eq!(answer.expect_code(0).json["total"], 1);
    let nothing = user.post("/app/user/sessions", json!({"revoke": null}));
    assert_eq!(nothing.expect_code(0).json["total"], 1);
}

/// A10
#[test]
fn a10_what_was_ended_stays_so_after_a_kill() {
    let mut server = Server::start();
    let client = server.client();
    let user = client.new_user();
    let [gone, revoked] = [(); 2].map(|()| client.sign_in(&user.person));
    let (_, id) = sessions(&revoked);
    logout(&gone).expect_bare(0);
    revoke(&user, id).expect_bare(0);
    server.kill();
    server.start_again();
    gone.info().expect_bare(3);
    revoked.info().expect_bare(3);
    assert_eq!(sessions(&user).0.len(), 1);
}

/// A17: wrong is 112 and changes nothing; without a new password it is compared as well.
#[test]
fn a17_a_wrong_old_password_is_112_and_changes_nothing() {
    let server = Server::start();
    let user = server.new_user();
    let other = server.client().sign_in(&user.person);
    let before = user.state();
    for change in [
        json!({"password": "nagelneu", "old_password": "geheim-2"}),
        json!({"name": "新", "old_password": "geheim-2"}),
        json!({"old_password": "x"}),
    ] {
        user.modify(change).expect_bare(112);
    }
    for bad in [json!(""), json!("12345678901234567"), json!(5)] {
        let change = json!({"password": "nagelneu", "old_password": bad});
        user.modify(change).expect_bare(1);
    }
    assert_eq!(user.state(), before);
    other.info().expect_code(0);
    user.modify(json!({"old_password": user.person.password}))
        .expect_bare(151);
    let change = json!({"password": "nagelneu", "old_password": user.person.password});
    user.modify(change).expect_bare(150);
    other.info().expect_bare(3);
    user.info().expect_code(0);
}

/// A17
#[test]
fn a17_the_operator_can_require_the_old_password() {
    let server = Server::with(&[("KMS_REQUIRE_OLD_PASSWORD", "true")]);
    let user = server.new_user();
    // Neither answer tells whether it is the password.
    for password in ["nagelneu", user.person.password.as_str()] {
        user.modify(json!({"password": password})).expect_bare(1);
    }
    user.modify(json!({"name": "新"})).expect_bare(150);
    let change = json!({"password": "nagelneu", "old_password": user.person.password});
    user.modify(change).expect_bare(150);
    let client = server.client();
    client
        .login(&user.person.phone, "nagelneu")
        .expect_code(110);
    let nothing = run_to_end(&server.data_dir(), &[], &["config"], "");
    let text = String::from_utf8(nothing.stdout).unwrap();
    assert!(text.contains("require_old_password = false"), "{text}");
}

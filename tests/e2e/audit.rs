//! What is recorded of accounts and sessions, and how an operator reads it.

use serde_json::{Value, json};

use crate::harness::{Server, until};

/// The events that `arguments` pick.
fn events(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["audit", "--json"];
    all.extend_from_slice(arguments);
    let output = server.command(&all, "");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn what_happens_to_an_account_is_recorded_in_order() {
    let server = Server::start();
    let client = server.client();
    let user = client.new_user();
    let id = user.info().text("userid").to_owned();
    let phone = &user.person.phone;
    client.login(phone, "wrong").expect_code(112);
    let other = client.sign_in(&user.person);
    other
        .post("/app/user/sessions", json!({"revoke": "others"}))
        .expect_code(0);
    other
        .modify(json!({"password": "nagelneu", "old_password": "wrong"}))
        .expect_code(112);
    let changed = other
        .modify(json!({"password": "nagelneu"}))
        .expect_code(150);
    other.post("/app/user/logout", json!({})).expect_code(0);
    let passwd = ["user", "passwd", "--phone", phone];
    assert!(server.command(&passwd, "brandneu\n").status.success());

    let of_user = events(&server, &["--user", phone]);
    let expected = [
        "login",
        "login_failed",
        "login",
        "session_revoked",
        "login_failed",
        "password_changed",
        "logout",
        "password_changed",
    ];
    assert_eq!(kinds(&of_user), expected);
    assert_eq!(events(&server, &["--user", &id]), of_user);
    for event in &of_user[..7] {
        assert_eq!(event["network"], "127.0.0.0/24", "{event}");
        assert_eq!(event["user"], id.as_str());
    }
    assert_eq!(
        of_user[5]["request"].as_str(),
        changed.header("x-request-id")
    );
    assert_eq!(of_user[7]["network"], Value::Null);
    let text = format!("{of_user:?}");
    for secret in [phone, "geheim", "nagelneu", "wrong\"", &other.token] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn events_are_picked_by_kind_network_time_and_number() {
    let server = Server::start();
    let client = server.client();
    let user = client.new_user();
    client.login("+4912345678", "wrong").expect_code(111);
    client.sign_in(&user.person);
    // The login was written after the refusal before it.
    let all = events(&server, &[]);
    assert_eq!(kinds(&all), ["login", "login_failed", "login"]);
    assert_eq!(all[1]["detail"], "unknown phone ending in 678");
    assert_eq!(all[1]["user"], Value::Null);
    for (arguments, expected) in [
        (&["--kind", "login_failed"][..], &all[1..2]),
        (&["--limit", "2"], &all[1..]),
        (&["--limit", "0"], &[]),
        (&["--network", "127.0.0.9"], &all),
        (&["--network", "10.0.0.0/24"], &[]),
        (&["--since", "1h", "--until", "0s"], &all),
        (&["--until", "1h"], &[]),
        (&["--since", "2020-01-01", "--kind", "logout"], &[]),
    ] {
        assert_eq!(events(&server, arguments), *expected, "{arguments:?}");
    }
    let table = server.command(&["audit"], "");
    let text = String::from_utf8(table.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines.iter().all(|line| line.split('\t').count() == 6));
    for wrong in [
        ["--kind", "nothing"],
        ["--network", "10.0.0.0/8"],
        ["--since", "yesterday"],
    ] {
        let mut arguments = vec!["audit"];
        arguments.extend_from_slice(&wrong);
        let output = server.command(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    let unknown = server.command(&["audit", "--user", "13800138000"], "");
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}

#[test]
fn refusals_beyond_a_few_become_one_event() {
    let mut server = Server::with(&[("KMS_THROTTLE", "off")]);
    let client = server.client();
    for _ in 0..40 {
        client.login("+4912345678", "wrong").expect_code(111);
    }
    // What was counted is written at the end.
    server.stop();
    let failed = events(&server, &["--kind", "login_failed", "--limit", "1000"]);
    let details: Vec<_> = failed
        .iter()
        .map(|event| event["detail"].as_str().unwrap())
        .collect();
    let singles = details
        .iter()
        .filter(|text| text.starts_with("unknown"))
        .count();
    let counted: usize = details
        .iter()
        .filter_map(|text| text.strip_prefix("and ")?.split(' ').next()?.parse().ok())
        .map(|count: usize| count)
        .sum();
    assert_eq!(singles + counted, 40, "{details:?}");
    // Ten a minute; the minute may have turned once.
    assert!(singles <= 20 && details.len() <= 22, "{details:?}");
}

#[test]
fn commands_of_the_operator_are_recorded() {
    let mut server = Server::start();
    let add = ["user", "add", "--phone", "13800138000", "--name", "Li"];
    assert!(server.command(&add, "geheim-1\n").status.success());
    assert!(server.command(&["user", "list"], "").status.success());
    assert!(server.command(&["fsck", "--repair"], "").status.success());
    server.stop();
    assert!(server.command(&["gc", "--apply"], "").status.success());
    let admin = events(&server, &["--kind", "admin"]);
    let details: Vec<_> = admin
        .iter()
        .map(|event| event["detail"].as_str().unwrap())
        .collect();
    let expected = ["user add", "user list", "fsck --repair", "gc --apply"];
    assert_eq!(details, expected);
    assert!(admin[0]["user"].is_string());
}

#[test]
fn old_events_go_and_young_ones_survive_a_kill() {
    let mut server = Server::start();
    server.new_user();
    server.kill();
    server.start_again();
    assert_eq!(kinds(&events(&server, &[])), ["login"]);
    let folder = server.data_dir();
    server.stop();
    let settings = [("KMS_AUDIT_RETENTION", "1ms")];
    let server = Server::in_folder(folder.parent().unwrap(), &settings);
    until("the old event is gone", || events(&server, &[]).is_empty());
}

#[test]
fn who_is_throttled_and_who_has_no_room_is_recorded() {
    let mut server = Server::with(&[("KMS_THROTTLE_LOGIN_FREE", "0"), ("KMS_QUOTA_BYTES", "5B")]);
    let user = server.new_user();
    let phone = &user.person.phone;
    user.client.login(phone, "wrong one").expect_bare(112);
    user.client.login(phone, "wrong one").expect_bare(7);
    user.upload("too large", b"123456").expect_bare(9);
    server.stop();
    let all = events(&server, &[]);
    for (kind, route) in [
        ("throttled", "/app/login"),
        ("quota_exceeded", "/app/user/upload"),
    ] {
        let event = all.iter().find(|event| event["kind"] == kind);
        let event = event.unwrap_or_else(|| panic!("{kind}: {all:?}"));
        assert_eq!(event["detail"], route, "{event}");
        assert_eq!(event["network"], "127.0.0.0/24", "{event}");
        assert!(event["request"].is_string(), "{event}");
        assert_eq!(
            event["user"].is_string(),
            kind == "quota_exceeded",
            "{event}"
        );
    }
}

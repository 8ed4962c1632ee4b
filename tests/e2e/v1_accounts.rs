//! Accounts, sessions and profiles below `/api/v1`.

use serde_json::{Value, json};

use crate::harness::{Person, Server, User};

/// Somebody who is registered and signed in below `/api/v1` alone.
fn newcomer(server: &Server) -> (User, String) {
    let (client, person) = (server.client(), Person::new());
    let reply = client.send_object("POST", "/accounts", &person.fields());
    let id = reply.expect_status(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let credentials = json!({"phone": person.phone, "password": person.password});
    let reply = client.send_object("POST", "/sessions", &credentials);
    let opened = reply.expect_status(201).json();
    assert_eq!(opened["first_time"], true);
    let user = User::new(client, person, opened["token"].as_str().unwrap());
    (user, id)
}

#[test]
fn an_account_of_one_api_is_one_of_the_other() {
    let server = Server::start();
    let (user, id) = newcomer(&server);
    let info = user.info().expect_code(0).json;
    assert_eq!(info["userid"], id.as_str());
    let me = user.get("/me").expect_status(200).json();
    let Value::Object(fields) = &me else {
        panic!("{me}")
    };
    assert_eq!(
        fields.keys().collect::<Vec<_>>(),
        [
            "birth",
            "created_at",
            "email",
            "files",
            "id",
            "name",
            "phone",
            "quota",
            "quota_files",
            "used"
        ]
    );
    assert_eq!(me["id"], id.as_str());
    assert_eq!(me["phone"], user.person.phone.as_str());
    assert_eq!((&me["used"], &me["files"]), (&json!(0), &json!(0)));
    user.publish("a", b"12345");
    let me = user.get("/me").expect_status(200).json();
    assert_eq!((&me["used"], &me["files"]), (&json!(5), &json!(1)));
}

#[test]
fn the_location_of_an_account_shows_its_name_and_nothing_else() {
    let server = Server::start();
    let client = server.client();
    let person = Person::new();
    let reply = client.send_object("POST", "/accounts", &person.fields());
    let location = reply.header("location").unwrap().to_owned();
    let id = reply.json()["id"].clone();
    let other = server.new_user();
    let shown = other.fetch("GET", &location, &[], ()).expect_status(200);
    let name = person.fields()["name"].clone();
    assert_eq!(shown.json(), json!({"id": id, "name": name}));
    for id in ["67e55044-10b1-426f-9247-bb680e5fe0c8", "me", "%20"] {
        other.get(&format!("/users/{id}")).expect_problem(404, 2);
    }
}

#[test]
fn refusals_have_the_codes_of_the_contract_and_the_statuses_of_http() {
    let server = Server::start();
    let client = server.client();
    let (user, _) = newcomer(&server);
    let post = |path, object: Value| client.send_object("POST", path, &object);
    post("/accounts", user.person.fields()).expect_problem(409, 101);
    let phone = user.person.phone.as_str();
    let nobody = Person::new().phone;
    for (phone, password, status, code) in [
        (phone, "wrong-one", 403, 112),
        (&nobody, "wrong-one", 404, 111),
        ("12", "wrong-one", 400, 1),
        (phone, "", 400, 1),
    ] {
        let object = json!({"phone": phone, "password": password});
        post("/sessions", object).expect_problem(status, code);
    }
    for object in [
        json!({}),
        json!({"phone": Person::new().phone, "name": "", "password": "secret-1"}),
        json!({"phone": Person::new().phone, "name": "Ada", "password": "short"}),
        json!({"phone": Person::new().phone, "name": 1, "password": "secret-1"}),
        json!({"phone": Person::new().phone, "name": "Ada", "password": "secret-1", "birth": "5"}),
    ] {
        post("/accounts", object).expect_problem(400, 1);
    }
}

/// The format is JSON, whatever the Content-Type says; and nothing else is.
#[test]
fn a_body_is_one_json_object() {
    let server = Server::start();
    let user = server.new_user();
    let before = server.dump();
    for body in [
        "",
        "name=Ada",
        "[]",
        "null",
        "{",
        "{}{}",
        r#"{"name":"a","name":"b"}"#,
    ] {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let reply = user.fetch("PATCH", "/api/v1/me", &headers, body);
        reply.expect_problem(400, 1);
    }
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    user.fetch("PATCH", "/api/v1/me", &headers, "{}")
        .expect_status(200);
    server.expect_unchanged(&before, "bodies that are no object");
    let reply = user.fetch("PATCH", "/api/v1/me", &[], "x".repeat(17 * 1024).as_str());
    reply.expect_problem(413, 6);
}

/// Only the header signs anybody in.
#[test]
fn a_token_in_the_body_means_nothing() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let object = json!({"name": "new", "token": user.token});
    let client = server.client();
    client
        .send_object("PATCH", "/me", &object)
        .expect_problem(401, 4);
    let changed = other.send("PATCH", "/me", &object).expect_status(200);
    assert_eq!(changed.json()["phone"], other.person.phone.as_str());
    assert_ne!(user.info().json["name"], "new");
    // And a bad one there is no refusal.
    let object = json!({"name": "newer", "token": ["no", "text"]});
    other.send("PATCH", "/me", &object).expect_status(200);
}

/// The token comes first: before the body is looked at.
#[test]
fn a_bad_token_is_told_before_a_bad_body() {
    let server = Server::start();
    let client = server.client();
    let headers = [("Authorization", "Bearer made-up")];
    for body in ["{", r#"{"name":""}"#] {
        let reply = client.fetch("PATCH", "/api/v1/me", &headers, body);
        reply.expect_problem(401, 3);
    }
    let reply = client.fetch("PUT", "/api/v1/me/avatar", &headers, "x");
    reply.expect_problem(401, 3);
}

#[test]
fn a_change_answers_the_account_as_it_is_then() {
    let server = Server::start();
    let user = server.new_user();
    let changed = user.send("PATCH", "/me", &json!({"name": "Ada L.", "birth": -5}));
    let changed = changed.expect_status(200).json();
    assert_eq!(
        (&changed["name"], &changed["birth"]),
        (&json!("Ada L."), &json!(-5))
    );
    // Once more is no change and no mistake.
    let again = user.send("PATCH", "/me", &json!({"name": "Ada L."}));
    assert_eq!(again.expect_status(200).json(), changed);
    assert_eq!(
        user.send("PATCH", "/me", &json!({}))
            .expect_status(200)
            .json(),
        changed
    );
    assert_eq!(user.get("/me").json(), changed);
    for bad in [
        json!({"name": ""}),
        json!({"birth": 1.5}),
        json!({"password": "short"}),
    ] {
        user.send("PATCH", "/me", &bad).expect_problem(400, 1);
    }
    let wrong = json!({"password": "geheim-2", "old_password": "wrong-one"});
    user.send("PATCH", "/me", &wrong).expect_problem(403, 112);
    assert_eq!(user.get("/me").json(), changed);
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let server = Server::start();
    let user = server.new_user();
    let second = user.client.sign_in(&user.person);
    let change = json!({"password": "geheim-2", "old_password": user.person.password});
    user.send("PATCH", "/me", &change).expect_status(200);
    second.get("/me").expect_problem(401, 3);
    user.get("/me").expect_status(200);
}

#[test]
fn a_new_password_takes_the_old_one_where_the_operator_says_so() {
    let server = Server::with(&[("KMS_REQUIRE_OLD_PASSWORD", "true")]);
    let user = server.new_user();
    let reply = user.send("PATCH", "/me", &json!({"password": "geheim-2"}));
    let detail = reply.expect_problem(400, 1).json()["detail"].to_string();
    assert!(detail.contains("old_password"), "{detail}");
}

#[test]
fn sessions_are_listed_and_ended_one_by_one() {
    let server = Server::start();
    let user = server.new_user();
    let second = user.client.sign_in(&user.person);
    let third = user.client.sign_in(&user.person);
    let list = || {
        let json = user.get("/sessions").expect_status(200).json();
        json["sessions"].as_array().unwrap().clone()
    };
    let sessions = list();
    assert_eq!(sessions.len(), 3);
    let current: Vec<_> = sessions.iter().map(|one| one["current"] == true).collect();
    assert_eq!(current, [false, false, true], "the latest opened first");
    for session in &sessions {
        assert!(session["created_at"].as_i64().unwrap() <= session["used_at"].as_i64().unwrap());
        assert_eq!(session["network"], "127.0.0.0/24");
    }
    let id_of = |at: usize| sessions[at]["id"].as_str().unwrap().to_owned();
    let end = |by: &User, id: &str| by.fetch("DELETE", &format!("/api/v1/sessions/{id}"), &[], ());
    // A stranger cannot, and is not told that there is one.
    let stranger = server.new_user();
    end(&stranger, &id_of(0)).expect_problem(404, 2);
    end(&user, "67e55044-10b1-426f-9247-bb680e5fe0c8").expect_problem(404, 2);
    end(&user, "no-id").expect_problem(404, 2);
    third.get("/me").expect_status(200);
    end(&user, &id_of(0)).expect_status(204);
    third.get("/me").expect_problem(401, 3);
    second.get("/me").expect_status(200);
    end(&user, "others").expect_status(204);
    second.get("/me").expect_problem(401, 3);
    assert_eq!(list().len(), 1);
    end(&user, "current").expect_status(204);
    user.get("/me").expect_problem(401, 3);
    end(&user, "current").expect_problem(401, 3);
}

/// What asking costs is counted together, whichever way it is asked.
#[test]
fn wrong_passwords_make_the_next_login_wait_in_both_apis() {
    let server = Server::with(&[
        ("KMS_THROTTLE_LOGIN_FREE", "1"),
        ("KMS_THROTTLE_LOGIN_WAIT", "1h"),
    ]);
    let client = server.client();
    let user = server.new_user();
    let wrong = json!({"phone": user.person.phone, "password": "wrong-one"});
    client
        .send_object("POST", "/sessions", &wrong)
        .expect_problem(403, 112);
    client
        .login(&user.person.phone, "wrong-one")
        .expect_code(112);
    let reply = client
        .send_object("POST", "/sessions", &wrong)
        .expect_problem(429, 7);
    assert!(reply.header("retry-after").is_some());
    client.login(&user.person.phone, "wrong-one").expect_code(7);
    // An old password is a guess like any other.
    let change = json!({"password": "geheim-2", "old_password": "wrong-one"});
    user.send("PATCH", "/me", &change).expect_problem(429, 7);
}

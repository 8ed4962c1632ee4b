//! Nothing secret in the log, and nothing in the database that would open an account.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::client::base64;
use crate::harness::{Format, Person, Server, bytes};

const PASSWORD: &str = "canary-passw0rd";
const NEW_PASSWORD: &str = "canary-n3w-word";
const CONTENT: &[u8] = b"canary-content-of-a-file";
const TITLE: &str = "canary-title";

/// A story with canaries in every place that a client can write to. Gives back the tokens.
fn story(server: &Server) -> (Person, Vec<String>) {
    let client = server.client();
    let person = Person {
        name: "canary-name".to_owned(),
        password: PASSWORD.to_owned(),
        ..Person::new()
    };
    client.test_phone(&person.phone).expect_code(102);
    client.register(&person).expect_code(100);
    client.register(&person).expect_code(101);
    client.login(&person.phone, "canary-wr0ng").expect_code(112);
    let user = client.sign_in(&person);
    let second = client.sign_in(&person);
    for format in Format::ALL {
        user.upload_as(format, TITLE, CONTENT).expect_code(130);
        let fields = json!({"phone": person.phone, "password": PASSWORD});
        client
            .post_as(format, "/app/login", &fields, None)
            .expect_code(110);
    }
    let fid = user.own()[0].fid.clone();
    user.get_file(&fid).expect_code(140);
    user.set_avatar(CONTENT).expect_code(120);
    user.modify(json!({"password": NEW_PASSWORD}))
        .expect_code(150);
    second.info().expect_code(3);
    // What is wrong is logged as well, and must not bring its contents along.
    let body = format!(r#"{{"token":"{}","password":"{PASSWORD}"#, user.token);
    client.post_raw("/app/user/modify", body).expect_code(1);
    user.modify(json!({"password": "canary-much-too-long"}))
        .expect_code(1);
    user.modify(json!({"birth": "canary-birth"})).expect_code(1);
    client
        .post("/app/login", json!({"phone": "canary-phone"}))
        .expect_code(1);
    user.get_file("canary-fid").expect_code(2);
    client.post("/canary-route", json!({})).expect_code(2);
    client
        .post(
            "/app/user/info?token=canary-query",
            json!({"token": "canary-token"}),
        )
        .expect_code(3);
    for blob in server.blobs() {
        blob.lose();
    }
    user.get_file(&fid).expect_code(5);
    (person, vec![user.token, second.token])
}

/// A01: what was written is searched for everything that it must not hold.
#[test]
fn the_log_holds_no_secret_at_the_most_talkative_levels() {
    for level in [
        "info",
        "debug",
        "kms_api=trace,kms_domain=trace,kms_infra=trace,debug",
    ] {
        for form in ["text", "json"] {
            let mut server = Server::with(&[("KMS_LOG", level), ("KMS_LOG_FORMAT", form)]);
            let (person, tokens) = story(&server);
            server.stop();
            let log = server.log();
            assert!(log.contains("request"), "nothing is logged: {log}");
            let encoded = base64(CONTENT);
            let mut canaries = vec!["canary", person.phone.as_str(), &encoded[..20]];
            canaries.extend(tokens.iter().map(String::as_str));
            for canary in canaries {
                let line = log.lines().find(|line| line.contains(canary));
                assert_eq!(line, None, "{canary} at {level}");
            }
        }
    }
}

/// A01: only a digest of a token is there (A07), and of a password only a bcrypt hash of cost 10 or more.
#[test]
fn the_database_holds_no_password_and_no_token() {
    let mut server = Server::start();
    let (person, tokens) = story(&server);
    let mut looked_at = 0;
    let mut check = |server: &Server| {
        for entry in fs::read_dir(server.data_dir()).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_file() {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let holds = |text: &str| {
                let mut windows = bytes.windows(text.len());
                windows.any(|window| window == text.as_bytes())
            };
            looked_at += usize::from(holds(&person.phone));
            assert!(holds("$2") == holds("$2b$10$"), "{}", path.display());
            for cheap in 4..10 {
                assert!(!holds(&format!("$2b$0{cheap}$")), "{}", path.display());
            }
            let secrets = [PASSWORD, NEW_PASSWORD, "canary-wr0ng", "canary-content"];
            for secret in secrets.into_iter().chain(tokens.iter().map(String::as_str)) {
                assert!(!holds(secret), "{secret} in {}", path.display());
            }
        }
    };
    // While it runs, the log of writes is there beside the database.
    check(&server);
    server.stop();
    check(&server);
    assert!(looked_at >= 2, "the database was not looked at");
}

#[test]
fn the_data_folder_is_its_owners_alone() {
    let server = Server::start();
    let user = server.new_user();
    user.publish("small", CONTENT);
    user.publish("large", &bytes(1, 100_000));
    let data = server.data_dir();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(&data), 0);
    for blob in server.blobs_after_all(2) {
        assert_eq!(mode(&blob.file), 0);
    }
}

//! The command line beside the server.

use std::process::Output;

use serde_json::json;

use crate::harness::server::run_to_end;
use crate::harness::{Person, Server};

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a command in an empty folder with these variables.
fn run(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    run_to_end(folder.path(), &settings, arguments, "")
}

#[test]
fn config_prints_the_settings_in_force_as_toml() {
    let output = run(&[("KMS_MAX_FILE", "3MiB")], &["config", "--workers", "7"]);
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    let table: toml::Table = text
        .parse()
        .unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(table["max_file"].as_str(), Some("3MiB"));
    assert_eq!(table["workers"].as_integer(), Some(7));
    assert_eq!(table["listen"].as_str(), Some("127.0.0.1:8080"));
    for (name, value) in [("KMS_MAX_FILE", "max_file"), ("--workers", "workers")] {
        let line = text.lines().find(|line| line.starts_with(value)).unwrap();
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn what_config_prints_can_be_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let printed = stdout(&run(&[("KMS_MAX_FILE", "3MiB")], &["config"]));
    std::fs::write(folder.path().join("kms.toml"), printed).unwrap();
    let output = run_to_end(folder.path(), &[], &["config"], "");
    assert!(output.status.success(), "{output:?}");
    let table: toml::Table = stdout(&output).parse().unwrap();
    assert_eq!(table["max_file"].as_str(), Some("3MiB"));
}

#[test]
fn every_mistake_of_a_configuration_is_told_at_once() {
    let settings = [
        ("KMS_MAX_FILE", "plenty"),
        ("KMS_WORKERS", "-1"),
        ("KMS_BCRYPT_COST", "4"),
    ];
    for command in ["config", "serve"] {
        let output = run(&settings, &[command, "--listen", "nowhere"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
        let message = stderr(&output);
        for mistake in [
            "max_file",
            "plenty",
            "workers",
            "bcrypt_cost",
            "listen",
            "nowhere",
        ] {
            assert!(message.contains(mistake), "{mistake}: {message}");
        }
    }
}

#[test]
fn an_unknown_variable_is_a_warning_with_a_suggestion() {
    let output = run(&[("KMS_MAX_FILES", "1MiB")], &["config"]);
    assert!(output.status.success());
    let message = stderr(&output);
    assert!(message.contains("KMS_MAX_FILES"), "{message}");
    assert!(message.contains("KMS_MAX_FILE?"), "{message}");
}

#[test]
fn an_unknown_flag_is_a_mistake() {
    let output = run(&[], &["--max-fil", "1MiB"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("--max-file"), "{output:?}");
}

#[test]
fn help_and_version_are_told() {
    let help = run(&[], &["--help"]);
    assert!(help.status.success());
    assert!(stdout(&help).contains("KMS_LISTEN"));
    let version = run(&[], &["--version"]);
    assert!(stdout(&version).starts_with("kms-server "), "{version:?}");
}

#[test]
fn an_account_that_the_operator_adds_can_sign_in() {
    let mut server = Server::start();
    let person = Person::new();
    let arguments = [
        "user",
        "add",
        "--phone",
        &person.phone,
        "--name",
        &person.name,
        "--email",
        "a@b.cn",
        "--birth",
        "-5",
    ];
    let added = server.command(&arguments, "geheim-1\n");
    assert!(added.status.success(), "{added:?}");
    let user = server.client().sign_in(&person);
    let info = user.info().expect_code(0);
    assert_eq!(info.text("userid"), stdout(&added).trim());
    assert_eq!(info.text("name"), person.name);
    assert_eq!((info.text("email"), info.text("birth")), ("a@b.cn", "-5"));

    let again = server.command(&arguments, "geheim-1\n");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(stderr(&again).contains("account already"), "{again:?}");

    server.stop();
    let second = Person::new();
    let arguments = ["user", "add", "--phone", &second.phone, "--name", "离线"];
    assert!(server.command(&arguments, "geheim-1").status.success());
    server.start_again();
    server.client().sign_in(&second);
}

#[test]
fn a_bad_account_is_refused_with_a_reason() {
    let server = Server::start();
    let person = Person::new();
    for (phone, name, password) in [
        ("12", "a", "geheim-1\n"),
        (person.phone.as_str(), "12345678901234567", "geheim-1\n"),
        (person.phone.as_str(), "a", "kurz\n"),
        (person.phone.as_str(), "a", "12345678901234567\n"),
        (person.phone.as_str(), "a", "\n"),
        (person.phone.as_str(), "a", ""),
    ] {
        let arguments = ["user", "add", "--phone", phone, "--name", name];
        let output = server.command(&arguments, password);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).starts_with("kms-server: "), "{output:?}");
    }
    server.client().test_phone(&person.phone).expect_bare(102);
}

#[test]
fn a_password_that_the_operator_sets_ends_all_sessions_of_a_running_server() {
    let server = Server::start();
    let client = server.client();
    let user = client.new_user();
    let other = client.new_user();
    let arguments = ["user", "passwd", "--phone", &user.person.phone];
    let output = server.command(&arguments, "nagelneu\n");
    assert!(output.status.success(), "{output:?}");
    user.info().expect_bare(3);
    other.info().expect_code(0);
    client
        .login(&user.person.phone, &user.person.password)
        .expect_bare(112);
    let login = client
        .login(&user.person.phone, "nagelneu")
        .expect_code(110);
    assert_eq!(login.json["first_time"], false);

    let unknown = ["user", "passwd", "--phone", "13800138000"];
    let output = server.command(&unknown, "nagelneu\n");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("no account"), "{output:?}");
}

#[test]
fn the_accounts_are_listed_one_a_line() {
    let server = Server::start();
    let users = [server.new_user(), server.new_user()];
    users[0].modify(json!({"name": "改名"})).expect_code(150);
    let output = server.command(&["user", "list"], "");
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (user, name) in [(&users[0], "改名"), (&users[1], "张三")] {
        let id = user.info().text("userid").to_owned();
        let line = lines.iter().find(|line| line.starts_with(&id)).unwrap();
        assert!(
            line.contains(&user.person.phone) && line.contains(name),
            "{line}"
        );
        assert!(!line.contains("$2"), "a hash: {line}");
    }
}

#[test]
fn commands_about_accounts_empty_no_staging_area_of_a_running_server() {
    let server = Server::start();
    let staged = server.data_dir().join("staging/upload-of-somebody");
    std::fs::write(&staged, "bytes").unwrap();
    assert!(server.command(&["user", "list"], "").status.success());
    assert!(staged.exists());
    std::fs::remove_file(staged).unwrap();
}

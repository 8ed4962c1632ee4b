//! Opening sessions.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::audit::{AuditKind, Network};
use crate::users::{Credentials, PasswordHash};

const OPENED: LoginRecorded = LoginRecorded::Opened { first_time: false };
const CHANGED: LoginRecorded = LoginRecorded::CredentialsChanged;

/// Repositories whose stored hash is the next of `hashes` at each look, and which answer the next
/// of `answers` to each record. What was to be recorded is kept.
struct LoggingIn {
    hashes: Vec<Option<PasswordHash>>,
    answers: Vec<LoginRecorded>,
    recorded: Arc<Mutex<Vec<NewLogin>>>,
    log: RecordingLog,
}

impl LoggingIn {
    fn new(hashes: &[Option<PasswordHash>], answers: &[LoginRecorded]) -> Self {
        Self {
            hashes: hashes.to_vec(),
            answers: answers.to_vec(),
            recorded: Arc::default(),
            log: RecordingLog::default(),
        }
    }

    fn login(&self, script: &Script, tried: &str) -> Result<LoginOutcome, SessionError> {
        let mut users = MockUserRepository::new();
        let hashes = Mutex::new(VecDeque::from(self.hashes.clone()));
        let on_find = script.clone();
        users.expect_find_credentials().returning(move |asked| {
            assert_eq!(*asked, phone());
            on_find.call("users.find_credentials")?;
            let stored = hashes.lock().unwrap().pop_front().unwrap();
            Ok(stored.map(|password| Credentials {
                user: user(),
                password,
            }))
        });
        let mut sessions = MockSessionRepository::new();
        let answers = Mutex::new(VecDeque::from(self.answers.clone()));
        let recorded = Arc::clone(&self.recorded);
        let on_record = script.clone();
        sessions.expect_record_login().returning(move |login| {
            recorded.lock().unwrap().push(login.clone());
            on_record.call("sessions.record_login")?;
            Ok(answers.lock().unwrap().pop_front().unwrap())
        });
        recording_service(&self.log, script, users, sessions).login(
            &phone(),
            &password(tried),
            &origin(),
        )
    }
}

fn origin() -> Origin {
    Origin {
        network: Network::parse("203.0.113.9").ok(),
        request: Some("run-7".to_owned()),
    }
}

fn stored(text: &str) -> Option<PasswordHash> {
    Some(hash_of(text))
}

fn weak(text: &str) -> PasswordHash {
    PasswordHash::from_encoded(format!("weak {}", hash_of(text).as_str()))
}

fn token_of(outcome: LoginOutcome) -> Token {
    match outcome {
        LoginOutcome::LoggedIn { token, .. } => token,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_records_all_that_makes_a_session() {
    let script = Script::default();
    let world = LoggingIn::new(&[stored("secret")], &[OPENED]);
    let token = token_of(world.login(&script, "secret").unwrap());
    let recorded = world.recorded.lock().unwrap();
    let login = &recorded[0];
    assert_eq!(login.user, user());
    assert_eq!(login.verified, hash_of("secret"));
    assert_eq!(login.rehash, None);
    assert_eq!(login.session, SessionId::from_uuid(FRESH_ID));
    assert_eq!(login.token, token.digest());
    assert_eq!(login.at, NOW);
    assert_eq!(login.session_limit, 20);
    assert_eq!(login.expired.last_used, NOW.minus_millis(10_000));
    assert_eq!(login.expired.created, NOW.minus_millis(60_000));
    assert_eq!(login.network, origin().network);
    let detail = format!("session {}", login.session);
    let event = AuditEvent::new(NOW, AuditKind::Login, Some(user()), &origin(), &detail);
    assert_eq!(login.event, event);
    assert_eq!(world.log.taken(), [], "the repository records it");
    let order = [
        "users.find_credentials",
        "hasher.verify",
        "tokens.new_token",
        "ids.new_id",
        "sessions.record_login",
    ];
    assert_eq!(script.notes(), order);
}

#[test]
fn whether_it_was_the_first_time_is_what_the_repository_says() {
    for first_time in [false, true] {
        let world = LoggingIn::new(&[stored("secret")], &[LoginRecorded::Opened { first_time }]);
        let token = Token::new("token 1");
        assert_eq!(
            world.login(&Script::default(), "secret").unwrap(),
            LoginOutcome::LoggedIn { token, first_time }
        );
    }
}

#[test]
fn an_unknown_phone_verifies_nothing() {
    let script = Script::default();
    let outcome = LoggingIn::new(&[None], &[]).login(&script, "secret");
    assert_eq!(outcome.unwrap(), LoginOutcome::UnknownPhone);
    assert_eq!(script.notes(), ["users.find_credentials"]);
}

#[test]
fn a_wrong_password_makes_and_records_nothing() {
    let script = Script::default();
    let outcome = LoggingIn::new(&[stored("secret")], &[]).login(&script, "Secret");
    assert_eq!(outcome.unwrap(), LoginOutcome::WrongPassword);
    assert_eq!(script.notes(), ["users.find_credentials", "hasher.verify"]);
}

#[test]
fn a_wrong_password_never_replaces_a_weak_hash() {
    let script = Script::default();
    let outcome = LoggingIn::new(&[Some(weak("secret"))], &[]).login(&script, "other");
    assert_eq!(outcome.unwrap(), LoginOutcome::WrongPassword);
    assert_eq!(script.count("hasher.hash"), 0);
}

#[test]
fn a_weak_hash_is_replaced_on_the_way() {
    let script = Script::default();
    let world = LoggingIn::new(&[Some(weak("secret"))], &[OPENED]);
    world.login(&script, "secret").unwrap();
    let recorded = world.recorded.lock().unwrap();
    assert_eq!(recorded[0].verified, weak("secret"));
    assert_eq!(recorded[0].rehash, stored("secret"));
    assert_eq!(script.count("hasher.hash"), 1);
}

#[test]
fn credentials_that_change_are_read_and_verified_again() {
    let script = Script::default();
    let world = LoggingIn::new(
        &[Some(weak("secret")), stored("secret")],
        &[CHANGED, OPENED],
    );
    let token = token_of(world.login(&script, "secret").unwrap());
    let recorded = world.recorded.lock().unwrap();
    assert_eq!(recorded[1].verified, hash_of("secret"));
    assert_eq!(recorded[1].rehash, None, "somebody else did that");
    assert_eq!(recorded[1].token, token.digest());
    assert_ne!(recorded[0].token, recorded[1].token);
    assert_eq!(script.count("hasher.verify"), 2);
}

#[test]
fn a_password_that_was_changed_meanwhile_opens_nothing() {
    let world = LoggingIn::new(&[stored("secret"), stored("other")], &[CHANGED]);
    let outcome = world.login(&Script::default(), "secret");
    assert_eq!(outcome.unwrap(), LoginOutcome::WrongPassword);
}

#[test]
fn an_account_that_went_meanwhile_is_unknown() {
    let world = LoggingIn::new(&[stored("secret"), None], &[CHANGED]);
    let outcome = world.login(&Script::default(), "secret");
    assert_eq!(outcome.unwrap(), LoginOutcome::UnknownPhone);
}

#[test]
fn the_last_round_still_counts_and_no_round_comes_after_it() {
    let hashes = vec![stored("secret"); LOGIN_ROUNDS];
    let mut answers = vec![CHANGED; LOGIN_ROUNDS - 1];
    answers.push(OPENED);
    let outcome = LoggingIn::new(&hashes, &answers).login(&Script::default(), "secret");
    token_of(outcome.unwrap());

    let script = Script::default();
    let outcome = LoggingIn::new(&hashes, &[CHANGED; LOGIN_ROUNDS]).login(&script, "secret");
    assert_eq!(outcome.unwrap_err().code(), Code::Busy);
    assert_eq!(script.count("sessions.record_login"), 4);
}

#[test]
fn every_failing_port_ends_a_login() {
    fail_every_call(
        &[],
        |script| {
            LoggingIn::new(
                &[Some(weak("secret")), Some(weak("secret"))],
                &[CHANGED, OPENED],
            )
            .login(script, "secret")
            .map_err(|error| error.code())
        },
        |outcome| matches!(outcome, LoginOutcome::LoggedIn { .. }),
    );
}

#[test]
fn who_is_not_let_in_is_recorded_without_phone_and_password() {
    let world = LoggingIn::new(&[stored("secret"), None], &[]);
    let script = Script::default();
    world.login(&script, "Secret").unwrap();
    let expected =
        |user, detail: &str| AuditEvent::new(NOW, AuditKind::LoginFailed, user, &origin(), detail);
    let taken = world.log.taken();
    assert_eq!(taken, [expected(Some(user()), "wrong password")]);
    let world = LoggingIn::new(&[None], &[]);
    world.login(&script, "Secret").unwrap();
    let taken = world.log.taken();
    assert_eq!(taken, [expected(None, "unknown phone ending in 000")]);
}

#[test]
fn a_log_that_fails_changes_no_answer() {
    let world = LoggingIn {
        log: RecordingLog {
            fails: true,
            ..RecordingLog::default()
        },
        ..LoggingIn::new(&[None], &[])
    };
    let outcome = world.login(&Script::default(), "secret");
    assert_eq!(outcome.unwrap(), LoginOutcome::UnknownPhone);
}

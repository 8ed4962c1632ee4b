//! Registering, looking up and resetting; changing an account is in `modify`.

mod modify;
mod old_password;

use std::sync::Arc;

use super::*;
use crate::audit::double::RecordingLog;
use crate::codes::{Code, Coded as _};
use crate::test_doubles::{
    FRESH_ID, NOW, Script, actor, clock_at, fail_every_call, hash_of, hasher, ids, password, phone,
    user,
};
use crate::users::{Credentials, MockUserRepository};

fn service(script: &Script, users: MockUserRepository) -> AccountService {
    recording_service(&RecordingLog::default(), script, users)
}

/// The same, with a log to look at.
fn recording_service(
    log: &RecordingLog,
    script: &Script,
    users: MockUserRepository,
) -> AccountService {
    AccountService {
        users: Arc::new(users),
        hasher: Arc::new(hasher(script)),
        ids: Arc::new(ids(script)),
        clock: Arc::new(clock_at(NOW)),
        audit: log.audit(),
        require_old_password: false,
    }
}

fn profile() -> Profile {
    Profile {
        user: user(),
        phone: phone(),
        name: DisplayName::parse("张三").unwrap(),
        email: None,
        birth: None,
        created_at: NOW,
    }
}

fn registration() -> RegisterUser {
    RegisterUser {
        phone: phone(),
        name: DisplayName::parse("张三").unwrap(),
        email: Some(Email::parse("a@b.cn").unwrap()),
        password: password("secret"),
        birth: Some(Birth::new(-1)),
    }
}

/// A repository that answers `taken` to the first look and `inserted` to the insertion.
fn registering(script: &Script, taken: bool, inserted: Inserted) -> MockUserRepository {
    let mut users = MockUserRepository::new();
    let on_look = script.clone();
    users.expect_is_registered().returning(move |asked| {
        assert_eq!(*asked, phone());
        on_look.call("users.is_registered")?;
        Ok(taken)
    });
    let on_register = script.clone();
    users.expect_register().returning(move |_| {
        on_register.call("users.register")?;
        Ok(inserted)
    });
    users
}

/// A repository for resets: what the phone leads to, and whether the account is there when it is
/// written.
fn resetting(
    script: &Script,
    credentials: Option<Credentials>,
    still_there: bool,
) -> MockUserRepository {
    let mut users = MockUserRepository::new();
    let on_find = script.clone();
    users.expect_find_credentials().returning(move |asked| {
        assert_eq!(*asked, phone());
        on_find.call("users.find_credentials")?;
        Ok(credentials.clone())
    });
    let on_reset = script.clone();
    users
        .expect_reset_password()
        .returning(move |id, hash, event| {
            assert_eq!(
                (event.kind, event.user),
                (AuditKind::PasswordChanged, Some(id))
            );
            assert_eq!((id, hash), (user(), &hash_of("secret")));
            on_reset.call("users.reset_password")?;
            Ok(still_there)
        });
    users
}

fn credentials() -> Credentials {
    Credentials {
        user: user(),
        password: hash_of("old"),
    }
}

#[test]
fn a_registration_stores_what_was_given_under_a_fresh_id() {
    let script = Script::default();
    let mut users = MockUserRepository::new();
    users.expect_is_registered().return_once(|_| Ok(false));
    users.expect_register().return_once(|new| {
        assert_eq!(new.id, UserId::from_uuid(FRESH_ID));
        assert_eq!(new.phone, phone());
        assert_eq!(new.name.as_str(), "张三");
        assert_eq!(new.email.as_ref().map(Email::as_str), Some("a@b.cn"));
        assert_eq!(new.birth, Some(Birth::new(-1)));
        assert_eq!(new.password, hash_of("secret"));
        assert_eq!(new.created_at, NOW);
        Ok(Inserted::Created)
    });
    assert_eq!(
        service(&script, users).register(registration()).unwrap(),
        RegisterOutcome::Registered(UserId::from_uuid(FRESH_ID))
    );
    assert_eq!(script.count("hasher.hash"), 1);
}

#[test]
fn what_was_not_given_stays_absent() {
    let mut users = MockUserRepository::new();
    users.expect_is_registered().return_once(|_| Ok(false));
    users.expect_register().return_once(|new| {
        assert_eq!((&new.email, new.birth), (&None, None));
        Ok(Inserted::Created)
    });
    let request = RegisterUser {
        email: None,
        birth: None,
        ..registration()
    };
    let outcome = service(&Script::default(), users).register(request);
    assert!(matches!(outcome, Ok(RegisterOutcome::Registered(_))));
}

#[test]
fn a_visibly_taken_phone_costs_no_hash() {
    let script = Script::default();
    let service = service(&script, registering(&script, true, Inserted::Created));
    assert_eq!(
        service.register(registration()).unwrap(),
        RegisterOutcome::PhoneTaken
    );
    assert_eq!(script.notes(), ["users.is_registered"]);
}

#[test]
fn a_phone_that_is_taken_meanwhile_is_taken_all_the_same() {
    let script = Script::default();
    let service = service(&script, registering(&script, false, Inserted::PhoneTaken));
    assert_eq!(
        service.register(registration()).unwrap(),
        RegisterOutcome::PhoneTaken
    );
    assert_eq!(script.count("users.register"), 1);
}

#[test]
fn every_failing_port_ends_a_registration() {
    fail_every_call(
        &[],
        |script| {
            service(script, registering(script, false, Inserted::Created))
                .register(registration())
                .map_err(|error| error.code())
        },
        |outcome| matches!(outcome, RegisterOutcome::Registered(_)),
    );
}

#[test]
fn whether_a_phone_is_registered_is_what_the_repository_says() {
    for taken in [false, true] {
        let script = Script::default();
        let service = service(&script, registering(&script, taken, Inserted::Created));
        assert_eq!(service.is_registered(&phone()).unwrap(), taken);
    }
    fail_every_call(
        &[],
        |script| {
            service(script, registering(script, true, Inserted::Created))
                .is_registered(&phone())
                .map_err(|error| error.code())
        },
        |taken| *taken,
    );
}

#[test]
fn the_profile_is_the_callers_own() {
    fail_every_call(
        &[],
        |script| {
            let on_find = script.clone();
            let mut users = MockUserRepository::new();
            users.expect_find_profile().returning(move |id| {
                assert_eq!(id, user());
                on_find.call("users.find_profile")?;
                Ok(Some(profile()))
            });
            service(script, users)
                .profile(&actor())
                .map_err(|error| error.code())
        },
        |found| *found == profile(),
    );
}

#[test]
fn an_account_without_a_row_has_vanished() {
    let mut users = MockUserRepository::new();
    users.expect_find_profile().return_once(|_| Ok(None));
    let found = service(&Script::default(), users).profile(&actor());
    assert!(matches!(found, Err(AccountError::Vanished(id)) if id == user()));
}

#[test]
fn a_reset_sets_the_password_of_the_phones_account() {
    let script = Script::default();
    let users = resetting(&script, Some(credentials()), true);
    let outcome = service(&script, users).reset_password(&phone(), &password("secret"));
    assert_eq!(outcome.unwrap(), ResetOutcome::Reset);
    let order = [
        "users.find_credentials",
        "hasher.hash",
        "users.reset_password",
    ];
    assert_eq!(script.notes(), order);
}

#[test]
fn a_reset_for_an_unknown_phone_costs_no_hash() {
    let script = Script::default();
    let users = resetting(&script, None, true);
    let outcome = service(&script, users).reset_password(&phone(), &password("secret"));
    assert_eq!(outcome.unwrap(), ResetOutcome::UnknownPhone);
    assert_eq!(script.notes(), ["users.find_credentials"]);
}

#[test]
fn a_reset_of_an_account_that_goes_meanwhile_finds_no_phone() {
    let script = Script::default();
    let users = resetting(&script, Some(credentials()), false);
    let outcome = service(&script, users).reset_password(&phone(), &password("secret"));
    assert_eq!(outcome.unwrap(), ResetOutcome::UnknownPhone);
}

#[test]
fn every_failing_port_ends_a_reset() {
    fail_every_call(
        &[],
        |script| {
            service(script, resetting(script, Some(credentials()), true))
                .reset_password(&phone(), &password("secret"))
                .map_err(|error| error.code())
        },
        |outcome| *outcome == ResetOutcome::Reset,
    );
}

#[test]
fn the_operators_list_hands_its_cursor_and_limit_on() {
    for after in [None, Some(user())] {
        fail_every_call(
            &[],
            |script| {
                let on_list = script.clone();
                let mut users = MockUserRepository::new();
                users.expect_list().returning(move |asked, limit| {
                    assert_eq!((asked, limit), (after, 3));
                    on_list.call("users.list")?;
                    Ok(vec![profile()])
                });
                service(script, users)
                    .list(after, 3)
                    .map_err(|error| error.code())
            },
            |found| *found == [profile()],
        );
    }
}

//! [`SessionRepository`](kms_domain::users::SessionRepository): a login is recorded, or not.

use kms_domain::audit::{AuditKind, AuditQuery};
use kms_domain::users::{ExpiryCutoffs, LoginRecorded, NewLogin, Session};

use super::Repositories;
use super::support::{
    RACERS, a_login, a_reset, count, log_in, open, open_sessions, race, recorded, register, session,
};
use crate::builders::{at, password_hash, session_id, user_id};

/// The suite of the sessions, over `fn() -> Repositories`; the rest is in
/// [`sessions`](super::sessions) and [`endings`](super::endings).
#[macro_export]
macro_rules! session_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { session_repository, $fresh,
            logins: [
                a_login_opens_a_session_used_as_of_now,
                only_the_first_login_of_an_account_is_its_first,
                a_login_after_a_reset_is_not_the_first_again,
                a_login_with_another_hash_than_the_stored_one_writes_nothing,
                a_login_of_nobody_is_refused,
                a_rehash_takes_the_place_of_the_hash,
                a_login_without_rehash_leaves_the_hash,
                a_login_that_fails_changes_nothing,
                one_of_simultaneous_logins_is_the_first,
                one_of_simultaneous_rehashes_counts,
                a_login_is_recorded_with_its_session_and_no_failure_is,
            ]
            sessions: [
                the_oldest_sessions_make_room,
                the_oldest_session_is_the_first_created_not_the_longest_unused,
                the_new_session_stays_even_if_the_clock_went_back,
                other_accounts_do_not_count_against_the_limit,
                expired_sessions_go_before_the_oldest,
                a_session_expires_at_the_cutoff_and_not_after_it,
                a_refused_login_removes_no_session,
                simultaneous_logins_keep_to_the_limit,
                an_unknown_token_opens_nothing,
                an_expired_session_is_found_until_a_login_removes_it,
                a_touch_moves_the_mark_of_one_session,
                a_touch_never_moves_the_mark_back,
                a_touch_of_an_ended_session_leaves_it_ended,
                of_simultaneous_touches_the_latest_stands,
            ]
            endings: [
                own_sessions_are_listed_the_latest_first_with_their_networks,
                one_session_ends_and_no_other,
                the_others_end_and_the_asking_one_stays,
                a_session_ends_itself,
                a_foreign_or_unknown_session_is_not_found,
                who_has_ended_ends_nobody,
                an_end_that_ended_something_is_recorded_and_no_other_is,
                of_simultaneous_ends_one_ends,
            ]
        }
    };
}

/// What was recorded is found by its token.
pub fn a_login_opens_a_session_used_as_of_now(on: &Repositories) {
    let user = register(on, 1);
    open(on, &a_login(user, 7));
    let expected = Session {
        id: session_id(7),
        user,
        created_at: at(7),
        last_used_at: at(7),
    };
    assert_eq!(session(on, 7), Some(expected));
}

/// True once for each account, and false ever after.
pub fn only_the_first_login_of_an_account_is_its_first(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    assert!(open(on, &a_login(one, 0)));
    assert!(!open(on, &a_login(one, 1)));
    assert!(open(on, &a_login(two, 2)));
    assert!(!open(on, &a_login(one, 3)));
    assert!(!open(on, &a_login(two, 4)));
}

/// That an account has no session does not mean that it never had one.
pub fn a_login_after_a_reset_is_not_the_first_again(on: &Repositories) {
    let user = register(on, 1);
    assert!(open(on, &a_login(user, 0)));
    on.users
        .reset_password(user, &password_hash("reset"), &a_reset(user))
        .unwrap();
    let again = NewLogin {
        verified: password_hash("reset"),
        ..a_login(user, 1)
    };
    assert!(!open(on, &again));
}

/// No session, no rehash, and the first login is still to come.
pub fn a_login_with_another_hash_than_the_stored_one_writes_nothing(on: &Repositories) {
    let user = register(on, 1);
    let outdated = NewLogin {
        verified: password_hash("outdated"),
        rehash: Some(password_hash("stronger")),
        ..a_login(user, 0)
    };
    let answer = on.sessions.record_login(&outdated).unwrap();
    assert_eq!(answer, LoginRecorded::CredentialsChanged);
    assert_eq!(session(on, 0), None);
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
    assert!(open(on, &a_login(user, 1)));
}

/// An account that is gone is no error.
pub fn a_login_of_nobody_is_refused(on: &Repositories) {
    let answer = on.sessions.record_login(&a_login(user_id(1), 0)).unwrap();
    assert_eq!(answer, LoginRecorded::CredentialsChanged);
    assert_eq!(session(on, 0), None);
}

/// Of this account only, and no session ends for it.
pub fn a_rehash_takes_the_place_of_the_hash(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    log_in(on, user, 0);
    let login = NewLogin {
        rehash: Some(password_hash("stronger")),
        ..a_login(user, 1)
    };
    open(on, &login);
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("stronger")));
    let hash = on.users.find_password_hash(other).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
    assert_eq!(open_sessions(on, 3), [0, 1]);
}

/// Nothing is written that was not asked for.
pub fn a_login_without_rehash_leaves_the_hash(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 0);
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
}

/// All or nothing: with a session id that is taken, no hash is replaced, no older session removed,
/// no first login noted.
pub fn a_login_that_fails_changes_nothing(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    log_in(on, other, 5);
    let clash = NewLogin {
        session: session_id(5),
        rehash: Some(password_hash("stronger")),
        ..a_login(user, 0)
    };
    assert!(on.sessions.record_login(&clash).is_err());
    assert_eq!(session(on, 0), None);
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
    assert!(open(on, &a_login(user, 1)), "the first login was used up");

    let crowding_clash = NewLogin {
        session_limit: 1,
        expired: ExpiryCutoffs {
            last_used: at(1_000),
            created: at(1_000),
        },
        ..clash
    };
    assert!(on.sessions.record_login(&crowding_clash).is_err());
    assert_eq!(open_sessions(on, 6), [1, 5]);
    assert_eq!(session(on, 5).unwrap().user, other);
}

/// A13, however many run at once.
pub fn one_of_simultaneous_logins_is_the_first(on: &Repositories) {
    let user = register(on, 1);
    let answers = race(RACERS, |n| open(on, &a_login(user, n)));
    assert_eq!(count(&answers, &true), 1);
    assert_eq!(open_sessions(on, RACERS).len(), RACERS as usize);
}

/// Each verified the same hash; the first to replace it sends the others to look again.
pub fn one_of_simultaneous_rehashes_counts(on: &Repositories) {
    let user = register(on, 1);
    let answers = race(RACERS, |n| {
        let login = NewLogin {
            rehash: Some(password_hash(&format!("stronger {n}"))),
            ..a_login(user, n)
        };
        on.sessions.record_login(&login).unwrap()
    });
    let first = LoginRecorded::Opened { first_time: true };
    assert_eq!(count(&answers, &first), 1);
    let refused = count(&answers, &LoginRecorded::CredentialsChanged);
    assert_eq!(refused, RACERS as usize - 1);
    let winner = answers.iter().position(|a| *a == first).unwrap() as u32;
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash(&format!("stronger {winner}"))));
    assert_eq!(open_sessions(on, RACERS), [winner]);
}

/// In the same transaction: neither without the other.
pub fn a_login_is_recorded_with_its_session_and_no_failure_is(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 0);
    let outdated = NewLogin {
        verified: password_hash("outdated"),
        ..a_login(user, 1)
    };
    on.sessions.record_login(&outdated).unwrap();
    assert!(on.sessions.record_login(&a_login(user, 0)).is_err());
    assert_eq!(recorded(on), [AuditKind::Login]);
    let all = on.audit.list(&AuditQuery::default(), None, 9).unwrap();
    assert_eq!(all[0].event, a_login(user, 0).event);
}

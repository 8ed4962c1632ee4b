//! [`SessionRepository`](kms_domain::users::SessionRepository): sessions are found, used and
//! removed. The list of promises stands in [`logins`](super::logins).

use kms_domain::users::{ExpiryCutoffs, LoginRecorded, NewLogin};

use super::Repositories;
use super::support::{
    RACERS, a_login, a_reset, log_in, open, open_sessions, race, register, session, token,
};
use crate::builders::{at, password_hash, session_id, token_digest};

/// A11. With the new one among them, exactly as many as allowed remain.
pub fn the_oldest_sessions_make_room(on: &Repositories) {
    let user = register(on, 1);
    // Not in the order of their ages, so that the order of the rows cannot stand in for it.
    for n in [3, 1, 4, 0, 2] {
        log_in(on, user, n);
    }
    let login = |n, session_limit| NewLogin {
        session_limit,
        ..a_login(user, n)
    };
    open(on, &login(5, 6));
    assert_eq!(open_sessions(on, 10), [0, 1, 2, 3, 4, 5]);
    open(on, &login(6, 3));
    assert_eq!(open_sessions(on, 10), [4, 5, 6]);
    open(on, &login(7, 3));
    assert_eq!(open_sessions(on, 10), [5, 6, 7]);
    open(on, &login(8, 1));
    assert_eq!(open_sessions(on, 10), [8]);
    open(on, &login(9, usize::MAX));
    assert_eq!(open_sessions(on, 10), [8, 9]);
}

/// Using a session does not make it younger.
pub fn the_oldest_session_is_the_first_created_not_the_longest_unused(on: &Repositories) {
    let user = register(on, 1);
    let first = log_in(on, user, 0);
    log_in(on, user, 1);
    on.sessions.touch(first, at(50)).unwrap();
    let login = NewLogin {
        session_limit: 2,
        ..a_login(user, 60)
    };
    open(on, &login);
    assert_eq!(open_sessions(on, 61), [1, 60]);
}

/// Clocks jump. Whoever logs in now must not be the one who is put out.
pub fn the_new_session_stays_even_if_the_clock_went_back(on: &Repositories) {
    let user = register(on, 1);
    for n in [10, 11, 12] {
        log_in(on, user, n);
    }
    let login = NewLogin {
        session_limit: 2,
        ..a_login(user, 3)
    };
    open(on, &login);
    assert_eq!(open_sessions(on, 20), [3, 12]);
}

/// The limit is an account's, and only its sessions make room.
pub fn other_accounts_do_not_count_against_the_limit(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    for (owner, n) in [(other, 0), (other, 1), (user, 2)] {
        log_in(on, owner, n);
    }
    let login = NewLogin {
        session_limit: 2,
        expired: ExpiryCutoffs {
            last_used: at(1),
            created: at(1),
        },
        ..a_login(user, 3)
    };
    open(on, &login);
    assert_eq!(open_sessions(on, 4), [0, 1, 2, 3]);
}

/// A session that is no use any more costs none that is.
pub fn expired_sessions_go_before_the_oldest(on: &Repositories) {
    let user = register(on, 1);
    let oldest = log_in(on, user, 0);
    for n in [1, 2] {
        log_in(on, user, n);
    }
    on.sessions.touch(oldest, at(50)).unwrap();
    let login = NewLogin {
        session_limit: 3,
        expired: ExpiryCutoffs {
            last_used: at(10),
            created: at(-1),
        },
        ..a_login(user, 60)
    };
    open(on, &login);
    assert_eq!(open_sessions(on, 61), [0, 60]);
}

/// Both cutoffs are inclusive, and either is enough.
pub fn a_session_expires_at_the_cutoff_and_not_after_it(on: &Repositories) {
    let user = register(on, 1);
    let touched = |n, millis| {
        let id = log_in(on, user, n);
        on.sessions.touch(id, at(millis)).unwrap();
    };
    // Created at its number; used at the second value.
    touched(9, 500);
    touched(10, 501);
    touched(11, 100);
    touched(12, 101);
    touched(13, 102);
    let login = NewLogin {
        expired: ExpiryCutoffs {
            last_used: at(101),
            created: at(10),
        },
        ..a_login(user, 600)
    };
    open(on, &login);
    assert_eq!(open_sessions(on, 601), [13, 600]);
}

/// Neither the expired nor the oldest go when nothing comes in.
pub fn a_refused_login_removes_no_session(on: &Repositories) {
    let user = register(on, 1);
    for n in 0..3 {
        log_in(on, user, n);
    }
    let refused = NewLogin {
        verified: password_hash("outdated"),
        session_limit: 1,
        expired: ExpiryCutoffs {
            last_used: at(10),
            created: at(10),
        },
        ..a_login(user, 5)
    };
    let answer = on.sessions.record_login(&refused).unwrap();
    assert_eq!(answer, LoginRecorded::CredentialsChanged);
    assert_eq!(open_sessions(on, 6), [0, 1, 2]);
}

/// A11. Each login makes its own room; together they never leave one too many.
pub fn simultaneous_logins_keep_to_the_limit(on: &Repositories) {
    let user = register(on, 1);
    race(RACERS, |n| {
        let login = NewLogin {
            session_limit: 5,
            ..a_login(user, n)
        };
        open(on, &login)
    });
    assert_eq!(open_sessions(on, RACERS).len(), 5);
}

/// Neither one that was never given out nor a neighbour's.
pub fn an_unknown_token_opens_nothing(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 1);
    for text in ["", "token", "token 11", "Token 1"] {
        let found = on.sessions.find_by_token(&token_digest(text)).unwrap();
        assert_eq!(found, None, "{text:?}");
    }
}

/// Whether it has expired is for the caller to say.
pub fn an_expired_session_is_found_until_a_login_removes_it(on: &Repositories) {
    let user = register(on, 1);
    let ancient = NewLogin {
        at: at(-500_000_000_000),
        expired: ExpiryCutoffs {
            last_used: at(-600_000_000_000),
            created: at(-600_000_000_000),
        },
        ..a_login(user, 0)
    };
    open(on, &ancient);
    let found = session(on, 0).unwrap();
    assert_eq!(found.last_used_at, at(-500_000_000_000));
    open(on, &a_login(user, 1));
    assert_eq!(session(on, 0), None);
}

/// And nothing else of it.
pub fn a_touch_moves_the_mark_of_one_session(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 1);
    log_in(on, user, 2);
    let (mut expected, neighbour) = (session(on, 1).unwrap(), session(on, 2));
    on.sessions.touch(session_id(1), at(90)).unwrap();
    expected.last_used_at = at(90);
    assert_eq!(session(on, 1), Some(expected));
    assert_eq!(session(on, 2), neighbour);
}

/// A late request with an early time leaves the later mark.
pub fn a_touch_never_moves_the_mark_back(on: &Repositories) {
    let user = register(on, 1);
    let id = log_in(on, user, 1);
    on.sessions.touch(id, at(-5)).unwrap();
    assert_eq!(session(on, 1).unwrap().last_used_at, at(1));
    on.sessions.touch(id, at(90)).unwrap();
    on.sessions.touch(id, at(89)).unwrap();
    assert_eq!(session(on, 1).unwrap().last_used_at, at(90));
}

/// It is no error either.
pub fn a_touch_of_an_ended_session_leaves_it_ended(on: &Repositories) {
    let user = register(on, 1);
    let id = log_in(on, user, 1);
    on.users
        .reset_password(user, &password_hash("reset"), &a_reset(user))
        .unwrap();
    on.sessions.touch(id, at(90)).unwrap();
    on.sessions.touch(session_id(77), at(90)).unwrap();
    assert_eq!(open_sessions(on, 78), [0_u32; 0]);
    assert_eq!(on.sessions.find_by_token(&token(1)).unwrap(), None);
}

/// In whatever order they come.
pub fn of_simultaneous_touches_the_latest_stands(on: &Repositories) {
    let user = register(on, 1);
    let id = log_in(on, user, 1);
    race(RACERS, |n| {
        on.sessions
            .touch(id, at(100 + i64::from(RACERS - n)))
            .unwrap();
    });
    let latest = at(100 + i64::from(RACERS));
    assert_eq!(session(on, 1).unwrap().last_used_at, latest);
}

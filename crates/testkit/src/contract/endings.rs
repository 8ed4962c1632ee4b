//! [`SessionRepository`](kms_domain::users::SessionRepository): sessions are listed and ended. The
//! list of promises stands in [`logins`](super::logins).

use kms_domain::audit::{AuditKind, Network};
use kms_domain::users::{EndSessions, NewLogin, SessionsEnded, UserId, WhichSessions};

use super::Repositories;
use super::support::{
    RACERS, a_login, count, log_in, open, open_sessions, race, recorded, register, session,
};
use crate::builders::{an_event, at, session_id};

/// The `by`-th session of `user` asks for sessions to end.
fn ending(user: UserId, by: u32, which: WhichSessions) -> EndSessions {
    EndSessions {
        user,
        by: session_id(by),
        which,
        event: an_event(AuditKind::SessionRevoked, user),
    }
}

fn end(on: &Repositories, ending: &EndSessions) -> SessionsEnded {
    on.sessions.end(ending).unwrap()
}

fn one(n: u32) -> WhichSessions {
    WhichSessions::One(session_id(n))
}

/// In the order of their opening, also within a millisecond, and nobody else's.
pub fn own_sessions_are_listed_the_latest_first_with_their_networks(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    let networks = [
        None,
        Network::parse("203.0.113.9").ok(),
        Network::parse("2001:db8::1").ok(),
    ];
    for (n, network) in [(3, networks[0]), (9, networks[1]), (4, networks[2])] {
        let login = NewLogin {
            network,
            at: at(7),
            ..a_login(user, n)
        };
        open(on, &login);
    }
    log_in(on, other, 5);
    log_in(on, user, 6);
    on.sessions.touch(session_id(3), at(50)).unwrap();
    let listed = on.sessions.list_of(user).unwrap();
    let expected: Vec<_> = [4, 9, 3, 6]
        .map(|n| session(on, n).unwrap())
        .into_iter()
        .collect();
    let sessions: Vec<_> = listed.iter().map(|open| open.session).collect();
    assert_eq!(sessions, expected);
    let networks = [networks[2], networks[1], None, None];
    let found: Vec<_> = listed.iter().map(|open| open.network).collect();
    assert_eq!(found, networks);
    assert_eq!(on.sessions.list_of(UserId::from_uuid(uuid())).unwrap(), []);
}

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(404)
}

/// Whichever of the account's it is.
pub fn one_session_ends_and_no_other(on: &Repositories) {
    let user = register(on, 1);
    for n in 0..4 {
        log_in(on, user, n);
    }
    assert_eq!(end(on, &ending(user, 0, one(2))), SessionsEnded::Ended);
    assert_eq!(open_sessions(on, 5), [0, 1, 3]);
    assert_eq!(end(on, &ending(user, 0, one(2))), SessionsEnded::NotFound);
}

/// Those of the account alone; without others nothing ends, which is what was asked for.
pub fn the_others_end_and_the_asking_one_stays(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    for n in 0..3 {
        log_in(on, user, n);
    }
    log_in(on, other, 3);
    for _ in 0..2 {
        let others = ending(user, 1, WhichSessions::Others);
        assert_eq!(end(on, &others), SessionsEnded::Ended);
        assert_eq!(open_sessions(on, 5), [1, 3]);
    }
}

/// As a logout does.
pub fn a_session_ends_itself(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 0);
    log_in(on, user, 1);
    assert_eq!(end(on, &ending(user, 0, one(0))), SessionsEnded::Ended);
    assert_eq!(open_sessions(on, 5), [1]);
}

/// One does not learn which ids others have.
pub fn a_foreign_or_unknown_session_is_not_found(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    log_in(on, user, 0);
    log_in(on, other, 1);
    for n in [1, 77] {
        assert_eq!(end(on, &ending(user, 0, one(n))), SessionsEnded::NotFound);
    }
    assert_eq!(open_sessions(on, 5), [0, 1]);
}

/// Nor does somebody else's session.
pub fn who_has_ended_ends_nobody(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    log_in(on, user, 0);
    log_in(on, other, 1);
    for by in [1, 77] {
        for which in [one(0), WhichSessions::Others] {
            let ended = end(on, &ending(user, by, which));
            assert_eq!(ended, SessionsEnded::AskerEnded);
        }
    }
    assert_eq!(open_sessions(on, 5), [0, 1]);
}

/// In the same transaction: neither without the other.
pub fn an_end_that_ended_something_is_recorded_and_no_other_is(on: &Repositories) {
    let user = register(on, 1);
    for n in 0..3 {
        log_in(on, user, n);
    }
    for which in [one(2), one(2), WhichSessions::Others, WhichSessions::Others] {
        end(on, &ending(user, 0, which));
    }
    end(on, &ending(user, 1, WhichSessions::Others));
    let mut expected = vec![AuditKind::Login; 3];
    expected.extend([AuditKind::SessionRevoked; 2]);
    assert_eq!(recorded(on), expected);
}

/// A session asked to end itself by many at once ends once, and the rest finds it ended.
pub fn of_simultaneous_ends_one_ends(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 0);
    let answers = race(RACERS, |_| end(on, &ending(user, 0, one(0))));
    assert_eq!(count(&answers, &SessionsEnded::Ended), 1);
    let late = count(&answers, &SessionsEnded::AskerEnded);
    assert_eq!(late, RACERS as usize - 1);
}

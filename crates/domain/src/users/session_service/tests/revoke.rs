//! Looking at one's own sessions, and ending them.

use std::sync::Mutex;

use super::*;
use crate::audit::AuditKind;
use crate::test_doubles::actor;
use crate::users::{EndSessions, Session, SessionsEnded, WhichSessions};
use uuid::Uuid;

/// A repository that answers `ended`, and keeps what it was asked for.
fn ending(script: &Script, ended: SessionsEnded) -> (SessionService, Arc<Mutex<Vec<EndSessions>>>) {
    let asked: Arc<Mutex<Vec<EndSessions>>> = Arc::default();
    let keep = Arc::clone(&asked);
    let on_end = script.clone();
    let mut sessions = MockSessionRepository::new();
    sessions.expect_end().returning(move |ending| {
        on_end.call("sessions.end")?;
        keep.lock().unwrap().push(ending.clone());
        Ok(ended)
    });
    (service(script, MockUserRepository::new(), sessions), asked)
}

fn origin() -> Origin {
    Origin {
        network: None,
        request: Some("run-7".to_owned()),
    }
}

#[test]
fn a_logout_ends_the_session_that_asks() {
    let (service, asked) = ending(&Script::default(), SessionsEnded::Ended);
    let outcome = service.logout(&actor(), &origin()).unwrap();
    assert_eq!(outcome, LogoutOutcome::LoggedOut);
    let asked = asked.lock().unwrap();
    let session = actor().session();
    assert_eq!((asked[0].user, asked[0].by), (user(), session));
    assert_eq!(asked[0].which, WhichSessions::One(session));
    let detail = format!("session {session}");
    let event = AuditEvent::new(NOW, AuditKind::Logout, Some(user()), &origin(), &detail);
    assert_eq!(asked[0].event, event);
}

#[test]
fn a_session_that_has_ended_meanwhile_does_not_log_out() {
    for ended in [SessionsEnded::NotFound, SessionsEnded::AskerEnded] {
        let (service, _) = ending(&Script::default(), ended);
        let outcome = service.logout(&actor(), &origin()).unwrap();
        assert_eq!(outcome, LogoutOutcome::SessionEnded);
    }
}

#[test]
fn the_repositorys_answer_is_the_outcome_of_revoking() {
    let other = SessionId::from_uuid(Uuid::from_u128(9));
    for (ended, outcome) in [
        (SessionsEnded::Ended, RevokeOutcome::Revoked),
        (SessionsEnded::NotFound, RevokeOutcome::NotFound),
        (SessionsEnded::AskerEnded, RevokeOutcome::SessionEnded),
    ] {
        for which in [WhichSessions::One(other), WhichSessions::Others] {
            let (service, asked) = ending(&Script::default(), ended);
            let found = service.revoke(&actor(), which, &origin()).unwrap();
            assert_eq!(found, outcome);
            let asked = asked.lock().unwrap();
            assert_eq!((asked.len(), asked[0].which), (1, which));
            assert_eq!(asked[0].event.kind, AuditKind::SessionRevoked);
        }
    }
}

#[test]
fn only_sessions_whose_token_still_opens_something_are_listed() {
    let age = |created: i64, used: i64| OpenSession {
        session: Session {
            id: SessionId::from_uuid(FRESH_ID),
            user: user(),
            created_at: NOW.minus_millis(created),
            last_used_at: NOW.minus_millis(used),
        },
        network: None,
    };
    let mut sessions = MockSessionRepository::new();
    sessions.expect_list_of().returning(move |asked| {
        assert_eq!(asked, user());
        Ok([(1, 1), (1, 10_000), (60_000, 1), (59_999, 9_999)]
            .map(|(created, used)| age(created, used))
            .to_vec())
    });
    let service = service(&Script::default(), MockUserRepository::new(), sessions);
    let listed = service.list(&actor()).unwrap();
    assert_eq!(listed, [age(1, 1), age(59_999, 9_999)]);
}

#[test]
fn every_failing_port_ends_a_logout() {
    fail_every_call(
        &[],
        |script| {
            let (service, _) = ending(script, SessionsEnded::Ended);
            let outcome = service.logout(&actor(), &origin());
            outcome.map_err(|error| error.code())
        },
        |outcome| *outcome == LogoutOutcome::LoggedOut,
    );
}

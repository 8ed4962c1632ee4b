//! Telling whose a token is.

use uuid::Uuid;

use super::*;
use crate::users::Session;

/// A session made and last used so many milliseconds ago.
fn session(age: i64, unused: i64) -> Session {
    Session {
        id: SessionId::from_uuid(Uuid::from_u128(3)),
        user: user(),
        created_at: NOW.minus_millis(age),
        last_used_at: NOW.minus_millis(unused),
    }
}

fn authenticate(script: &Script, found: Option<Session>) -> Result<Option<Actor>, SessionError> {
    let mut sessions = MockSessionRepository::new();
    let on_find = script.clone();
    sessions.expect_find_by_token().returning(move |digest| {
        assert_eq!(*digest, Token::new("sesame").digest());
        on_find.call("sessions.find_by_token")?;
        Ok(found)
    });
    let on_touch = script.clone();
    sessions.expect_touch().returning(move |id, at| {
        assert_eq!((id, at), (SessionId::from_uuid(Uuid::from_u128(3)), NOW));
        on_touch.call("sessions.touch")
    });
    service(script, MockUserRepository::new(), sessions).authenticate(&Token::new("sesame"))
}

fn is_known(age: i64, unused: i64) -> bool {
    authenticate(&Script::default(), Some(session(age, unused)))
        .unwrap()
        .is_some()
}

fn is_touched(unused: i64) -> bool {
    let script = Script::default();
    let found = authenticate(&script, Some(session(unused, unused)));
    assert!(found.unwrap().is_some());
    script.count("sessions.touch") == 1
}

#[test]
fn a_token_leads_to_its_user_and_session() {
    let actor = authenticate(&Script::default(), Some(session(1, 1)))
        .unwrap()
        .unwrap();
    assert_eq!(actor.user(), user());
    assert_eq!(actor.session(), SessionId::from_uuid(Uuid::from_u128(3)));
}

#[test]
fn an_unknown_token_is_nobodys() {
    let script = Script::default();
    assert_eq!(authenticate(&script, None).unwrap(), None);
    assert_eq!(script.notes(), ["sessions.find_by_token"]);
}

/// A08
#[test]
fn an_unused_session_ends_at_the_exact_millisecond() {
    assert!(is_known(9_999, 9_999));
    assert!(!is_known(10_000, 10_000));
    assert!(!is_known(10_001, 10_001));
}

/// A08
#[test]
fn an_old_session_ends_at_the_exact_millisecond_though_it_is_used() {
    assert!(is_known(59_999, 0));
    assert!(!is_known(60_000, 0));
    assert!(!is_known(60_001, 0));
}

#[test]
fn an_ended_session_is_not_touched() {
    for (age, unused) in [(10_000, 10_000), (60_000, 5_000)] {
        let script = Script::default();
        let found = authenticate(&script, Some(session(age, unused)));
        assert_eq!(found.unwrap(), None);
        assert_eq!(script.count("sessions.touch"), 0);
    }
}

#[test]
fn use_is_noted_only_when_the_last_note_is_stale() {
    assert!(!is_touched(0));
    assert!(!is_touched(2_999));
    assert!(is_touched(3_000));
    assert!(is_touched(3_001));
}

#[test]
fn a_clock_that_went_back_ends_no_session() {
    assert!(is_known(-5_000, -5_000));
    assert!(!is_touched(-5_000));
}

#[test]
fn only_the_lookup_may_keep_somebody_out() {
    fail_every_call(
        &["sessions.touch"],
        |script| authenticate(script, Some(session(3_000, 3_000))).map_err(|error| error.code()),
        |found| found.is_some_and(|actor| actor.user() == user()),
    );
}

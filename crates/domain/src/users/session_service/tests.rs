//! Logging in is in `login`, telling whose a token is in `authenticate`, looking at sessions and
//! ending them in `revoke`.

mod authenticate;
mod login;
mod revoke;

use std::sync::Arc;

use super::*;
use crate::audit::double::RecordingLog;
use crate::codes::{Code, Coded as _};
use crate::test_doubles::{
    FRESH_ID, NOW, Script, clock_at, fail_every_call, hash_of, hasher, ids, password, phone, user,
};
use crate::users::{MockSessionRepository, MockTokenSource, MockUserRepository};

/// Three different times, so that no rule can take another's.
const POLICY: SessionPolicy = SessionPolicy {
    idle_millis: 10_000,
    absolute_millis: 60_000,
    touch_millis: 3_000,
    per_account: 20,
};

/// A service whose token source makes `token 1`, `token 2`, …
fn service(
    script: &Script,
    users: MockUserRepository,
    sessions: MockSessionRepository,
) -> SessionService {
    recording_service(&RecordingLog::default(), script, users, sessions)
}

/// The same, with a log to look at.
fn recording_service(
    log: &RecordingLog,
    script: &Script,
    users: MockUserRepository,
    sessions: MockSessionRepository,
) -> SessionService {
    let mut tokens = MockTokenSource::new();
    let on_token = script.clone();
    tokens.expect_new_token().returning(move || {
        on_token.call("tokens.new_token")?;
        Ok(Token::new(format!(
            "token {}",
            on_token.count("tokens.new_token")
        )))
    });
    SessionService {
        users: Arc::new(users),
        sessions: Arc::new(sessions),
        hasher: Arc::new(hasher(script)),
        ids: Arc::new(ids(script)),
        tokens: Arc::new(tokens),
        clock: Arc::new(clock_at(NOW)),
        audit: log.audit(),
        policy: POLICY,
    }
}

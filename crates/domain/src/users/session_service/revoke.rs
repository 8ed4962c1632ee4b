//! A person's own sessions: looking at them and ending them.

use super::{
    Actor, AuditEvent, AuditKind, OpenSession, Origin, SessionError, SessionId, SessionService,
};
use crate::users::{EndSessions, SessionsEnded, WhichSessions};

/// What became of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// The session has ended.
    LoggedOut,
    /// Somebody else has ended it meanwhile.
    SessionEnded,
}

/// What became of the wish to end sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// They have ended.
    Revoked,
    /// The account has no such session.
    NotFound,
    /// The asking session ended while it asked.
    SessionEnded,
}

impl SessionService {
    /// Ends the session that asks.
    ///
    /// # Errors
    /// [`SessionError::Port`].
    pub fn logout(&self, actor: &Actor, origin: &Origin) -> Result<LogoutOutcome, SessionError> {
        let which = WhichSessions::One(actor.session());
        Ok(match self.end(actor, which, AuditKind::Logout, origin)? {
            SessionsEnded::Ended => LogoutOutcome::LoggedOut,
            SessionsEnded::NotFound | SessionsEnded::AskerEnded => LogoutOutcome::SessionEnded,
        })
    }

    /// Ends other sessions of the account, or one of them.
    ///
    /// # Errors
    /// [`SessionError::Port`].
    pub fn revoke(
        &self,
        actor: &Actor,
        which: WhichSessions,
        origin: &Origin,
    ) -> Result<RevokeOutcome, SessionError> {
        let ended = self.end(actor, which, AuditKind::SessionRevoked, origin)?;
        Ok(match ended {
            SessionsEnded::Ended => RevokeOutcome::Revoked,
            SessionsEnded::NotFound => RevokeOutcome::NotFound,
            SessionsEnded::AskerEnded => RevokeOutcome::SessionEnded,
        })
    }

    /// The sessions of the account that a token still opens, the latest opened first.
    ///
    /// # Errors
    /// [`SessionError::Port`].
    pub fn list(&self, actor: &Actor) -> Result<Vec<OpenSession>, SessionError> {
        let expired = self.policy.cutoffs(self.clock.now());
        let mut sessions = self.sessions.list_of(actor.user())?;
        sessions.retain(|open| !expired.have_passed(&open.session));
        Ok(sessions)
    }

    fn end(
        &self,
        actor: &Actor,
        which: WhichSessions,
        kind: AuditKind,
        origin: &Origin,
    ) -> Result<SessionsEnded, SessionError> {
        let detail = describe(which, actor.session());
        let (user, now) = (actor.user(), self.clock.now());
        Ok(self.sessions.end(&EndSessions {
            user,
            by: actor.session(),
            which,
            event: AuditEvent::new(now, kind, Some(user), origin, &detail),
        })?)
    }
}

fn describe(which: WhichSessions, by: SessionId) -> String {
    match which {
        WhichSessions::One(session) if session == by => format!("session {session}"),
        WhichSessions::One(session) => format!("session {session}, by session {by}"),
        WhichSessions::Others => format!("all others, by session {by}"),
    }
}

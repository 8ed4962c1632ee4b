use super::{PasswordHash, SessionId, TokenDigest, UserId};
use crate::audit::{AuditEvent, Network};
use crate::{PortError, Timestamp};

/// The sessions, one row each. Every method is one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait SessionRepository: Send + Sync {
    /// Opens a session, all or nothing and durably: checks that the account's password is still
    /// the one that was verified, replaces its hash if asked to, notes the first login, removes
    /// the account's expired sessions and then its oldest until `session_limit` remain with the
    /// new one among them, and records the login's event.
    ///
    /// `first_time` is true for exactly one login of an account, however many run at once.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn record_login(&self, login: &NewLogin) -> Result<LoginRecorded, PortError>;

    /// The session behind a token, expired or not. `None`: unknown, revoked or ended.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, PortError>;

    /// Notes that a session was used at `at`, never moving the mark back. A session that has
    /// ended meanwhile stays ended: that is no error.
    ///
    /// # Errors
    /// [`PortError`].
    fn touch(&self, session: SessionId, at: Timestamp) -> Result<(), PortError>;

    /// The sessions of an account, expired or not, the latest opened first. At most as many as the
    /// account was ever allowed.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_of(&self, user: UserId) -> Result<Vec<OpenSession>, PortError>;

    /// Ends sessions of an account and records the event of that, all or nothing and durably. The
    /// asking session must still be there. An event is recorded only if a session has ended.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn end(&self, ending: &EndSessions) -> Result<SessionsEnded, PortError>;
}

/// A login to be recorded.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// The account.
    pub user: UserId,
    /// The hash that the password was verified against.
    pub verified: PasswordHash,
    /// What takes its place, when it has become too weak.
    pub rehash: Option<PasswordHash>,
    /// The new session.
    pub session: SessionId,
    /// Digest of its token.
    pub token: TokenDigest,
    /// When; the session counts as created and used at this time.
    pub at: Timestamp,
    /// Most sessions of the account, the new one included; at least 1.
    pub session_limit: usize,
    /// Sessions older than this are removed first.
    pub expired: ExpiryCutoffs,
    /// From where; kept with the session.
    pub network: Option<Network>,
    /// What the audit log says of it.
    pub event: AuditEvent,
}

/// The points before which a session has expired.
#[derive(Clone, Copy, Debug)]
pub struct ExpiryCutoffs {
    /// A session last used at or before this has expired.
    pub last_used: Timestamp,
    /// A session created at or before this has expired.
    pub created: Timestamp,
}

impl ExpiryCutoffs {
    /// Whether `session` has expired.
    #[must_use]
    pub fn have_passed(&self, session: &Session) -> bool {
        session.last_used_at <= self.last_used || session.created_at <= self.created
    }
}

/// What became of [`SessionRepository::record_login`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRecorded {
    /// The session is open.
    Opened {
        /// Whether this is the account's first login ever.
        first_time: bool,
    },
    /// The stored hash is not `verified` any more, or the account is gone; nothing was written.
    CredentialsChanged,
}

/// An open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When the login was.
    pub created_at: Timestamp,
    /// When it was last noted as used.
    pub last_used_at: Timestamp,
}

/// An open session as its owner sees it in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The session.
    pub session: Session,
    /// From where it was opened, if that is known.
    pub network: Option<Network>,
}

/// Sessions to be ended.
#[derive(Clone, Debug)]
pub struct EndSessions {
    /// Whose they are. Those of other accounts are never found.
    pub user: UserId,
    /// The session that asks.
    pub by: SessionId,
    /// Which.
    pub which: WhichSessions,
    /// What the audit log says of it.
    pub event: AuditEvent,
}

/// Which sessions of an account are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichSessions {
    /// This one; it may be the asking one.
    One(SessionId),
    /// All but the asking one.
    Others,
}

/// What became of [`SessionRepository::end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsEnded {
    /// They have ended; there may have been no others.
    Ended,
    /// The account has no such session; nothing was written.
    NotFound,
    /// The asking session has ended meanwhile; nothing was written.
    AskerEnded,
}

use std::sync::Arc;

use super::{
    ExpiryCutoffs, LoginRecorded, NewLogin, OpenSession, Password, PasswordHasher, Phone,
    SessionId, SessionRepository, Token, TokenSource, UserId, UserRepository,
};
use crate::audit::{Audit, AuditEvent, AuditKind, LoginFailure, Origin};
use crate::{Clock, IdSource, PortError, PortErrorKind, Timestamp};

mod revoke;

pub use revoke::{LogoutOutcome, RevokeOutcome};

/// Times a login looks again when the stored hash changes under it. Each round costs a bcrypt;
/// a hash that moves more often than this is no honest client's doing.
const LOGIN_ROUNDS: usize = 4;

/// Who is asking: proof that a token was checked. Only [`SessionService::authenticate`] makes
/// one, so a use case that takes it cannot be reached without the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    user: UserId,
    session: SessionId,
}

impl Actor {
    /// The account.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The session through which it asks.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    #[cfg(test)]
    pub(crate) const fn for_tests(user: UserId, session: SessionId) -> Self {
        Self { user, session }
    }
}

/// How long sessions live. All times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct SessionPolicy {
    /// A session unused for this long has expired.
    pub idle_millis: i64,
    /// A session this old has expired, used or not.
    pub absolute_millis: i64,
    /// How stale the note of its last use may get before it is written again. The idle time
    /// counts from that note.
    pub touch_millis: i64,
    /// Most sessions of an account; at least 1.
    pub per_account: usize,
}

impl SessionPolicy {
    fn cutoffs(&self, now: Timestamp) -> ExpiryCutoffs {
        ExpiryCutoffs {
            last_used: now.minus_millis(self.idle_millis),
            created: now.minus_millis(self.absolute_millis),
        }
    }
}

/// Logging in, and telling who a token belongs to.
#[derive(Clone)]
pub struct SessionService {
    /// The accounts.
    pub users: Arc<dyn UserRepository>,
    /// The sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Checks passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Source of session ids.
    pub ids: Arc<dyn IdSource>,
    /// Source of tokens.
    pub tokens: Arc<dyn TokenSource>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where refused logins are recorded.
    pub audit: Audit,
    /// How long sessions live.
    pub policy: SessionPolicy,
}

/// What became of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// A session is open.
    LoggedIn {
        /// Its secret, told only now.
        token: Token,
        /// Whether this is the account's first login ever.
        first_time: bool,
    },
    /// No account has this phone.
    UnknownPhone,
    /// The account has another password.
    WrongPassword,
}

/// Whose token it is, before its use has been noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    /// Who is asking.
    pub actor: Actor,
    /// Whether the note of the session's last use is due to be written again.
    pub note_due: bool,
}

/// Why a use case of [`SessionService`] has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A port failed.
    #[error("the sessions could not be reached")]
    Port(#[from] PortError),
}

impl SessionService {
    /// Opens a session for who knows the password. A hash that has become too weak is replaced on
    /// the way, since only now its password is known. Costs one hash, two with the replacement.
    ///
    /// # Errors
    /// [`SessionError::Port`].
    pub fn login(
        &self,
        phone: &Phone,
        password: &Password,
        origin: &Origin,
    ) -> Result<LoginOutcome, SessionError> {
        for _ in 0..LOGIN_ROUNDS {
            let Some(credentials) = self.users.find_credentials(phone)? else {
                let why = LoginFailure::UnknownPhone(phone);
                self.audit.login_failed(why, origin);
                return Ok(LoginOutcome::UnknownPhone);
            };
            if !self.hasher.verify(password, &credentials.password)? {
                let why = LoginFailure::WrongPassword(credentials.user);
                self.audit.login_failed(why, origin);
                return Ok(LoginOutcome::WrongPassword);
            }
            let rehash = if self.hasher.needs_rehash(&credentials.password) {
                Some(self.hasher.hash(password)?)
            } else {
                None
            };
            let token = self.tokens.new_token()?;
            let now = self.clock.now();
            let session = SessionId::from_uuid(self.ids.new_id()?);
            let detail = format!("session {session}");
            let user = credentials.user;
            let recorded = self.sessions.record_login(&NewLogin {
                user,
                verified: credentials.password,
                rehash,
                session,
                token: token.digest(),
                at: now,
                session_limit: self.policy.per_account,
                expired: self.policy.cutoffs(now),
                network: origin.network,
                event: AuditEvent::new(now, AuditKind::Login, Some(user), origin, &detail),
            })?;
            match recorded {
                LoginRecorded::Opened { first_time } => {
                    return Ok(LoginOutcome::LoggedIn { token, first_time });
                }
                // The password was changed or rehashed while it was verified: what was verified
                // is no longer the account's, so it proves nothing.
                LoginRecorded::CredentialsChanged => {}
            }
        }
        Err(PortError::new(PortErrorKind::Unavailable, "the password keeps changing").into())
    }

    /// Who a token belongs to, with the use of its session noted when that is due. `None`:
    /// unknown, revoked or expired.
    ///
    /// # Errors
    /// [`SessionError::Port`].
    pub fn authenticate(&self, token: &Token) -> Result<Option<Actor>, SessionError> {
        let identified = self.identify(token)?;
        if let Some(Identified {
            actor,
            note_due: true,
        }) = &identified
        {
            self.note_use(actor);
        }
        Ok(identified.map(|identified| identified.actor))
    }

    /// Notes that a session is in use. A note that could not be written shortens the session at
    /// worst; a full disk must not keep people from reading.
    pub fn note_use(&self, actor: &Actor) {
        let _ = self.sessions.touch(actor.session, self.clock.now());
    }

    /// Who a token belongs to, by one read and no write. `None`: unknown, revoked or expired.
    ///
    /// # Errors
    /// [`SessionError::Port`].
    pub fn identify(&self, token: &Token) -> Result<Option<Identified>, SessionError> {
        let Some(session) = self.sessions.find_by_token(&token.digest())? else {
            return Ok(None);
        };
        let now = self.clock.now();
        if self.policy.cutoffs(now).have_passed(&session) {
            return Ok(None);
        }
        Ok(Some(Identified {
            actor: Actor {
                user: session.user,
                session: session.id,
            },
            note_due: session.last_used_at <= now.minus_millis(self.policy.touch_millis),
        }))
    }
}

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{
    AccountUpdate, Actor, Birth, DisplayName, Email, Inserted, NewUser, Password, PasswordChange,
    PasswordHash, PasswordHasher, Phone, Profile, Updated, UserId, UserRepository,
};
use crate::audit::{Audit, AuditEvent, AuditKind, LoginFailure, Origin};
use crate::{Clock, IdSource, PortError, PortErrorKind};

/// Times a password change looks again when the stored hash changes under it.
const MODIFY_ROUNDS: usize = 4;

/// Registering and changing accounts.
#[derive(Clone)]
pub struct AccountService {
    /// The accounts.
    pub users: Arc<dyn UserRepository>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Source of user ids.
    pub ids: Arc<dyn IdSource>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where a wrong old password is recorded.
    pub audit: Audit,
    /// Whether only who names the old password may set a new one.
    pub require_old_password: bool,
}

/// A registration.
#[derive(Clone, Debug)]
pub struct RegisterUser {
    /// Under which to log in.
    pub phone: Phone,
    /// Shown name.
    pub name: DisplayName,
    /// Optional address.
    pub email: Option<Email>,
    /// The password, already judged by the policy for new ones.
    pub password: Password,
    /// Optional birth.
    pub birth: Option<Birth>,
}

/// A change the owner asks for. Absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct Modify {
    /// New name.
    pub name: Option<DisplayName>,
    /// New password, already judged by the policy for new ones.
    pub password: Option<Password>,
    /// New birth.
    pub birth: Option<Birth>,
    /// The password that the account should have so far; nothing is changed if it has another.
    pub old_password: Option<Password>,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterOutcome {
    /// The account is there.
    Registered(UserId),
    /// Another account has this phone.
    PhoneTaken,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modified {
    /// At least one field has another value now.
    Changed,
    /// Nothing was asked for, or everything had that value already.
    Unchanged,
    /// The asking session ended while it asked.
    SessionEnded,
    /// The account has another password than the old one that was named.
    WrongOldPassword,
    /// A new password takes the old one, which was not named.
    OldPasswordMissing,
}

/// What became of an operator's password reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetOutcome {
    /// The password is set and all sessions have ended.
    Reset,
    /// No account has this phone.
    UnknownPhone,
}

/// Why a use case of [`AccountService`] has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// An authenticated account has no row.
    #[error("account {0} has vanished")]
    Vanished(UserId),
    /// A port failed.
    #[error("the accounts could not be reached")]
    Port(#[from] PortError),
}

impl AccountService {
    /// Opens an account. Costs one hash, none when the phone is visibly taken.
    ///
    /// # Errors
    /// [`AccountError::Port`].
    pub fn register(&self, request: RegisterUser) -> Result<RegisterOutcome, AccountError> {
        // Saves a hash in the common case; the constraint below decides.
        if self.users.is_registered(&request.phone)? {
            return Ok(RegisterOutcome::PhoneTaken);
        }
        let user = NewUser {
            id: UserId::from_uuid(self.ids.new_id()?),
            phone: request.phone,
            name: request.name,
            email: request.email,
            birth: request.birth,
            password: self.hasher.hash(&request.password)?,
            created_at: self.clock.now(),
        };
        Ok(match self.users.register(&user)? {
            Inserted::Created => RegisterOutcome::Registered(user.id),
            Inserted::PhoneTaken => RegisterOutcome::PhoneTaken,
        })
    }

    /// Whether an account has this phone.
    ///
    /// # Errors
    /// [`AccountError::Port`].
    pub fn is_registered(&self, phone: &Phone) -> Result<bool, AccountError> {
        Ok(self.users.is_registered(phone)?)
    }

    /// What an account is called, which is all that others may know of it. `None`: no such account.
    ///
    /// # Errors
    /// [`AccountError::Port`].
    pub fn find_name(&self, user: UserId) -> Result<Option<DisplayName>, AccountError> {
        Ok(self.users.find_profile(user)?.map(|profile| profile.name))
    }

    /// The caller's own profile.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn profile(&self, actor: &Actor) -> Result<Profile, AccountError> {
        self.users
            .find_profile(actor.user())?
            .ok_or(AccountError::Vanished(actor.user()))
    }

    /// Applies a change, all of it or nothing. A new password ends every other session. Costs no
    /// hash without a password, one when it is the old one, else two; and one more for an old
    /// password that is named.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn modify(
        &self,
        actor: &Actor,
        change: Modify,
        origin: &Origin,
    ) -> Result<Modified, AccountError> {
        let Modify {
            name,
            password,
            birth,
            old_password,
        } = change;
        // Before the new one is compared with anything: whether that is the old one would tell a
        // thief of a token what only the password's owner knows.
        if self.require_old_password && password.is_some() && old_password.is_none() {
            return Ok(Modified::OldPasswordMissing);
        }
        if name.is_none() && password.is_none() && birth.is_none() && old_password.is_none() {
            return Ok(Modified::Unchanged);
        }
        let mut update = AccountUpdate {
            user: actor.user(),
            by: actor.session(),
            name,
            birth,
            password: None,
        };
        for _ in 0..MODIFY_ROUNDS {
            if password.is_some() || old_password.is_some() {
                let seen = self
                    .users
                    .find_password_hash(actor.user())?
                    .ok_or(AccountError::Vanished(actor.user()))?;
                if let Some(old) = &old_password
                    && !self.hasher.verify(old, &seen)?
                {
                    let why = LoginFailure::WrongOldPassword(actor.user());
                    self.audit.login_failed(why, origin);
                    return Ok(Modified::WrongOldPassword);
                }
                update.password = match &password {
                    Some(password) => self.password_change(actor, password, seen, origin)?,
                    None => None,
                };
            }
            match self.users.update(&update)? {
                Updated::Changed => return Ok(Modified::Changed),
                Updated::Unchanged => return Ok(Modified::Unchanged),
                Updated::SessionEnded => return Ok(Modified::SessionEnded),
                Updated::PasswordMoved => {}
            }
        }
        Err(PortError::new(PortErrorKind::Unavailable, "the password keeps changing").into())
    }

    /// The operator's way: sets a password without the old one and ends all sessions.
    ///
    /// # Errors
    /// [`AccountError::Port`].
    pub fn reset_password(
        &self,
        phone: &Phone,
        password: &Password,
    ) -> Result<ResetOutcome, AccountError> {
        let Some(credentials) = self.users.find_credentials(phone)? else {
            return Ok(ResetOutcome::UnknownPhone);
        };
        let hash = self.hasher.hash(password)?;
        let (user, now) = (credentials.user, self.clock.now());
        let detail = "by the operator; all sessions ended";
        let event = AuditEvent::new(
            now,
            AuditKind::PasswordChanged,
            Some(user),
            &Origin::default(),
            detail,
        );
        Ok(if self.users.reset_password(user, &hash, &event)? {
            ResetOutcome::Reset
        } else {
            ResetOutcome::UnknownPhone
        })
    }

    /// The operator's list: at most `limit` profiles behind `after`, in the order of their ids.
    ///
    /// # Errors
    /// [`AccountError::Port`].
    pub fn list(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, AccountError> {
        Ok(self.users.list(after, limit)?)
    }

    /// The change that sets `password`, or `None` if it is the password already.
    fn password_change(
        &self,
        actor: &Actor,
        password: &Password,
        seen: PasswordHash,
        origin: &Origin,
    ) -> Result<Option<PasswordChange>, AccountError> {
        if self.hasher.verify(password, &seen)? {
            return Ok(None);
        }
        let new = self.hasher.hash(password)?;
        let detail = format!("by session {}; the others ended", actor.session());
        let (user, now) = (Some(actor.user()), self.clock.now());
        let event = AuditEvent::new(now, AuditKind::PasswordChanged, user, origin, &detail);
        Ok(Some(PasswordChange { seen, new, event }))
    }
}

#[cfg(test)]
mod tests;

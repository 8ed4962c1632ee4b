use super::{Birth, DisplayName, Email, PasswordHash, Phone, SessionId, UserId};
use crate::audit::AuditEvent;
use crate::{PortError, Timestamp};

/// The accounts, one row each. Every method is one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait UserRepository: Send + Sync {
    /// Stores a new account, durably when it answers [`Inserted::Created`]. Of any number of
    /// simultaneous calls with one phone exactly one creates; a uniqueness constraint decides.
    ///
    /// # Errors
    /// [`PortError`]; nothing is stored then, unless its kind is internal.
    fn register(&self, user: &NewUser) -> Result<Inserted, PortError>;

    /// Whether an account has this phone.
    ///
    /// # Errors
    /// [`PortError`].
    fn is_registered(&self, phone: &Phone) -> Result<bool, PortError>;

    /// What a login needs. `None`: no account has this phone.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_credentials(&self, phone: &Phone) -> Result<Option<Credentials>, PortError>;

    /// The hash of an account's password. `None`: no such account.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_password_hash(&self, user: UserId) -> Result<Option<PasswordHash>, PortError>;

    /// An account's profile. `None`: no such account.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_profile(&self, user: UserId) -> Result<Option<Profile>, PortError>;

    /// Applies all of `update` or nothing. When it changes the password, every session of the
    /// account but `update.by` ends in the same transaction, and the change's event is recorded.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn update(&self, update: &AccountUpdate) -> Result<Updated, PortError>;

    /// Sets a password, ends every session of the account and records the event, all or nothing.
    /// `false`: no such account; nothing was written.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        event: &AuditEvent,
    ) -> Result<bool, PortError>;

    /// At most `limit` profiles in the order of their ids, beginning behind `after`.
    ///
    /// # Errors
    /// [`PortError`].
    fn list(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, PortError>;
}

/// An account to be stored.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Fresh identity.
    pub id: UserId,
    /// Unique over all accounts.
    pub phone: Phone,
    /// Shown name.
    pub name: DisplayName,
    /// Absent when the client gave none.
    pub email: Option<Email>,
    /// Absent when the client gave none.
    pub birth: Option<Birth>,
    /// Hash of the password.
    pub password: PasswordHash,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What became of [`UserRepository::register`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The account is stored.
    Created,
    /// Another account has this phone; nothing was stored.
    PhoneTaken,
}

/// Who a phone belongs to and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub user: UserId,
    /// Hash of its password.
    pub password: PasswordHash,
}

/// What an account's owner may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The account.
    pub user: UserId,
    /// Its phone, canonical.
    pub phone: Phone,
    /// Its name.
    pub name: DisplayName,
    /// Its address, if it gave one.
    pub email: Option<Email>,
    /// Its birth, if it gave one.
    pub birth: Option<Birth>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A change to an account. Absent fields stay.
#[derive(Clone, Debug)]
pub struct AccountUpdate {
    /// The account.
    pub user: UserId,
    /// The session that asks; it must still be there, and it outlives a password change.
    pub by: SessionId,
    /// New name.
    pub name: Option<DisplayName>,
    /// New birth.
    pub birth: Option<Birth>,
    /// New password.
    pub password: Option<PasswordChange>,
}

/// A new password, valid only as long as the old one is the one that was looked at.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The hash against which the caller compared the new password.
    pub seen: PasswordHash,
    /// What takes its place.
    pub new: PasswordHash,
    /// What the audit log says of it.
    pub event: AuditEvent,
}

/// What became of [`UserRepository::update`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// At least one field has another value now.
    Changed,
    /// Every field had that value already; nothing was written.
    Unchanged,
    /// The stored hash is not `seen` any more; nothing was written. Look again.
    PasswordMoved,
    /// The asking session has ended meanwhile; nothing was written.
    SessionEnded,
}

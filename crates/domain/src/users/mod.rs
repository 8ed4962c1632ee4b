//! Accounts, sessions and avatars.

mod account_service;
mod avatar_repository;
mod avatar_service;
mod credentials;
mod profile;
mod repository;
mod session_repository;
mod session_service;

pub use account_service::{
    AccountError, AccountService, Modified, Modify, RegisterOutcome, RegisterUser, ResetOutcome,
};
pub use avatar_repository::AvatarRepository;
pub use avatar_service::{AvatarError, AvatarOutcome, AvatarService, OpenedAvatar, ReplaceOutcome};
pub use credentials::{
    Password, PasswordError, PasswordHash, PasswordHasher, PasswordPolicy, Token, TokenDigest,
    TokenSource,
};
pub use profile::{
    Birth, DisplayName, DisplayNameError, Email, EmailError, Phone, PhoneError, SessionId, UserId,
};
pub use repository::{
    AccountUpdate, Credentials, Inserted, NewUser, PasswordChange, Profile, Updated, UserRepository,
};
pub use session_repository::{
    EndSessions, ExpiryCutoffs, LoginRecorded, NewLogin, OpenSession, Session, SessionRepository,
    SessionsEnded, WhichSessions,
};
pub use session_service::{
    Actor, Identified, LoginOutcome, LogoutOutcome, RevokeOutcome, SessionError, SessionPolicy,
    SessionService,
};

#[cfg(test)]
pub(crate) use avatar_repository::MockAvatarRepository;
#[cfg(test)]
pub(crate) use credentials::{MockPasswordHasher, MockTokenSource};
#[cfg(test)]
pub(crate) use repository::MockUserRepository;
#[cfg(test)]
pub(crate) use session_repository::MockSessionRepository;

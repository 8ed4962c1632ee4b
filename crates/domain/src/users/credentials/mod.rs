//! Secrets: passwords, their hashes, session tokens and their digests.

mod password;
mod token;

pub use password::{Password, PasswordError, PasswordHash, PasswordHasher, PasswordPolicy};
pub use token::{Token, TokenDigest, TokenSource};

#[cfg(test)]
pub(crate) use password::MockPasswordHasher;
#[cfg(test)]
pub(crate) use token::MockTokenSource;

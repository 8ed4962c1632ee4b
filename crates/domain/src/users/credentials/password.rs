use std::fmt;

use crate::PortError;

/// A password as typed: 1 to 16 Unicode scalar values without NUL, neither trimmed nor folded.
///
/// This is what a login may try. What a *new* password must be is [`PasswordPolicy`]'s, so that
/// raising the minimum locks nobody out.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a text is no [`Password`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than allowed.
    #[error("a password is too short")]
    TooShort,
    /// More than 16 characters.
    #[error("a password has at most 16 characters")]
    TooLong,
    /// A NUL, at which bcrypt would stop reading.
    #[error("a password must not hold NUL")]
    Nul,
}

impl Password {
    /// Most characters of a password, the contract's `maxlength`. Sixteen scalar values are at most
    /// 64 bytes, so bcrypt's limit of 72 can never cut one short.
    pub const MAX_CHARS: usize = 16;

    /// Reads a password that somebody tries.
    ///
    /// # Errors
    /// [`PasswordError`] names the first rule broken.
    pub fn parse(raw: &str) -> Result<Self, PasswordError> {
        if raw.contains('\0') {
            return Err(PasswordError::Nul);
        }
        match raw.chars().count() {
            0 => Err(PasswordError::TooShort),
            1..=Self::MAX_CHARS => Ok(Self(raw.to_owned())),
            _ => Err(PasswordError::TooLong),
        }
    }

    /// The secret itself, for the hasher only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a new password must be.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    min_chars: usize,
}

impl PasswordPolicy {
    /// At least `min_chars` characters (6 by default); the most is the contract's 16.
    #[must_use]
    pub const fn new(min_chars: usize) -> Self {
        Self { min_chars }
    }

    /// The fewest characters of a new password.
    #[must_use]
    pub const fn min_chars(self) -> usize {
        self.min_chars
    }

    /// Reads a password that somebody chooses.
    ///
    /// # Errors
    /// [`PasswordError`] names the first rule broken.
    pub fn parse(self, raw: &str) -> Result<Password, PasswordError> {
        let password = Password::parse(raw)?;
        if password.0.chars().count() < self.min_chars {
            return Err(PasswordError::TooShort);
        }
        Ok(password)
    }
}

/// A password's hash in the text form its hasher wrote, salt and cost included.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what a [`PasswordHasher`] made or a repository stored.
    #[must_use]
    pub const fn from_encoded(encoded: String) -> Self {
        Self(encoded)
    }

    /// The encoded form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A slow, salted one-way hash. Every call may take tens of milliseconds of a core.
#[cfg_attr(test, mockall::automock)]
pub trait PasswordHasher: Send + Sync {
    /// Hashes with a fresh salt: two calls with one password answer differently.
    ///
    /// # Errors
    /// [`PortError`] when there is no randomness for the salt.
    fn hash(&self, password: &Password) -> Result<PasswordHash, PortError>;

    /// Whether `hash` was made from exactly this password.
    ///
    /// # Errors
    /// [`PortError`] when `hash` is not in a form this hasher knows.
    fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, PortError>;

    /// Whether `hash` is weaker than what [`hash`](Self::hash) makes today.
    fn needs_rehash(&self, hash: &PasswordHash) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_has_one_to_sixteen_scalar_values() {
        for raw in ["a", "1234567890123456", &"😀".repeat(16), " pass ", "a\tb"] {
            assert_eq!(Password::parse(raw).unwrap().expose(), raw);
        }
        assert_eq!(Password::parse(""), Err(PasswordError::TooShort));
        for raw in ["12345678901234567", &"😀".repeat(17)] {
            assert_eq!(Password::parse(raw), Err(PasswordError::TooLong));
        }
        assert_eq!(Password::parse("pass\0word"), Err(PasswordError::Nul));
    }

    #[test]
    fn a_new_password_has_at_least_the_configured_length() {
        let policy = PasswordPolicy::new(6);
        assert!(policy.parse("123456").is_ok());
        assert_eq!(policy.parse("12345"), Err(PasswordError::TooShort));
        assert!(PasswordPolicy::new(1).parse("1").is_ok());
        assert_eq!(
            policy.parse("12345678901234567"),
            Err(PasswordError::TooLong)
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!(
            "{:?} {:?}",
            Password::parse("hunter22").unwrap(),
            PasswordHash::from_encoded("$2b$10$x".into())
        );
        assert!(!shown.contains("hunter") && !shown.contains("$2b$"));
    }
}

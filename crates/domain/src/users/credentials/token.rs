use std::fmt;

use sha2::{Digest, Sha256};

use crate::PortError;

/// A session's secret, as the client holds it: base64url text of 32 random bytes when the server
/// made it, any text when a client sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a token that the [`TokenSource`] made or a client sent. Every text may be tried:
    /// whether a session stands behind it is for the repository to say.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the client only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The form that may be stored.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// SHA-256 of a token's text: what the database holds, so that a copy of it opens no session.
/// A token has 256 random bits, so a plain hash is enough and an index can find it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// Source of session tokens.
#[cfg_attr(test, mockall::automock)]
pub trait TokenSource: Send + Sync {
    /// A fresh token of at least 256 bits from a cryptographic source.
    ///
    /// # Errors
    /// [`PortError`] when the operating system gives no randomness.
    fn new_token(&self) -> Result<Token, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha256_of_the_text() {
        // FIPS 180-2, appendix B.1: "abc".
        let digest = Token::new("abc").digest();
        assert_eq!(digest.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_ne!(digest, Token::new("abd").digest());
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = Token::new("sesame");
        assert_eq!(
            format!("{token:?} {:?}", token.digest()),
            "Token(…) TokenDigest(…)"
        );
    }
}

//! Time, ids and tokens from the operating system.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kms_domain::users::{Token, TokenSource};
use kms_domain::{Clock, IdSource, PortError, Timestamp};
use uuid::Uuid;

use crate::random::random_bytes;

/// The system's clock, in UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the adapter that the rest of the program asks instead"
    )]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now();
        let millis = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            // A clock that was never set may stand before 1970.
            Err(before) => {
                i64::try_from(before.duration().as_millis()).map_or(i64::MIN, std::ops::Neg::neg)
            }
        };
        Timestamp::from_millis(millis)
    }
}

/// Version 4 UUIDs from the system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the adapter that the rest of the program asks instead"
    )]
    fn new_id(&self) -> Result<Uuid, PortError> {
        Ok(uuid::Builder::from_random_bytes(random_bytes()?).into_uuid())
    }
}

/// Tokens of 32 random bytes in base64url without padding: 43 characters, 256 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomTokens;

impl TokenSource for RandomTokens {
    fn new_token(&self) -> Result<Token, PortError> {
        Ok(Token::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::{Variant, Version};

    use super::*;

    #[test]
    fn the_clock_tells_milliseconds_of_this_century() {
        let now = SystemClock.now().as_millis();
        assert!(now > 1_700_000_000_000, "{now}");
        assert!(now < 4_102_444_800_000, "{now}");
    }

    #[test]
    fn ids_are_version_4_and_never_repeat() {
        let ids: HashSet<_> = (0..1000).map(|_| RandomIds.new_id().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            assert_eq!(id.get_version(), Some(Version::Random));
            assert_eq!(id.get_variant(), Variant::RFC4122);
        }
    }

    #[test]
    fn tokens_are_43_characters_of_base64url_and_never_repeat() {
        let tokens: HashSet<_> = (0..1000)
            .map(|_| RandomTokens.new_token().unwrap().expose().to_owned())
            .collect();
        assert_eq!(tokens.len(), 1000);
        for token in tokens {
            assert_eq!(token.len(), 43);
            assert!(
                token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            );
        }
    }
}

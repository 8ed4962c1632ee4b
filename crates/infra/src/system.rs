//! Time, ids and tokens from the operating system.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// Version 4 UUIDs from the system's randomness, 256 after one another with the same first 32 bits.
///
/// In an index, ids without anything in common come to a page of its own each, and every one of these
/// pages is written, twice. Ids of a run come to one or two pages.
#[derive(Debug, Default)]
pub struct RandomIds {
    /// Four bytes that this run begins with, and four for how many of it are left.
    run: AtomicU64,
}

/// Ids with the same beginning: about as many as a page of an index holds. The more there are, the
/// more one id says about others; and at twice as many, there are two pages again for the next one.
const RUN: u32 = 256;

/// How the ids of a run begin.
type Beginning = [u8; 4];

impl RandomIds {
    /// The beginning of the next id. `fresh` is taken for a new run.
    fn beginning(&self, fresh: Beginning) -> Beginning {
        let next = |run: u64| {
            let (beginning, left) = split(run);
            let next = match left.checked_sub(1) {
                Some(left) => join(beginning, left),
                None => join(fresh, RUN - 1),
            };
            Some(next)
        };
        match self
            .run
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
        {
            Ok(run) if split(run).1 > 0 => split(run).0,
            _ => fresh,
        }
    }
}

fn split(run: u64) -> (Beginning, u32) {
    let [a, b, c, d, left @ ..] = run.to_be_bytes();
    ([a, b, c, d], u32::from_be_bytes(left))
}

fn join(beginning: Beginning, left: u32) -> u64 {
    u64::from(u32::from_be_bytes(beginning)) << 32 | u64::from(left)
}

impl IdSource for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the adapter that the rest of the program asks instead"
    )]
    fn new_id(&self) -> Result<Uuid, PortError> {
        let mut bytes = random_bytes::<16>()?;
        if let Some(beginning) = bytes.first_chunk_mut() {
            *beginning = self.beginning(*beginning);
        }
        Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
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
        let source = RandomIds::default();
        let ids: HashSet<_> = (0..1000).map(|_| source.new_id().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            assert_eq!(id.get_version(), Some(Version::Random));
            assert_eq!(id.get_variant(), Variant::RFC4122);
        }
    }

    #[test]
    fn ids_of_a_run_begin_alike_and_those_of_another_run_do_not() {
        let source = RandomIds::default();
        let runs: Vec<HashSet<_>> = (0..3)
            .map(|_| {
                (0..RUN)
                    .map(|_| source.new_id().unwrap().as_u128() >> 96)
                    .collect()
            })
            .collect();
        assert!(runs.iter().all(|run| run.len() == 1), "{runs:?}");
        assert_eq!(runs.into_iter().flatten().collect::<HashSet<_>>().len(), 3);
    }

    #[test]
    fn runs_of_two_sources_begin_differently() {
        let begin = || RandomIds::default().new_id().unwrap().as_u128() >> 96;
        assert_ne!(begin(), begin());
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

    /// A07, at the size that it names. Not even the first 16 characters are, which are 96 bits; whole texts in a
    /// set of them would take twice as long.
    #[test]
    fn a07_no_two_of_a_million_tokens_are_the_same() {
        let beginning = || {
            let token = RandomTokens.new_token().unwrap();
            u128::from_be_bytes(*token.expose().as_bytes().first_chunk().unwrap())
        };
        let mut beginnings: Vec<u128> = (0..1_000_000).map(|_| beginning()).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        assert_eq!(beginnings.len(), 1_000_000);
    }
}

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use kms_domain::users::{Token, TokenSource};
use kms_domain::{Clock, IdSource, PortError, Timestamp};
use uuid::Uuid;

use crate::builders::NOON;

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows [`NOON`].
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(NOON))
    }

    /// Shows `time` from now on, earlier or later.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_millis(), Ordering::SeqCst);
    }

    /// Goes on by `millis`; back when negative.
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that look random and come again in the same order from the same seed. No two of one source
/// are the same, and neither are those of two sources with different seeds.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    next: AtomicU64,
}

impl SeededIds {
    /// The ids of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            next: AtomicU64::new(0),
        }
    }
}

impl Default for SeededIds {
    fn default() -> Self {
        Self::new(1)
    }
}

impl IdSource for SeededIds {
    fn new_id(&self) -> Result<Uuid, PortError> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let bits =
            (u128::from(draw(self.seed, 2 * n)) << 64) | u128::from(draw(self.seed, 2 * n + 1));
        // Version 4 and variant 10 of RFC 9562.
        let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        Ok(Uuid::from_u128(bits))
    }
}

/// Tokens in the form of real ones that come again in the same order from the same seed.
#[derive(Debug)]
pub struct SeededTokens {
    seed: u64,
    next: AtomicU64,
}

impl SeededTokens {
    /// The tokens of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            next: AtomicU64::new(0),
        }
    }
}

impl Default for SeededTokens {
    fn default() -> Self {
        Self::new(1)
    }
}

impl TokenSource for SeededTokens {
    fn new_token(&self) -> Result<Token, PortError> {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        // 42 characters of six bits, ten to a draw, and one of four.
        let mut text: String = (0..42)
            .map(|i| draw(self.seed, 8 * n + i / 10) >> (6 * (i % 10)) & 63)
            .map(|bits| char::from(ALPHABET[bits as usize]))
            .collect();
        let last = (draw(self.seed, 8 * n + 5) & 15) << 2;
        text.push(char::from(ALPHABET[last as usize]));
        Ok(Token::new(text))
    }
}

/// The n-th number of a seed, as SplitMix64 mixes it: each number comes once in a period of 2^64.
const fn draw(seed: u64, n: u64) -> u64 {
    let step = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = seed.wrapping_mul(0xd1b5_4a32_d192_ed03).wrapping_add(step);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

//! Numbers of chance, and the pauses that they choose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kms_testkit::pauses::Pauses;

/// The longest pause: whoever waits for steps may be the only one who takes any.
const LONGEST: Duration = Duration::from_millis(4);

/// SplitMix64: short, and no two seeds share a sequence.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Less than `bound`.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }

    pub(crate) const fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Pauses that end when others have taken some steps: that many of them come between, however fast the
/// machine is. Over when `is_over`.
pub(crate) fn pauses(seed: u64, is_over: &Arc<AtomicBool>) -> Pauses {
    let steps = AtomicU64::new(0);
    let is_over = Arc::clone(is_over);
    Pauses::new(move || {
        let now = steps.fetch_add(1, Ordering::Relaxed);
        let mut chance = Chance::new(seed ^ now.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let wanted = match chance.below(16) {
            0..9 => return,
            9..12 => return thread::yield_now(),
            12..15 => 1 + chance.below(6),
            _ => 10 + chance.below(60),
        };
        let end = Instant::now() + LONGEST;
        while steps.load(Ordering::Relaxed) < now + 1 + wanted
            && Instant::now() < end
            && !is_over.load(Ordering::Relaxed)
        {
            thread::park_timeout(Duration::from_micros(50));
        }
    })
}

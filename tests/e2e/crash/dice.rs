//! Chance that can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// Numbers that look random and follow from the seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice whose seed is in the environment or of this moment, and is printed: a failure can be
    /// tried again, though not the timing of it.
    #[allow(
        clippy::disallowed_methods,
        reason = "no result depends on what the time is"
    )]
    pub(crate) fn announced(what: &str, variable: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = super::chosen(variable, now.as_micros() as u64 % 1_000_000_000);
        eprintln!("{what}: {variable}={seed}");
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// An index below `end`.
    pub(crate) const fn index(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }

    /// Some of `all`, as many as are `wanted`; 0 stands for all of them.
    pub(crate) fn choose<T>(&mut self, mut all: Vec<T>, wanted: u64) -> Vec<T> {
        let found = all.len();
        let wanted = match wanted {
            0 => found,
            some => found.min(some as usize),
        };
        for at in 0..wanted {
            let other = at + self.index(found - at);
            all.swap(at, other);
        }
        all.truncate(wanted);
        all
    }

    /// True once in `times`.
    pub(crate) const fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Other dice that follow from these.
    pub(crate) const fn fork(&mut self) -> Self {
        Self(self.roll())
    }
}

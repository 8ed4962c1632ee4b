//! What a run can be told, and defaults that need no telling.

use std::time::Duration;

use crate::payload::BLOCK;
use crate::server;

/// Most bytes of a file that the servers of a run accept, as it is written for them.
pub(crate) const MAX_FILE: &str = "8GiB";

/// How large and how often.
pub(crate) struct Settings {
    /// Rounds that count.
    pub(crate) rounds: usize,
    /// Bytes of a large file.
    pub(crate) size: u64,
    /// One round of small files.
    pub(crate) time: Duration,
}

impl Settings {
    pub(crate) fn read() -> Self {
        let size = server::variable("KMS_BENCH_SIZE").unwrap_or_else(|| "1GiB".to_owned());
        let settings = Self {
            rounds: server::setting("KMS_BENCH_ROUNDS", 5),
            size: bytes(&size).unwrap_or_else(|| panic!("KMS_BENCH_SIZE is no size: {size}")),
            time: Duration::from_secs(server::setting("KMS_BENCH_SECONDS", 2) as u64),
        };
        let allowed = BLOCK as u64..=bytes(MAX_FILE).unwrap();
        assert!(settings.rounds > 0, "KMS_BENCH_ROUNDS must be 1 or more");
        assert!(
            allowed.contains(&settings.size),
            "KMS_BENCH_SIZE must be from {BLOCK} bytes to {MAX_FILE}"
        );
        settings
    }

    /// The size as it was meant.
    pub(crate) fn shown_size(&self) -> String {
        format!("{} MiB", self.size >> 20)
    }
}

/// A number of bytes, with `KiB`, `MiB` or `GiB` behind it if it is one of those.
fn bytes(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (number, shift) = units
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
        .unwrap_or((text, 0));
    number.trim().parse::<u64>().ok()?.checked_shl(shift)
}

use super::table::Entry;

/// What is owed, in microseconds until it is paid by time alone.
///
/// A token of a bucket that refills with one each `d` microseconds is a debt of `d`: no rounding, however
/// often it is looked at, and no timer. A clock that is put back pays nothing and costs nothing: the debt
/// goes on from the new time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debt {
    micros: u64,
    at: i64,
}

impl Debt {
    /// What is left of it at `now`.
    pub(super) fn left(&self, now: i64) -> u64 {
        self.micros.saturating_sub(paid(self.at, now))
    }

    /// What it was when it was last changed.
    pub(super) const fn when_changed(&self) -> u64 {
        self.micros
    }

    /// Milliseconds since it was last changed; a clock that was put back begins them anew.
    pub(super) fn millis_since(&mut self, now: i64) -> u64 {
        self.at = self.at.min(now);
        u64::try_from(now.saturating_sub(self.at)).unwrap_or(0)
    }

    /// Adds to it, up to `most`.
    pub(super) fn add(&mut self, micros: u64, most: u64, now: i64) {
        self.micros = self.left(now).saturating_add(micros).min(most);
        self.at = now;
    }

    /// Takes from it what was added for nothing.
    pub(super) fn give_back(&mut self, micros: u64, now: i64) {
        self.micros = self.left(now).saturating_sub(micros);
        self.at = now;
    }
}

impl Entry for Debt {
    fn left(&self, now: i64) -> u64 {
        Self::left(self, now)
    }
}

/// Microseconds from `then` to `now`, none if that is earlier.
fn paid(then: i64, now: i64) -> u64 {
    u64::try_from(now.saturating_sub(then))
        .unwrap_or(0)
        .saturating_mul(1000)
}

use super::debt::Debt;
use super::policy::LoginThrottle;
use super::table::Entry;

/// How long who asks while as many as possible are asking may wait: longer than a password takes.
const IN_FLIGHT_MILLIS: u64 = 1000;

/// What is remembered of one account and one network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair {
    /// The wrong logins.
    debt: Debt,
    /// How long the last of them makes the next login wait.
    wait_millis: u64,
    /// Logins whose password is being verified.
    pending: u32,
}

impl Pair {
    /// How long wrong logins make the next one wait from now; 0: not at all.
    pub(super) fn wait_left(&mut self, now: i64) -> u64 {
        let waited = self.debt.millis_since(now);
        self.wait_millis.saturating_sub(waited)
    }

    /// The same for a login whose password would be verified now, beside those that are.
    pub(super) fn wait(&mut self, policy: &LoginThrottle, free: u32, now: i64) -> u64 {
        let left = self.wait_left(now);
        if left > 0 {
            return left;
        }
        let failures = policy.failures(self.debt.left(now));
        // Until waits begin, as many at once as may still fail; then one by one.
        let most = match (u64::from(free) + 1).checked_sub(failures) {
            None | Some(0) => 1,
            Some(allowed) => allowed.max(u64::from(policy.at_once)),
        };
        if u64::from(self.pending) >= most {
            IN_FLIGHT_MILLIS
        } else {
            0
        }
    }

    pub(super) fn begin(&mut self) {
        self.pending = self.pending.saturating_add(1);
    }

    /// One that was begun has come to nothing.
    pub(super) fn cancel(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    pub(super) fn fail(&mut self, policy: &LoginThrottle, free: u32, now: i64) {
        self.cancel();
        self.debt
            .add(policy.one_micros(), policy.most_micros(), now);
        let failures = policy.failures(self.debt.when_changed());
        self.wait_millis = policy.wait_millis(failures, free);
    }

    pub(super) fn succeed(&mut self) {
        *self = Self {
            pending: self.pending.saturating_sub(1),
            ..Self::default()
        };
    }
}

impl Entry for Pair {
    fn left(&self, now: i64) -> u64 {
        if self.pending > 0 {
            return u64::MAX;
        }
        // A wait counts even where the operator has wrong logins forgotten sooner.
        let mut copy = *self;
        let wait = copy.wait_left(now).saturating_mul(1000);
        self.debt.left(now).max(wait)
    }
}

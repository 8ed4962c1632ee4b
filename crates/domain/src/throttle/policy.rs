use super::Throttled;
use super::debt::Debt;

/// How much is admitted.
#[derive(Clone, Copy, Debug)]
pub struct ThrottlePolicy {
    /// Wrong logins.
    pub logins: LoginThrottle,
    /// Questions about accounts, per network.
    pub questions: Bucket,
    /// Requests of any kind, per network; `None`: any number.
    pub requests: Option<Bucket>,
}

/// What wrong logins cost.
#[derive(Clone, Copy, Debug)]
pub struct LoginThrottle {
    /// Wrong logins of one account from one network that cost no waiting.
    pub free: u32,
    /// The wait after one more, which each further one doubles.
    pub first_wait_millis: u64,
    /// The longest wait.
    pub longest_wait_millis: u64,
    /// How long it takes until one wrong login is forgotten.
    pub forget_millis: u64,
    /// Wrong logins of one account a day, from everywhere, after which none is free; 0: any number.
    pub a_day: u32,
    /// Passwords that are verified at once at most, whoever asks. So many logins of one account may run
    /// together until waits begin, so that right ones are not refused; from then on, one.
    pub at_once: u32,
}

const DAY_MICROS: u64 = 24 * 60 * 60 * 1_000_000;

impl LoginThrottle {
    /// The wait after the wrong login that made `failures` of them.
    pub(super) fn wait_millis(&self, failures: u64, free: u32) -> u64 {
        match failures.checked_sub(u64::from(free)) {
            None | Some(0) => 0,
            Some(beyond) => 2_u64
                .saturating_pow(u32::try_from(beyond - 1).unwrap_or(u32::MAX))
                .saturating_mul(self.first_wait_millis)
                .min(self.longest_wait_millis),
        }
    }

    /// What one wrong login owes.
    pub(super) const fn one_micros(&self) -> u64 {
        let micros = self.forget_millis.saturating_mul(1000);
        if micros == 0 { 1 } else { micros }
    }

    /// How many wrong logins a debt stands for; one counts in full until it is forgotten.
    pub(super) const fn failures(&self, micros: u64) -> u64 {
        micros.div_ceil(self.one_micros())
    }

    /// More than this is not remembered: with it, the wait is the longest already, and whatever
    /// happened it is forgotten in bounded time.
    pub(super) fn most_micros(&self) -> u64 {
        let doublings = self
            .longest_wait_millis
            .div_ceil(self.first_wait_millis.max(1))
            .max(1)
            .ilog2();
        // One for the first wait, one for what the logarithm rounded down.
        let most = u64::from(self.free) + u64::from(doublings) + 2;
        most.saturating_mul(self.one_micros())
    }

    /// What one wrong login adds to the account, and the most that is remembered of that: two days.
    pub(super) fn account_micros(&self) -> Option<(u64, u64)> {
        let one = DAY_MICROS.checked_div(u64::from(self.a_day))?.max(1);
        Some((one, DAY_MICROS * 2))
    }

    /// Whether an account that owes `micros` has had too many wrong logins.
    pub(super) const fn is_under_attack(&self, micros: u64) -> bool {
        self.a_day > 0 && micros > DAY_MICROS
    }
}

/// A bucket of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Tokens in a full one; at least 1.
    pub burst: u32,
    /// Microseconds until one more comes; at least 1.
    pub refill_micros: u64,
}

impl Bucket {
    /// What the owner of an empty bucket owes.
    pub(super) fn most_micros(&self) -> u64 {
        u64::from(self.burst.max(1)).saturating_mul(self.one_micros())
    }

    /// What one token is.
    pub(super) const fn one_micros(&self) -> u64 {
        if self.refill_micros == 0 {
            1
        } else {
            self.refill_micros
        }
    }

    /// Takes a token.
    pub(super) fn charge(&self, debt: &mut Debt, now: i64) -> Result<(), Throttled> {
        let most = self.most_micros();
        let wanted = debt.left(now).saturating_add(self.one_micros());
        // Charging nothing keeps the time in step with a clock that was put back.
        debt.add(0, most, now);
        match wanted.checked_sub(most) {
            None | Some(0) => {
                debt.add(self.one_micros(), most, now);
                Ok(())
            }
            Some(over) => Err(Throttled::for_micros(over)),
        }
    }
}

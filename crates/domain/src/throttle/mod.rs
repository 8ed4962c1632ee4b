//! Throttles: who asks too much waits, and nobody else does.
//!
//! Three of them, from the narrow to the wide:
//!
//! - **Wrong passwords, per account and network.** After some that are free, each makes the next login of
//!   this account from this network wait longer, up to a longest wait. Who comes from another network is
//!   not concerned, so nobody can lock out an owner. A success forgives all; time forgives one by one.
//!   Above a number of wrong logins a day from everywhere, no network has free ones for this account
//!   any more; but the first login from a network never waits. The old password that a change names is
//!   verified under the same waits: else whoever holds a token could guess there.
//! - **Questions about accounts, per network.** The contract demands that testing a phone, registering and
//!   logging in tell whether there is an account. Every answer that tells costs a token of a bucket.
//!   What was just told to a network may be told again for nothing, and what succeeded costs nothing.
//! - **Requests of any kind, per network**, if the operator wants it.
//!
//! What is asked for is charged before any work is done for it and given back afterwards, so that
//! requests at once cannot slip through together. All state is in tables of a fixed size, which are
//! forgotten when the process ends; `table.rs` says what is forgotten when they are full.
//!
//! **What is absent.** Nothing here knows addresses of proxies, headers or codes' wire forms, and nothing
//! sleeps: who has to wait is refused and told how long.

mod attempt;
mod debt;
mod network;
mod pair;
mod password;
mod policy;
mod question;
mod table;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::Clock;
use crate::users::Phone;

pub use attempt::LoginAttempt;
pub use network::Network;
pub use password::PasswordAttempt;
pub use policy::{Bucket, LoginThrottle, ThrottlePolicy};
pub use question::Question;

use debt::Debt;
use pair::Pair;
use question::Asker;
use table::{Room, Table};

/// A refusal, and how long it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: the next one may come in {millis} ms")]
pub struct Throttled {
    millis: u64,
}

impl Throttled {
    fn for_micros(micros: u64) -> Self {
        Self::for_millis(micros.div_ceil(1000))
    }

    fn for_millis(millis: u64) -> Self {
        Self {
            millis: millis.max(1),
        }
    }

    /// Whole seconds after which the same request is admitted if nothing else was asked meanwhile;
    /// at least 1.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> u64 {
        self.millis.div_ceil(1000)
    }
}

/// All throttles of a server. A clone shares their state.
#[derive(Clone)]
pub struct Throttles(Option<Arc<State>>);

struct State {
    policy: ThrottlePolicy,
    clock: Arc<dyn Clock>,
    /// What the keys of the tables begin with. Who does not know it cannot choose networks or phones
    /// that share a place in a table.
    seed: u128,
    pairs: Table<Pair>,
    accounts: Table<Debt>,
    askers: Table<Asker>,
    requests: Table<Debt>,
}

impl Throttles {
    /// Throttles with nothing to remember yet. `seed` must be random and kept to this process.
    #[must_use]
    pub fn new(policy: ThrottlePolicy, clock: Arc<dyn Clock>, seed: u128) -> Self {
        Self(Some(Arc::new(State {
            policy,
            clock,
            seed,
            pairs: Table::new(),
            accounts: Table::new(),
            askers: Table::new(),
            requests: Table::new(),
        })))
    }

    /// Throttles that admit everything.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether [`Self::admit`] may ever refuse: who has to find out the network first may spare it.
    #[must_use]
    pub fn counts_requests(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|state| state.policy.requests.is_some())
    }

    /// Charges a request of any kind.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn admit(&self, network: Network) -> Result<(), Throttled> {
        let Some(state) = &self.0 else {
            return Ok(());
        };
        let Some(bucket) = state.policy.requests else {
            return Ok(());
        };
        let now = state.now();
        let charged = state
            .requests
            .with(state.key(&network), now, Room::Make, |debt| {
                bucket.charge(debt, now)
            });
        charged.unwrap_or(Ok(()))
    }

    /// Charges a question about an account, before it is read. What is answered decides whether the
    /// charge stays; a [`Question`] that is dropped gives it back.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn ask(&self, network: Network) -> Result<Question, Throttled> {
        match &self.0 {
            Some(state) => Question::begin(Arc::clone(state), network),
            None => Ok(Question::unthrottled()),
        }
    }
}

impl State {
    fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    fn key(&self, of: &impl Hash) -> u64 {
        // SipHash of a secret beginning: its state after the seed is unknown to others.
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        of.hash(&mut hasher);
        hasher.finish()
    }

    fn phone_key(&self, phone: &Phone) -> u64 {
        self.key(phone)
    }
}

#[cfg(test)]
mod tests;

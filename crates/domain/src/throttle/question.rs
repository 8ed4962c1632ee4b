use std::sync::Arc;

use super::attempt::LoginAttempt;
use super::debt::Debt;
use super::password::PasswordAttempt;
use super::table::{Entry, Room};
use super::{Network, State, Throttled};
use crate::users::{Phone, RegisterOutcome};

/// Phones that a network may ask about over and over for one token each. An application that asks at every
/// key, a retry and a test that takes turns between some phones find out nothing new.
const TOLD: usize = 8;

/// What is remembered of a network that asks about accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asker {
    debt: Debt,
    /// Parts of the keys of the phones it was told about last, and which of them is the oldest.
    told: [u32; TOLD],
    oldest: u8,
}

impl Asker {
    /// Whether it was told about this phone just now; else that is noted.
    fn was_told(&mut self, phone: u64) -> bool {
        // The low half chooses places in tables; the high half is as good.
        let mark = u32::try_from(phone >> 32).unwrap_or_default() | 1;
        if self.told.contains(&mark) {
            return true;
        }
        if let Some(place) = self.told.get_mut(usize::from(self.oldest) % TOLD) {
            *place = mark;
        }
        self.oldest = self.oldest.wrapping_add(1);
        false
    }
}

impl Entry for Asker {
    fn left(&self, now: i64) -> u64 {
        self.debt.left(now)
    }
}

/// A question about an account that has been charged. Dropped without [`Self::told`], it has told nothing, and
/// the charge is given back.
#[must_use]
pub struct Question {
    charged: Option<(Arc<State>, Network)>,
}

impl Question {
    pub(super) const fn unthrottled() -> Self {
        Self { charged: None }
    }

    pub(super) fn begin(state: Arc<State>, network: Network) -> Result<Self, Throttled> {
        let now = state.now();
        let bucket = state.policy.questions;
        state
            .askers
            .with(state.key(&network), now, Room::Make, |asker| {
                bucket.charge(&mut asker.debt, now)
            })
            .unwrap_or(Ok(()))?;
        Ok(Self {
            charged: Some((state, network)),
        })
    }

    /// The answer tells whether there is an account with this phone. The charge stays, unless the same
    /// network was told about the same phone just before.
    pub fn told(mut self, phone: &Phone) {
        let Some((state, network)) = self.charged.take() else {
            return;
        };
        let now = state.now();
        let (key, phone) = (state.key(&network), state.phone_key(phone));
        let one = state.policy.questions.one_micros();
        // Forgotten meanwhile, there is nothing to give back.
        state.askers.with(key, now, Room::None, |asker| {
            if asker.was_told(phone) {
                asker.debt.give_back(one, now);
            }
        });
    }

    /// The answer was that of a registration. One that opens an account tells nothing about another.
    pub fn told_by_registering(self, phone: &Phone, outcome: &RegisterOutcome) {
        match outcome {
            RegisterOutcome::Registered(_) => drop(self),
            RegisterOutcome::PhoneTaken => self.told(phone),
        }
    }

    /// Whether [`Self::log_in`] would refuse because of wrong logins, before anything is queued for it.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn check(&self, phone: &Phone) -> Result<(), Throttled> {
        match &self.charged {
            Some((state, network)) => state.check_password(phone, *network),
            None => Ok(()),
        }
    }

    /// Goes on to verify a password. To be called right before, because from here on others may be
    /// refused; refused itself, it gives the charge back.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn log_in(self, phone: &Phone) -> Result<LoginAttempt, Throttled> {
        let place = match &self.charged {
            Some((state, network)) => Some((Arc::clone(state), *network)),
            None => None,
        };
        let password = PasswordAttempt::begin(place, phone)?;
        Ok(LoginAttempt::new(self, password))
    }

    /// The charge stays, whatever was told before.
    pub(super) fn keep(mut self) {
        self.charged = None;
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some((state, network)) = self.charged.take() {
            let now = state.now();
            let one = state.policy.questions.one_micros();
            let key = state.key(&network);
            state.askers.with(key, now, Room::None, |asker| {
                asker.debt.give_back(one, now);
            });
        }
    }
}

use std::sync::Arc;

use super::pair::Pair;
use super::table::Room;
use super::{Network, State, Throttled, Throttles};
use crate::users::{Modified, Phone};

impl Throttles {
    /// Whether [`Self::verify_password`] would refuse because of wrong passwords, before anything is
    /// queued for it.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn check_password(&self, phone: &Phone, network: Network) -> Result<(), Throttled> {
        match &self.0 {
            Some(state) => state.check_password(phone, network),
            None => Ok(()),
        }
    }

    /// Takes a place for verifying a password of the account with this phone, whatever it is verified for. To
    /// be called right before, because from here on others may be refused.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn verify_password(
        &self,
        phone: &Phone,
        network: Network,
    ) -> Result<PasswordAttempt, Throttled> {
        let place = match &self.0 {
            Some(state) => Some((Arc::clone(state), network)),
            None => None,
        };
        PasswordAttempt::begin(place, phone)
    }
}

impl State {
    /// How many wrong passwords of `phone` are free now in each network.
    fn free(&self, phone: &Phone, now: i64) -> u32 {
        let logins = &self.policy.logins;
        let attacked = self
            .accounts
            .with(self.phone_key(phone), now, Room::None, |debt| {
                logins.is_under_attack(debt.left(now))
            });
        if attacked == Some(true) {
            0
        } else {
            logins.free
        }
    }

    pub(super) fn check_password(&self, phone: &Phone, network: Network) -> Result<(), Throttled> {
        let now = self.now();
        let wait = self.with_pair(phone, network, now, Room::None, |pair| pair.wait_left(now));
        admitted(wait.unwrap_or(0))
    }

    fn with_pair<R>(
        &self,
        phone: &Phone,
        network: Network,
        now: i64,
        room: Room,
        work: impl FnOnce(&mut Pair) -> R,
    ) -> Option<R> {
        let key = self.key(&(phone, network));
        self.pairs.with(key, now, room, work)
    }

    fn count_for_account(&self, phone: &Phone, now: i64) {
        if let Some((one, most)) = self.policy.logins.account_micros() {
            let key = self.phone_key(phone);
            self.accounts
                .with(key, now, Room::Make, |debt| debt.add(one, most, now));
        }
    }
}

fn admitted(wait_millis: u64) -> Result<(), Throttled> {
    match wait_millis {
        0 => Ok(()),
        millis => Err(Throttled::for_millis(millis)),
    }
}

/// A password that is being verified. Dropped without having been settled, it proves nothing either way, and
/// its place is given back.
#[must_use]
pub struct PasswordAttempt {
    place: Option<(Arc<State>, Network)>,
    phone: Phone,
}

impl PasswordAttempt {
    pub(super) fn begin(
        place: Option<(Arc<State>, Network)>,
        phone: &Phone,
    ) -> Result<Self, Throttled> {
        if let Some((state, network)) = &place {
            let now = state.now();
            let free = state.free(phone, now);
            // One that may yet be right makes nobody forgotten: where there is no free place it
            // is admitted without one, and as many as that run at once are bounded elsewhere.
            let wait = state.with_pair(phone, *network, now, Room::IfFree, |pair| {
                let wait = pair.wait(&state.policy.logins, free, now);
                if wait == 0 {
                    pair.begin();
                }
                wait
            });
            admitted(wait.unwrap_or(0))?;
        }
        Ok(Self {
            place,
            phone: phone.clone(),
        })
    }

    pub(super) fn phone(&self) -> &Phone {
        &self.phone
    }

    /// It was the account's.
    pub(super) fn right(mut self) {
        if let Some((state, network)) = self.place.take() {
            let now = state.now();
            state.with_pair(&self.phone, network, now, Room::None, Pair::succeed);
        }
    }

    /// It was not.
    pub(super) fn wrong(mut self) {
        let Some((state, network)) = self.place.take() else {
            return;
        };
        let phone = &self.phone;
        let now = state.now();
        state.count_for_account(phone, now);
        let free = state.free(phone, now);
        state.with_pair(phone, network, now, Room::Make, |pair| {
            pair.fail(&state.policy.logins, free, now);
        });
    }

    /// What came of a change that named it as the old password.
    pub fn settle(self, outcome: &Modified) {
        match outcome {
            Modified::Changed | Modified::Unchanged => self.right(),
            Modified::WrongOldPassword => self.wrong(),
            // Who has no session any more is told nothing about the password.
            Modified::SessionEnded | Modified::OldPasswordMissing => drop(self),
        }
    }
}

impl Drop for PasswordAttempt {
    fn drop(&mut self) {
        if let Some((state, network)) = self.place.take() {
            let now = state.now();
            state.with_pair(&self.phone, network, now, Room::None, Pair::cancel);
        }
    }
}

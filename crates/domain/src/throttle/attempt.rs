use std::sync::Arc;

use super::pair::Pair;
use super::question::Question;
use super::table::Room;
use super::{Network, State, Throttled};
use crate::users::{LoginOutcome, Phone};

impl State {
    /// How many wrong logins of `phone` are free now in each network.
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

    pub(super) fn check_login(&self, phone: &Phone, network: Network) -> Result<(), Throttled> {
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
}

fn admitted(wait_millis: u64) -> Result<(), Throttled> {
    match wait_millis {
        0 => Ok(()),
        millis => Err(Throttled::for_millis(millis)),
    }
}

/// A login on its way. Dropped without [`Self::settle`], it proves nothing either way, and everything
/// that was charged for it is given back.
#[must_use]
pub struct LoginAttempt {
    question: Option<Question>,
    place: Option<(Arc<State>, Network)>,
    phone: Phone,
}

impl LoginAttempt {
    pub(super) fn begin(
        question: Question,
        place: Option<(Arc<State>, Network)>,
        phone: &Phone,
    ) -> Result<Self, Throttled> {
        if let Some((state, network)) = &place {
            let now = state.now();
            let free = state.free(phone, now);
            // A login that may yet succeed makes nobody forgotten: where there is no free place it
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
            question: Some(question),
            place,
            phone: phone.clone(),
        })
    }

    /// What came of it. A phone that nobody has is no account to be guarded: it costs the network, not
    /// the pair.
    pub fn settle(mut self, outcome: &LoginOutcome) {
        let (Some(question), Some((state, network))) = (self.question.take(), self.place.take())
        else {
            return;
        };
        let phone = &self.phone;
        let now = state.now();
        match outcome {
            LoginOutcome::LoggedIn { .. } => {
                state.with_pair(phone, network, now, Room::None, Pair::succeed);
                drop(question);
            }
            LoginOutcome::UnknownPhone => {
                state.with_pair(phone, network, now, Room::None, Pair::cancel);
                question.told(phone);
            }
            LoginOutcome::WrongPassword => {
                state.count_for_account(phone, now);
                let free = state.free(phone, now);
                state.with_pair(phone, network, now, Room::Make, |pair| {
                    pair.fail(&state.policy.logins, free, now);
                });
                question.keep();
            }
        }
    }
}

impl State {
    fn count_for_account(&self, phone: &Phone, now: i64) {
        if let Some((one, most)) = self.policy.logins.account_micros() {
            let key = self.phone_key(phone);
            self.accounts
                .with(key, now, Room::Make, |debt| debt.add(one, most, now));
        }
    }
}

impl Drop for LoginAttempt {
    fn drop(&mut self) {
        if let Some((state, network)) = self.place.take() {
            let now = state.now();
            state.with_pair(&self.phone, network, now, Room::None, Pair::cancel);
        }
    }
}

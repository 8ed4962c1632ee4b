//! Logins are in `logins`, old passwords in `old_passwords`, questions and requests in `buckets`, the table in `places`.

mod buckets;
mod logins;
mod old_passwords;
mod places;

use core::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::Timestamp;
use crate::codes::{Code, Coded as _};
use crate::users::{LoginOutcome, Modified, Token};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// Small numbers: three wrong logins are free, then 1, 2, 4, 8 s.
const POLICY: ThrottlePolicy = ThrottlePolicy {
    logins: LoginThrottle {
        free: 3,
        first_wait_millis: 1000,
        longest_wait_millis: 8000,
        forget_millis: 60_000,
        a_day: 20,
        at_once: 2,
    },
    questions: Bucket {
        burst: 10,
        refill_micros: 2_500_000,
    },
    requests: Some(Bucket {
        burst: 5,
        refill_micros: 1500,
    }),
};

/// A clock that is moved by hand.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

struct World {
    throttles: Throttles,
    clock: Arc<Hand>,
}

impl World {
    fn new() -> Self {
        Self::with(POLICY)
    }

    fn with(policy: ThrottlePolicy) -> Self {
        let clock = Arc::new(Hand(AtomicI64::new(1_700_000_000_000)));
        Self {
            throttles: Throttles::new(policy, clock.clone(), 0x5eed),
            clock,
        }
    }

    /// One that has tokens enough for every question.
    fn without_bucket() -> Self {
        Self::with(ThrottlePolicy {
            questions: Bucket {
                burst: 1_000_000,
                refill_micros: 1,
            },
            ..POLICY
        })
    }

    fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// A whole login, which may be refused.
    fn log_in(
        &self,
        from: Network,
        phone: &Phone,
        outcome: &LoginOutcome,
    ) -> Result<(), Throttled> {
        let question = self.throttles.ask(from)?;
        let checked = question.check(phone);
        let attempt = question.log_in(phone);
        assert_eq!(checked.is_ok(), attempt.is_ok());
        attempt?.settle(outcome);
        Ok(())
    }

    fn state(&self) -> &State {
        self.throttles.0.as_ref().unwrap()
    }
}

fn network(number: u32) -> Network {
    Network::of_v4(Ipv4Addr::from(number))
}

fn phone(number: u64) -> Phone {
    Phone::parse(&format!("{}", 13_000_000_000 + number)).unwrap()
}

fn success() -> LoginOutcome {
    LoginOutcome::LoggedIn {
        token: Token::new("token"),
        first_time: false,
    }
}

fn seconds(refused: Result<impl Sized, Throttled>) -> u64 {
    refused.map_or_else(|throttled| throttled.retry_after_seconds(), |_| 0)
}

#[test]
fn switched_off_everything_is_admitted() {
    let off = Throttles::off();
    assert!(!off.counts_requests());
    for _ in 0..100 {
        off.admit(network(1)).unwrap();
        let question = off.ask(network(1)).unwrap();
        question.check(&phone(1)).unwrap();
        let attempt = question.log_in(&phone(1)).unwrap();
        attempt.settle(&LoginOutcome::WrongPassword);
        off.ask(network(1)).unwrap().told(&phone(1));
        off.check_password(&phone(1), network(1)).unwrap();
        let attempt = off.verify_password(&phone(1), network(1)).unwrap();
        attempt.settle(&Modified::WrongOldPassword);
    }
}

#[test]
fn seconds_are_rounded_up_and_never_none() {
    for (micros, seconds) in [
        (1, 1),
        (999_999, 1),
        (1_000_000, 1),
        (1_000_001, 2),
        (60_000_000, 60),
    ] {
        let throttled = Throttled::for_micros(micros);
        assert_eq!(throttled.retry_after_seconds(), seconds, "{micros}");
    }
    assert_eq!(Throttled::for_millis(0).retry_after_seconds(), 1);
    assert_eq!(Throttled::for_millis(1).code(), Code::Throttled);
}

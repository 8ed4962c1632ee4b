//! Questions and requests of one network.

use proptest::prelude::*;

use super::*;
use crate::users::{RegisterOutcome, UserId};

fn told(world: &World, about: u64) -> Result<(), Throttled> {
    world.throttles.ask(network(1))?.told(&phone(about));
    Ok(())
}

#[test]
fn a_network_gets_so_many_answers_and_then_one_each_interval() {
    let world = World::new();
    for about in 0..10 {
        told(&world, about).unwrap();
    }
    assert_eq!(seconds(told(&world, 10)), 3, "2.5 s, rounded up");
    world.throttles.ask(network(2)).unwrap().told(&phone(10));
    world.pass(2499);
    assert_eq!(seconds(told(&world, 10)), 1);
    world.pass(1);
    told(&world, 10).unwrap();
    assert_eq!(seconds(told(&world, 11)), 3);
}

#[test]
fn what_was_just_told_is_told_again_for_nothing() {
    let world = World::new();
    for round in 0..1000 {
        told(&world, round % 8).unwrap();
    }
    // Eight are paid for and two are left: two new ones, of which each makes an old one forgotten.
    told(&world, 8).unwrap();
    told(&world, 9).unwrap();
    assert!(told(&world, 10).is_err());
}

#[test]
fn a_question_that_told_nothing_is_given_back() {
    let world = World::new();
    for _ in 0..100 {
        drop(world.throttles.ask(network(1)).unwrap());
        world.log_in(network(1), &phone(1), &success()).unwrap();
        let registered = RegisterOutcome::Registered(UserId::from_uuid(uuid::Uuid::nil()));
        let question = world.throttles.ask(network(1)).unwrap();
        question.told_by_registering(&phone(2), &registered);
    }
    for about in 0..10 {
        told(&world, about).unwrap();
    }
}

#[test]
fn every_way_to_learn_of_an_account_takes_from_one_bucket() {
    let world = World::new();
    for about in 0..3 {
        told(&world, about).unwrap();
        let question = world.throttles.ask(network(1)).unwrap();
        question.told_by_registering(&phone(10 + about), &RegisterOutcome::PhoneTaken);
        let outcome = LoginOutcome::UnknownPhone;
        let unknown = phone(20 + about);
        world.log_in(network(1), &unknown, &outcome).unwrap();
    }
    let outcome = LoginOutcome::WrongPassword;
    world.log_in(network(1), &phone(30), &outcome).unwrap();
    assert!(told(&world, 99).is_err());
}

#[test]
fn every_wrong_password_counts_also_of_one_account() {
    let mut policy = POLICY;
    policy.logins.free = 100;
    let world = World::with(policy);
    for _ in 0..10 {
        let outcome = LoginOutcome::WrongPassword;
        world.log_in(network(1), &phone(1), &outcome).unwrap();
    }
    assert!(world.throttles.ask(network(1)).is_err());
}

#[test]
fn questions_at_once_cannot_slip_through_together() {
    let world = World::new();
    let asked: Vec<_> = (0..100)
        .filter_map(|_| world.throttles.ask(network(1)).ok())
        .collect();
    assert_eq!(asked.len(), 10);
    drop(asked);
    assert!(world.throttles.ask(network(1)).is_ok());
}

#[test]
fn requests_have_a_bucket_of_their_own() {
    let world = World::new();
    assert!(world.throttles.counts_requests());
    for _ in 0..5 {
        world.throttles.admit(network(1)).unwrap();
    }
    assert_eq!(seconds(world.throttles.admit(network(1))), 1);
    world.throttles.admit(network(2)).unwrap();
    assert!(world.throttles.ask(network(1)).is_ok());
    world.pass(2);
    world.throttles.admit(network(1)).unwrap();
    let policy = ThrottlePolicy {
        requests: None,
        ..POLICY
    };
    let world = World::with(policy);
    assert!(!world.throttles.counts_requests());
    for _ in 0..100 {
        world.throttles.admit(network(1)).unwrap();
    }
}

proptest! {
    /// In any stretch of time, whatever the clock does in between, no more than the burst and what was
    /// refilled meanwhile is admitted; and who waits as long as told gets in.
    #[test]
    fn a_bucket_never_gives_more_than_it_has(
        burst in 1_u32..20,
        refill_micros in 1_u64..3_000_000,
        steps in prop::collection::vec((0_i64..5_000, prop::bool::ANY), 1..200),
    ) {
        let bucket = Bucket { burst, refill_micros };
        let mut debt = Debt::default();
        let (mut now, mut passed, mut admitted) = (1_000_000_i64, 0_i64, 0_u64);
        for (step, back) in steps {
            if back {
                // Time put back is worth nothing.
                now -= step;
            } else {
                now += step;
                passed += step;
            }
            match bucket.charge(&mut debt, now) {
                Ok(()) => admitted += 1,
                Err(throttled) => {
                    let wait = i64::try_from(throttled.retry_after_seconds()).unwrap() * SECOND;
                    now += wait;
                    passed += wait;
                    prop_assert_eq!(bucket.charge(&mut debt, now), Ok(()));
                    admitted += 1;
                }
            }
            prop_assert!(debt.left(now) <= bucket.most_micros());
            let refilled = u64::try_from(passed).unwrap() * 1000 / refill_micros;
            prop_assert!(admitted <= u64::from(burst) + refilled);
        }
    }
}

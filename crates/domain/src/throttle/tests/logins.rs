//! Wrong logins of one account.

use proptest::prelude::*;

use super::*;

const HOME: u32 = 1;
const AWAY: u32 = 2;

fn fail(world: &World, from: u32) -> Result<(), Throttled> {
    world.log_in(network(from), &phone(1), &LoginOutcome::WrongPassword)
}

fn succeed(world: &World, from: u32) -> Result<(), Throttled> {
    world.log_in(network(from), &phone(1), &success())
}

#[test]
fn after_the_free_ones_each_wrong_login_doubles_the_wait_up_to_the_longest() {
    let world = World::new();
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    for wait in [1, 2, 4, 8, 8, 8] {
        assert_eq!(seconds(fail(&world, HOME)), wait);
        world.pass((i64::try_from(wait).unwrap()) * SECOND - 1);
        assert_eq!(seconds(fail(&world, HOME)), 1, "a millisecond is missing");
        world.pass(1);
        fail(&world, HOME).unwrap();
    }
}

/// A05.
#[test]
fn of_200_wrong_logins_few_are_verified_and_the_owner_gets_in_from_elsewhere() {
    let world = World::without_bucket();
    let mut verified = 0;
    for _ in 0..200 {
        verified += u32::from(fail(&world, HOME).is_ok());
        world.pass(20);
    }
    // Four seconds: four without waiting, and one each after 1 and 2 more.
    assert_eq!(verified, 6);
    succeed(&world, AWAY).unwrap();
    assert!(succeed(&world, HOME).is_err(), "not even with the password");
}

#[test]
fn a_success_forgives_all() {
    let world = World::new();
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    world.pass(SECOND);
    succeed(&world, HOME).unwrap();
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    assert_eq!(seconds(fail(&world, HOME)), 1);
}

#[test]
fn a_success_elsewhere_forgives_nothing_here() {
    let world = World::new();
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    succeed(&world, AWAY).unwrap();
    assert_eq!(seconds(fail(&world, HOME)), 1);
}

#[test]
fn time_forgives_one_by_one_and_in_the_end_all() {
    let world = World::new();
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    // One of four is forgotten, so one more makes four again.
    world.pass(MINUTE);
    fail(&world, HOME).unwrap();
    assert_eq!(seconds(fail(&world, HOME)), 1);
    world.pass(4 * MINUTE);
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    assert_eq!(seconds(fail(&world, HOME)), 1);
}

#[test]
fn however_many_there_were_they_are_forgotten_in_bounded_time() {
    let world = World::without_bucket();
    for _ in 0..500 {
        world.pass(8 * SECOND);
        fail(&world, HOME).unwrap();
    }
    let most = POLICY.logins.most_micros() / 1000;
    world.pass(i64::try_from(most).unwrap());
    let pair = world.state().pairs.with(
        world.state().key(&(&phone(1), network(HOME))),
        world.state().now(),
        Room::None,
        |pair| table::Entry::left(pair, world.state().now()),
    );
    assert_eq!(pair, Some(0));
}

#[test]
fn logins_at_once_cannot_slip_through_together() {
    let world = World::without_bucket();
    let begun: Vec<_> = (0..100)
        .filter_map(|_| {
            let question = world.throttles.ask(network(HOME)).unwrap();
            question.log_in(&phone(1)).ok()
        })
        .collect();
    assert_eq!(begun.len(), 4, "as many as may be wrong");
    for attempt in begun {
        attempt.settle(&LoginOutcome::WrongPassword);
    }
    assert_eq!(seconds(fail(&world, HOME)), 1);
    world.pass(SECOND);
    // Now one at a time.
    let ask = || world.throttles.ask(network(HOME)).unwrap();
    let one = ask().log_in(&phone(1)).unwrap();
    assert_eq!(seconds(ask().log_in(&phone(1))), 1);
    drop(one);
    fail(&world, HOME).unwrap();
    assert_eq!(
        seconds(fail(&world, HOME)),
        2,
        "an attempt that came to nothing counts for nothing"
    );
}

#[test]
fn who_only_asks_whether_to_queue_is_not_refused_for_those_in_flight() {
    let world = World::new();
    let ask = || world.throttles.ask(network(HOME)).unwrap();
    for _ in 0..3 {
        fail(&world, HOME).unwrap();
    }
    let running = [ask().log_in(&phone(1)), ask().log_in(&phone(1))];
    assert!(running.iter().all(Result::is_ok));
    ask().check(&phone(1)).unwrap();
    assert_eq!(seconds(ask().log_in(&phone(1))), 1);
}

#[test]
fn right_logins_at_once_are_all_admitted_up_to_the_permits() {
    let mut policy = POLICY;
    policy.logins.at_once = 64;
    let world = World::with(policy);
    let attempts: Vec<_> = (0..10)
        .map(|_| {
            let question = world.throttles.ask(network(HOME)).unwrap();
            question.log_in(&phone(1)).unwrap()
        })
        .collect();
    for attempt in attempts {
        attempt.settle(&success());
    }
    fail(&world, HOME).unwrap();
}

#[test]
fn an_unknown_phone_is_no_account_to_be_guarded() {
    let world = World::without_bucket();
    for _ in 0..50 {
        let outcome = LoginOutcome::UnknownPhone;
        world.log_in(network(HOME), &phone(1), &outcome).unwrap();
    }
    succeed(&world, HOME).unwrap();
}

#[test]
fn an_attack_from_everywhere_takes_the_free_ones_and_never_the_first_login() {
    let world = World::new();
    for from in 100..121 {
        fail(&world, from).unwrap();
    }
    // More than 20 a day: the first wrong login from a network costs waiting.
    fail(&world, HOME).unwrap();
    assert_eq!(seconds(fail(&world, HOME)), 1);
    succeed(&world, AWAY).unwrap();
    // Another account is not concerned.
    for _ in 0..2 {
        let outcome = LoginOutcome::WrongPassword;
        world.log_in(network(HOME), &phone(2), &outcome).unwrap();
    }
    // It is over a day later, or two at most.
    world.pass(2 * DAY);
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
}

#[test]
fn a_clock_that_is_put_back_costs_one_wait_at_most() {
    let world = World::new();
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    world.pass(-DAY);
    assert_eq!(seconds(fail(&world, HOME)), 1);
    world.pass(SECOND);
    fail(&world, HOME).unwrap();
    assert_eq!(seconds(fail(&world, HOME)), 2);
}

#[test]
fn a_wait_is_not_forgotten_sooner_than_it_ends() {
    let mut policy = POLICY;
    policy.logins.forget_millis = 1;
    let world = World::with(policy);
    for _ in 0..4 {
        fail(&world, HOME).unwrap();
    }
    world.pass(10);
    let left = world
        .state()
        .pairs
        .with(
            world.state().key(&(&phone(1), network(HOME))),
            world.state().now(),
            Room::None,
            |pair| table::Entry::left(pair, world.state().now()),
        )
        .unwrap();
    assert_eq!(left, 990_000);
}

proptest! {
    /// More wrong logins never wait less, more free ones never wait longer, and no wait is above the
    /// longest, which what is remembered at most does reach.
    #[test]
    fn waits_grow_up_to_the_longest(
        free in 0_u32..50,
        first in 1_u64..100_000,
        longest in 1_u64..10_000_000,
        failures in 0_u64..200,
    ) {
        let policy = LoginThrottle {
            free,
            first_wait_millis: first,
            longest_wait_millis: longest,
            ..POLICY.logins
        };
        let wait = policy.wait_millis(failures, free);
        prop_assert!(wait <= longest);
        prop_assert!(wait <= policy.wait_millis(failures + 1, free));
        prop_assert!(wait >= policy.wait_millis(failures, free + 1));
        prop_assert_eq!(wait == 0, failures <= u64::from(free));
        let most = policy.failures(policy.most_micros());
        prop_assert_eq!(policy.wait_millis(most, free), longest);
    }

    /// Who is refused and waits as long as he was told gets in.
    #[test]
    fn who_waits_as_long_as_told_gets_in(pauses in prop::collection::vec(0_i64..20_000, 1..60)) {
        let world = World::without_bucket();
        for pause in pauses {
            world.pass(pause);
            if let Err(throttled) = fail(&world, HOME) {
                world.pass(i64::try_from(throttled.retry_after_seconds()).unwrap() * SECOND);
                prop_assert_eq!(fail(&world, HOME), Ok(()));
            }
        }
    }
}

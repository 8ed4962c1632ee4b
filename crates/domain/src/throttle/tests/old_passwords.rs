//! Old passwords that a change names. A05, A17.

use super::*;

const HOME: u32 = 1;
const AWAY: u32 = 2;

fn change(world: &World, from: u32, outcome: Modified) -> Result<(), Throttled> {
    let checked = world.throttles.check_password(&phone(1), network(from));
    let attempt = world.throttles.verify_password(&phone(1), network(from));
    assert_eq!(checked.is_ok(), attempt.is_ok());
    attempt?.settle(&outcome);
    Ok(())
}

fn log_in(world: &World, from: u32, outcome: &LoginOutcome) -> Result<(), Throttled> {
    world.log_in(network(from), &phone(1), outcome)
}

/// Guesses at either door count together.
#[test]
fn a_wrong_old_password_and_a_wrong_login_share_their_waits() {
    let world = World::new();
    for _ in 0..2 {
        change(&world, HOME, Modified::WrongOldPassword).unwrap();
        log_in(&world, HOME, &LoginOutcome::WrongPassword).unwrap();
    }
    assert_eq!(seconds(change(&world, HOME, Modified::Changed)), 1);
    assert_eq!(seconds(log_in(&world, HOME, &success())), 1);
    change(&world, AWAY, Modified::Changed).unwrap();
    world.pass(SECOND);
    change(&world, HOME, Modified::WrongOldPassword).unwrap();
    assert_eq!(seconds(log_in(&world, HOME, &success())), 2);
}

#[test]
fn of_200_wrong_old_passwords_few_are_verified() {
    let world = World::new();
    let mut verified = 0;
    for _ in 0..200 {
        verified += u32::from(change(&world, HOME, Modified::WrongOldPassword).is_ok());
        world.pass(20);
    }
    // Four seconds: four without waiting, and one each after 1 and 2 more.
    assert_eq!(verified, 6);
    log_in(&world, AWAY, &success()).unwrap();
}

#[test]
fn the_right_one_forgives_whether_or_not_something_was_changed() {
    for right in [Modified::Changed, Modified::Unchanged] {
        let world = World::new();
        for _ in 0..3 {
            change(&world, HOME, Modified::WrongOldPassword).unwrap();
        }
        change(&world, HOME, right).unwrap();
        for _ in 0..4 {
            change(&world, HOME, Modified::WrongOldPassword).unwrap();
        }
        assert_eq!(seconds(change(&world, HOME, right)), 1);
    }
}

#[test]
fn what_came_to_nothing_proves_nothing() {
    let world = World::new();
    for _ in 0..3 {
        change(&world, HOME, Modified::WrongOldPassword).unwrap();
    }
    for _ in 0..10 {
        change(&world, HOME, Modified::SessionEnded).unwrap();
        drop(world.throttles.verify_password(&phone(1), network(HOME)));
    }
    change(&world, HOME, Modified::WrongOldPassword).unwrap();
    assert_eq!(seconds(change(&world, HOME, Modified::Changed)), 1);
}

#[test]
fn at_once_they_cannot_slip_through_together_nor_beside_logins() {
    let world = World::new();
    let begin = || world.throttles.verify_password(&phone(1), network(HOME));
    let begun: Vec<_> = (0..100).filter_map(|_| begin().ok()).collect();
    assert_eq!(begun.len(), 4, "as many as may be wrong");
    assert_eq!(seconds(log_in_begun(&world)), 1);
    for attempt in begun {
        attempt.settle(&Modified::WrongOldPassword);
    }
    assert_eq!(seconds(begin()), 1);
}

fn log_in_begun(world: &World) -> Result<LoginAttempt, Throttled> {
    world.throttles.ask(network(HOME))?.log_in(&phone(1))
}

/// An attack on the account by way of changes takes what is free from logins, too.
#[test]
fn they_count_for_the_account_wherever_they_come_from() {
    let world = World::new();
    for from in 100..121 {
        change(&world, from, Modified::WrongOldPassword).unwrap();
    }
    log_in(&world, HOME, &LoginOutcome::WrongPassword).unwrap();
    assert_eq!(seconds(log_in(&world, HOME, &success())), 1);
}

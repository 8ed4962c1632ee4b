//! The table of fixed size.

use proptest::prelude::*;

use super::table::CAPACITY;
use super::*;

const NOW: i64 = 1_000_000;

/// A key that looks random.
fn mixed(number: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    hasher.finish()
}

fn owe(table: &Table<Debt>, key: u64, micros: u64) {
    table.with(key, NOW, Room::Make, |debt| {
        debt.add(micros, u64::MAX, NOW);
    });
}

fn owed(table: &Table<Debt>, key: u64) -> u64 {
    table
        .with(key, NOW, Room::None, |debt| debt.left(NOW))
        .unwrap_or(0)
}

#[test]
fn it_never_holds_more_than_its_places_and_nearly_fills_them() {
    let table = Table::new();
    for number in 0..4 * CAPACITY {
        owe(&table, mixed(number.try_into().unwrap()), 1);
    }
    assert!(table.len() <= CAPACITY);
    assert!(table.len() > CAPACITY * 99 / 100, "{}", table.len());
}

#[test]
fn all_tables_together_stay_below_ten_mebibytes() {
    let slots =
        table::slot_size::<Pair>() + 2 * table::slot_size::<Debt>() + table::slot_size::<Asker>();
    assert!(slots * CAPACITY <= 10 << 20, "{}", slots * CAPACITY);
}

#[test]
fn who_owes_more_outlives_any_number_of_those_who_owe_less() {
    let table = Table::new();
    // Keys that nobody could choose so well: all of them have the same places as the first.
    let heavy = 0x1_0000;
    owe(&table, heavy, 20);
    for other in 2..100_000_u64 {
        owe(&table, other << 16, 19);
    }
    assert_eq!(owed(&table, heavy), 20);
    // As many who owe more as there are places push it out.
    for other in 0..16_u64 {
        owe(&table, (other << 16) | (1 << 40), 21);
    }
    assert_eq!(owed(&table, heavy), 0);
}

#[test]
fn what_is_paid_makes_room_first() {
    let table = Table::new();
    for key in 1..=16_u64 {
        owe(&table, key << 16, 5_000_000 + key);
    }
    let later = NOW + 5001;
    // All are paid: sixteen new ones find their places, and the next one finds none.
    let takes_free_place = |key: u64| {
        let add = |debt: &mut Debt| debt.add(7, 7, later);
        table.with(key << 16, later, Room::IfFree, add).is_some()
    };
    assert!((20..36).all(takes_free_place));
    assert!(!takes_free_place(36));
}

#[test]
fn nobody_is_pushed_out_by_who_only_asks_for_a_free_place() {
    let table = Table::new();
    for key in 1..=16_u64 {
        owe(&table, key << 16, key);
    }
    assert!(table.with(99 << 16, NOW, Room::IfFree, |_| ()).is_none());
    assert!(table.with(99 << 16, NOW, Room::None, |_| ()).is_none());
    assert!((1..=16_u64).all(|key| owed(&table, key << 16) == key));
}

#[test]
fn a_place_that_changes_hands_begins_empty() {
    let table = Table::new();
    for key in 1..=17_u64 {
        owe(&table, key << 16, 100 + key);
    }
    assert_eq!(owed(&table, 1 << 16), 0);
    assert_eq!(owed(&table, 17 << 16), 117);
}

/// An attacker with more networks and phones than there are places, against somebody who has to wait.
#[test]
fn who_goes_through_networks_and_phones_does_not_make_the_waiting_forgotten() {
    let mut policy = POLICY;
    policy.logins.forget_millis = 600_000;
    let world = World::with(policy);
    for _ in 0..4 {
        let outcome = LoginOutcome::WrongPassword;
        world.log_in(network(1), &phone(1), &outcome).unwrap();
    }
    for number in 0..200_000_u32 {
        let outcome = if number % 2 == 0 {
            LoginOutcome::UnknownPhone
        } else {
            LoginOutcome::WrongPassword
        };
        let about = phone(10 + u64::from(number));
        world
            .log_in(network(1000 + number), &about, &outcome)
            .unwrap();
    }
    assert_eq!(seconds(world.log_in(network(1), &phone(1), &success())), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is put in, of a set of places exactly the largest stay when each came once.
    #[test]
    fn the_largest_stay(mut amounts in prop::collection::hash_set(1_u64..1_000_000, 1..64)) {
        let table = Table::new();
        let amounts: Vec<u64> = amounts.drain().collect();
        for (at, micros) in amounts.iter().enumerate() {
            owe(&table, u64::try_from(at + 1).unwrap() << 16, *micros);
        }
        let mut kept: Vec<u64> = (0..amounts.len())
            .map(|at| owed(&table, u64::try_from(at + 1).unwrap() << 16))
            .filter(|micros| *micros > 0)
            .collect();
        kept.sort_unstable();
        prop_assert_eq!(kept.len(), amounts.len().min(16));
        // The last one came in whatever it owes; all others that stay are the largest.
        let last = *amounts.last().unwrap();
        let mut largest: Vec<u64> = amounts[..amounts.len() - 1].to_vec();
        largest.sort_unstable();
        let keep = largest.len().min(if amounts.len() > 16 { 15 } else { 16 });
        let mut expected = largest.split_off(largest.len() - keep);
        expected.push(last);
        expected.sort_unstable();
        prop_assert_eq!(kept, expected);
    }
}

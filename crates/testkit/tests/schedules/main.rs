//! Schedules of uploads, instant uploads, deletions, collections and reads over one content.
//!
//! The use cases are the real ones. Below them are adapters whose every step is a place at which another thread may come
//! first, and shuttle chooses who does: at random, and by PCT. A judge looks after every commit and every removal, people
//! read back what was acknowledged to them, and in the end a collection has to leave exactly the copies that rows name.
//!
//! What is broken on purpose has to be caught ([`Broken`]); else all this would show nothing.
//!
//! `KMS_SCHEDULES` says how many schedules, `KMS_SCHEDULES_SEED` which.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stderr,
    reason = "a panic is how a broken promise is told"
)]

mod database;
mod explore;
mod people;
mod rows;
mod scenarios;
mod store;
mod upkeep;
mod world;

use explore::{Chooser, caught, explore};
use world::Commit;

/// Schedules of all scenarios together.
const SCHEDULES: u64 = 100_000;
const SCENARIOS: u64 = 5;
const SEED: u64 = 2026;

/// What is wrong with the world, to see that it is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing.
    #[default]
    Nothing,
    /// The collector asks what is referred to in a transaction of its own. The key refuses what is wrong then.
    LooksThenDooms,
    /// The same, over a foreign key that only asks whether there is a row.
    LooksThenDoomsWithoutKey,
    /// An upload refers to doomed content of the same digest.
    FindsDoomed,
    /// An upload brings doomed content back.
    DoomedLivesAgain,
    /// The collector unlinks before its dooming is committed.
    UnlinksFirst,
    /// A claim does not ask again in its transaction, and no key refuses what is gone.
    ClaimsWithoutAskingAgain,
    /// An upload of known content removes the copy that the row names from then on.
    RowKeepsTheCopyThatGoes,
    /// The collector takes copies without a row at once, as if no upload could be in flight.
    TakesStraysAtOnce,
    /// Damage of a copy is noted whichever copy the row names by now.
    FlagsWhateverTheKey,
}

impl Broken {
    /// Whether the composite foreign key is there.
    pub(crate) const fn has_key(self) -> bool {
        !matches!(
            self,
            Self::LooksThenDoomsWithoutKey
                | Self::FindsDoomed
                | Self::DoomedLivesAgain
                | Self::ClaimsWithoutAskingAgain
        )
    }

    pub(crate) const fn finds_doomed(self) -> bool {
        matches!(self, Self::FindsDoomed | Self::DoomedLivesAgain)
    }

    pub(crate) const fn looks_then_dooms(self) -> bool {
        matches!(self, Self::LooksThenDooms | Self::LooksThenDoomsWithoutKey)
    }
}

#[test]
fn uploads_deletions_and_collections() {
    explore("uploads_deletions_and_collections", scenarios::uploads);
}

#[test]
fn claims_while_the_last_entry_goes() {
    explore("claims_while_the_last_entry_goes", scenarios::claims);
}

#[test]
fn reads_while_copies_are_replaced() {
    explore("reads_while_copies_are_replaced", scenarios::reads);
}

#[test]
fn lost_bytes_are_healed() {
    explore("lost_bytes_are_healed", scenarios::heals);
}

#[test]
fn uploads_in_flight_while_the_clock_jumps() {
    explore("uploads_in_flight_while_the_clock_jumps", scenarios::jumps);
}

/// The key alone is enough, if a collector asks at the wrong time.
#[test]
fn the_key_refuses_what_a_hasty_collector_would_doom() {
    for commit in [Commit::Alone, Commit::Grouped] {
        for scenario in [scenarios::uploads, scenarios::claims] {
            explore::run(
                scenario,
                Broken::LooksThenDooms,
                commit,
                Chooser::Random,
                2000,
            );
        }
    }
}

#[test]
fn what_is_broken_on_purpose_is_caught() {
    let controls: [(Broken, explore::Scenario, &str); 8] = [
        (
            Broken::LooksThenDoomsWithoutKey,
            scenarios::claims,
            "refers to doomed",
        ),
        (Broken::FindsDoomed, scenarios::uploads, "refers to doomed"),
        (Broken::DoomedLivesAgain, scenarios::uploads, "lives again"),
        (Broken::UnlinksFirst, scenarios::claims, "was removed"),
        (
            Broken::ClaimsWithoutAskingAgain,
            scenarios::claims,
            "refers to",
        ),
        (
            Broken::RowKeepsTheCopyThatGoes,
            scenarios::reads,
            "was removed",
        ),
        (Broken::TakesStraysAtOnce, scenarios::jumps, "was removed"),
        (Broken::FlagsWhateverTheKey, scenarios::heals, "flagged"),
    ];
    for commit in [Commit::Alone, Commit::Grouped] {
        for (broken, scenario, expected) in controls {
            let seen = caught(scenario, broken, commit);
            assert!(
                seen.iter().any(|it| it.contains(expected)),
                "{broken:?} with {commit:?}: {seen:?}"
            );
        }
    }
}

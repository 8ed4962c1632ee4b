//! Pauses of chance between the steps of the protocol, over the real database and the real disk.
//!
//! Threads upload, claim, delete and read the same few contents, and others collect with a grace of
//! nothing. Around every call of every port one may be made to wait, mostly until others have taken some
//! steps. The schedules of kms-testkit choose an order exactly and have adapters of their own; here the
//! adapters are the real ones, SQL, packs and files, and orders are tried for as long as there is time.
//!
//! What is broken on purpose has to be found ([`Broken`]); else all this would show nothing.
//!
//! `KMS_PAUSES_SECONDS` says for how long, `KMS_PAUSES_SEED` which pauses. The same seed repeats the
//! pauses, not the order in which the machine has threads come to them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stderr,
    reason = "a panic is how a broken promise is told"
)]

mod broken;
mod chance;
mod people;
mod world;

use std::time::Duration;

use world::World;

/// Seconds of the run that must find nothing.
const SECONDS: u64 = 6;
/// In which a control must be found.
const CONTROL_SECONDS: u64 = 60;
const SEED: u64 = 2026;

/// What is wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Nothing,
    /// The collector unlinks what nothing referred to a moment ago, before that is doomed.
    UnlinksWithoutAskingAgain,
    /// The collector moves copies without a row as if no upload could be in flight.
    TakesStraysAtOnce,
    /// Who has stored known content anew removes the copy that the row names from now on.
    RemovesItsOwnCopy,
}

#[test]
fn nothing_acknowledged_is_lost_whatever_waits_between_the_steps() {
    let time = Duration::from_secs(asked("KMS_PAUSES_SECONDS", SECONDS));
    let seed = asked("KMS_PAUSES_SEED", SEED);
    let world = World::new(Broken::Nothing, seed);
    world.run(time);
    world.settle();
    let done = world.done();
    eprintln!("pauses: seed {seed}, {done}");
    if let Some(failure) = world.failure() {
        panic!("seed {seed}: {failure}");
    }
    // Else there was nothing to find.
    assert!(done.is_of_all_kinds(), "{done}");
}

#[test]
fn what_is_broken_on_purpose_is_found() {
    let seed = asked("KMS_PAUSES_SEED", SEED);
    for broken in [
        Broken::UnlinksWithoutAskingAgain,
        Broken::TakesStraysAtOnce,
        Broken::RemovesItsOwnCopy,
    ] {
        let world = World::new(broken, seed);
        // Ends when somebody finds something.
        world.run(Duration::from_secs(CONTROL_SECONDS));
        match world.failure() {
            Some(failure) => eprintln!("control {broken:?}: {}: {failure}", world.done()),
            None => panic!(
                "{broken:?} was not found: seed {seed}, {failure}",
                failure = world.done()
            ),
        }
    }
}

/// A number from the environment.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var_os(name)
        .map_or(Some(otherwise), |value| value.to_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{name} is no number"))
}

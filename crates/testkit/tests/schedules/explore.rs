//! Running a scenario in many schedules.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kms_domain::upkeep::Collector;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use crate::Broken;
use crate::people::{Person, actors};
use crate::upkeep;
use crate::world::{Commit, DAY, World, lock};

/// What happens at the same time, in a world of its own.
pub(crate) type Scenario = fn(&Arc<World>, &Arc<Collector>) -> Vec<Box<dyn FnOnce() + Send>>;

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chooser {
    /// Any, each time.
    Random,
    /// One by its priority, with a few changes at random places: finds what needs few changes in the right places.
    Pct,
}

const CHOOSERS: [Chooser; 2] = [Chooser::Random, Chooser::Pct];
const COMMITS: [Commit; 2] = [Commit::Alone, Commit::Grouped];
/// Schedules in which everything that is broken on purpose has to be seen.
const ENOUGH: u64 = 5000;
/// Changes of priority in a schedule of PCT.
const DEPTH: usize = 4;

/// Runs a scenario in its share of `KMS_SCHEDULES` schedules: each way to commit with each way to choose.
pub(crate) fn explore(name: &str, scenario: Scenario) {
    let share = asked("KMS_SCHEDULES", crate::SCHEDULES) / crate::SCENARIOS / 4;
    for commit in COMMITS {
        for chooser in CHOOSERS {
            let run = || run(scenario, Broken::Nothing, commit, chooser, share);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                let seed = asked("KMS_SCHEDULES_SEED", crate::SEED);
                eprintln!(
                    "`{name}` failed with {commit:?} and {chooser:?}; the same schedules again: \
                     KMS_SCHEDULES_SEED={seed} cargo test -p kms-testkit --test schedules {name}"
                );
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// How the first of many schedules that shows what is broken fails, with each way to choose. Empty: none does.
pub(crate) fn caught(scenario: Scenario, broken: Broken, commit: Commit) -> [String; 2] {
    CHOOSERS.map(|chooser| {
        let run = || run(scenario, broken, commit, chooser, ENOUGH);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => String::new(),
            Err(panic) => match panic.downcast::<String>() {
                Ok(text) => *text,
                Err(panic) => (*panic.downcast::<&str>().expect("a text")).to_owned(),
            },
        }
    })
}

/// Runs `schedules` of a scenario.
pub(crate) fn run(
    scenario: Scenario,
    broken: Broken,
    commit: Commit,
    chooser: Chooser,
    schedules: u64,
) {
    actors();
    // What has to be caught is caught in the same schedules each time.
    let seed = match broken {
        Broken::Nothing => asked("KMS_SCHEDULES_SEED", crate::SEED),
        _ => crate::SEED,
    };
    let many = usize::try_from(schedules.max(1)).expect("a number of schedules");
    let scheduler: Box<dyn Scheduler + Send> = match chooser {
        Chooser::Random => Box::new(RandomScheduler::new_from_seed(seed, many)),
        Chooser::Pct => Box::new(PctScheduler::new_from_seed(seed, DEPTH, many)),
    };
    let mut config = Config::new();
    // A control is meant to fail, and needs no schedule to be replayed.
    config.failure_persistence = match broken {
        Broken::Nothing => FailurePersistence::Print,
        _ => FailurePersistence::None,
    };
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || one(scenario, broken, commit));
}

fn one(scenario: Scenario, broken: Broken, commit: Commit) {
    let world = World::new(broken, commit);
    let collector = upkeep::collector(&world);
    let threads: Vec<_> = scenario(&world, &collector)
        .into_iter()
        .map(shuttle::thread::spawn)
        .collect();
    for thread in threads {
        thread
            .join()
            .expect("a thread that panicked has failed the test already");
    }
    world.come_to_rest();
    // Now strays are old enough, and the second collection has seen them before.
    world.clock.advance(2 * DAY);
    upkeep::collect(&world, &collector);
    upkeep::collect(&world, &collector);
    let acknowledged = lock(&world.acknowledged).clone();
    for (number, id) in acknowledged {
        Person::new(&world, number).read(id);
    }
    world.judge_rest();
}

/// A number from the environment.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var_os(name)
        .map_or(Some(otherwise), |value| value.to_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{name} is no number"))
}

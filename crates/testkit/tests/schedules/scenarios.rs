//! What happens at the same time.

use std::sync::Arc;

use kms_domain::upkeep::Collector;

use crate::people::Person;
use crate::upkeep::collect;
use crate::world::{DAY, World, lock};

type Threads = Vec<Box<dyn FnOnce() + Send>>;

/// Two upload the same and read it back, one of them deletes it and uploads it again, and two collect.
pub(crate) fn uploads(world: &Arc<World>, collector: &Arc<Collector>) -> Threads {
    let (one, other) = (Person::new(world, 0), Person::new(world, 1));
    vec![
        Box::new(move || {
            let id = one.upload();
            one.delete(id);
            one.read(one.upload());
        }),
        Box::new(move || other.read(other.upload())),
        collections(world, collector, 2),
        collections(world, collector, 1),
    ]
}

/// The only entry over a content goes while others name the content, read it and collect.
pub(crate) fn claims(world: &Arc<World>, collector: &Arc<Collector>) -> Threads {
    let owner = Person::new(world, 0);
    let (claimer, late, reader) = (
        Person::new(world, 1),
        Person::new(world, 2),
        Person::new(world, 3),
    );
    let id = owner.upload();
    vec![
        Box::new(move || owner.delete(id)),
        Box::new(move || claimer.read(claimer.obtain())),
        Box::new(move || {
            let own = late.obtain();
            late.read(own);
            late.delete(own);
        }),
        // Whoever is not the owner finds it whole or not at all.
        Box::new(move || {
            reader.try_read(id).expect("whole or not at all");
        }),
        collections(world, collector, 2),
    ]
}

/// Uploads of the same bytes replace the copy that is being read.
pub(crate) fn reads(world: &Arc<World>, collector: &Arc<Collector>) -> Threads {
    let owner = Person::new(world, 0);
    let id = owner.upload();
    let mut threads: Threads = vec![Box::new(move || {
        owner.read(id);
        owner.read(id);
    })];
    for number in 1..4 {
        let person = Person::new(world, number);
        threads.push(Box::new(move || person.read(person.upload())));
    }
    threads.push(collections(world, collector, 1));
    threads
}

/// The bytes are gone, and somebody uploads them again while others read and name them.
pub(crate) fn heals(world: &Arc<World>, collector: &Arc<Collector>) -> Threads {
    let owner = Person::new(world, 0);
    let id = owner.upload();
    lock(&world.disk).copies.clear();
    let (healer, claimer, other) = (Person::new(world, 1), Person::new(world, 2), owner.clone());
    vec![
        // Until it is healed, it cannot be read; but it is never found to be gone.
        Box::new(move || {
            if let Ok(found) = owner.try_read(id) {
                assert!(found, "an acknowledged entry is not found");
            }
        }),
        Box::new(move || {
            healer.read(healer.upload());
            other.read(id);
        }),
        Box::new(move || claimer.read(claimer.obtain())),
        collections(world, collector, 1),
    ]
}

/// The clock jumps while uploads are between their bytes and their rows, and a collection finds their copies old.
pub(crate) fn jumps(world: &Arc<World>, collector: &Arc<Collector>) -> Threads {
    let mut threads: Threads = Vec::new();
    for number in 0..2 {
        let person = Person::new(world, number);
        threads.push(Box::new(move || person.read(person.upload())));
    }
    let (world, collector) = (Arc::clone(world), Arc::clone(collector));
    threads.push(Box::new(move || {
        world.clock.advance(2 * DAY);
        collect(&world, &collector);
    }));
    threads
}

fn collections(
    world: &Arc<World>,
    collector: &Arc<Collector>,
    times: usize,
) -> Box<dyn FnOnce() + Send> {
    let (world, collector) = (Arc::clone(world), Arc::clone(collector));
    Box::new(move || {
        for _ in 0..times {
            collect(&world, &collector);
        }
    })
}

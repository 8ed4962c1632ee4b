//! A table of fixed size, whatever comes.
//!
//! Every key has 16 places that it may be in, found by its hash. As long as one of them holds nothing that
//! is worth remembering, there is room. Else what goes is the entry that has the least left to be paid: it
//! would have been forgotten first.
//!
//! So an entry goes early only while 15 others with the same places owe more, that is, when some 65,000
//! others owe about as much: and what is owed cannot be had cheaply. To push out the memory of twenty
//! wrong logins, an attacker needs twenty wrong logins each of tens of thousands of pairs, of which every one costs
//! a hash, within the time that they take to be forgotten. Nor can he pick the places: the hash has
//! a secret in it. What he can do with less is to make the server forget those who owe the least, which are
//! the first wrong logins of others and of himself.

use std::sync::{Mutex, PoisonError};

/// Places that a key may be in.
const WAYS: usize = 16;
/// Groups of so many places under one lock.
const SETS: usize = 64;
/// Locks. Each is held for a look at the places of one key.
const SHARDS: usize = 64;
#[cfg(test)]
pub(super) const CAPACITY: usize = WAYS * SETS * SHARDS;

/// What is remembered of a key.
pub(super) trait Entry: Default {
    /// How much is left to remember: 0 for what can be forgotten.
    fn left(&self, now: i64) -> u64;
}

/// Where an entry may be put that is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Nowhere.
    None,
    /// Where nothing is worth remembering.
    IfFree,
    /// In the place of what has the least left.
    Make,
}

pub(super) struct Table<E> {
    /// A shard takes its memory when it is first used.
    shards: Vec<Mutex<Vec<Slot<E>>>>,
}

#[derive(Default)]
struct Slot<E> {
    key: u64,
    entry: E,
}

#[cfg(test)]
pub(super) const fn slot_size<E>() -> usize {
    size_of::<Slot<E>>()
}

impl<E: Entry> Table<E> {
    pub(super) fn new() -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default)
                .take(SHARDS)
                .collect(),
        }
    }

    /// Runs `work` on the entry of `key`; `None` if it has none and gets none.
    pub(super) fn with<R>(
        &self,
        key: u64,
        now: i64,
        room: Room,
        work: impl FnOnce(&mut E) -> R,
    ) -> Option<R> {
        let bits = usize::try_from(key & 0xffff).unwrap_or_default();
        let mut shard = self
            .shards
            .get(bits % SHARDS)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if shard.is_empty() {
            if room == Room::None {
                return None;
            }
            shard.resize_with(SETS * WAYS, Slot::default);
        }
        let start = (bits / SHARDS) % SETS * WAYS;
        let set = shard.get_mut(start..start + WAYS)?;
        let at = match set.iter().position(|slot| slot.key == key) {
            Some(at) => at,
            None => {
                let (at, left) = set
                    .iter()
                    .map(|slot| slot.entry.left(now))
                    .enumerate()
                    .min_by_key(|(_, left)| *left)?;
                let fits = match room {
                    Room::None => false,
                    Room::IfFree => left == 0,
                    Room::Make => true,
                };
                if !fits {
                    return None;
                }
                at
            }
        };
        let slot = set.get_mut(at)?;
        if slot.key != key {
            *slot = Slot {
                key,
                entry: E::default(),
            };
        }
        Some(work(&mut slot.entry))
    }

    /// Places that are taken, whether or not what they hold is worth remembering.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let used = |shard: &Mutex<Vec<Slot<E>>>| {
            let shard = shard.lock().unwrap();
            assert!(shard.len() <= SETS * WAYS);
            shard.iter().filter(|slot| slot.key != 0).count()
        };
        self.shards.iter().map(used).sum()
    }
}

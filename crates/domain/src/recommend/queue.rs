use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, Kind};
use crate::Timestamp;
use crate::files::BlobId;
use crate::users::UserId;

/// Downloads that wait to be learned. More are dropped: what somebody downloads is a hint, for which no
/// download waits.
const MOST: usize = 8_192;

/// Downloads that nobody has learned of yet. In memory, because a download writes nothing; those of the last
/// moments before a crash are not counted. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct DownloadQueue(Arc<Mutex<Waiting>>);

/// Each key of the map stands in the order once, and nothing else does.
#[derive(Debug, Default)]
struct Waiting {
    first_at: HashMap<(UserId, BlobId), Timestamp>,
    order: VecDeque<(UserId, BlobId)>,
}

impl DownloadQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that `user` downloads the public content of somebody else. Several downloads of one content are
    /// one.
    pub fn push(&self, user: UserId, content: BlobId, at: Timestamp) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { first_at, order } = &mut *waiting;
        if order.len() < MOST
            && let Entry::Vacant(place) = first_at.entry((user, content))
        {
            order.push_back(*place.key());
            place.insert(at);
        }
    }

    /// Takes out at most `most` of them, the first ones, in the order in which they happened.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Event> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { first_at, order } = &mut *waiting;
        let many = order.len().min(most);
        let mut events: Vec<_> = order
            .drain(..many)
            .filter_map(|key| first_at.remove(&key).map(|at| (key, at)))
            .map(|((user, content), at)| Event {
                user,
                content,
                kind: Kind::Download,
                at,
            })
            .collect();
        drop(waiting);
        // Threads may have noted their moments and come here the other way round.
        events.sort_unstable_by_key(|event| (event.at, event.user, event.content));
        events
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn downloads_are_coalesced_bounded_and_taken_once() {
        let queue = DownloadQueue::new();
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let (content, at) = (BlobId::from_i64, Timestamp::from_millis);
        queue.push(user, content(1), at(5));
        let shared = queue.clone();
        shared.push(user, content(1), at(6));
        drop(shared);
        queue.push(user, content(2), at(4));
        let taken = queue.take(10);
        let told: Vec<_> = taken.iter().map(|e| (e.content, e.at, e.kind)).collect();
        let kind = Kind::Download;
        assert_eq!(told, [(content(2), at(4), kind), (content(1), at(5), kind)]);
        assert!(queue.take(10).is_empty());

        assert!(queue.0.lock().unwrap().first_at.is_empty());

        for n in 0..MOST + 10 {
            queue.push(user, content(n as i64), at(0));
        }
        assert_eq!(queue.take(100).len(), 100);
        assert_eq!(queue.take(MOST).len(), MOST - 100);
    }

    #[test]
    fn the_first_ones_are_taken_first() {
        let queue = DownloadQueue::new();
        let user = UserId::from_uuid(Uuid::from_u128(1));
        for n in 0..100 {
            queue.push(user, BlobId::from_i64(99 - n), Timestamp::from_millis(n));
        }
        for begin in [0, 32, 64, 96] {
            let taken = queue.take(32);
            let moments: Vec<_> = taken.iter().map(|event| event.at.as_millis()).collect();
            let expected: Vec<_> = (begin..100.min(begin + 32)).collect();
            assert_eq!(moments, expected);
        }
    }
}

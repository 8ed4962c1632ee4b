use std::collections::HashMap;
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
pub struct DownloadQueue(Arc<Mutex<HashMap<(UserId, BlobId), Timestamp>>>);

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
        if waiting.len() < MOST {
            waiting.entry((user, content)).or_insert(at);
        }
    }

    /// Takes out at most `most` of them, in the order in which they happened.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Event> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen: Vec<_> = waiting.keys().copied().take(most).collect();
        let mut events: Vec<_> = chosen
            .into_iter()
            .filter_map(|key| waiting.remove(&key).map(|at| (key, at)))
            .map(|((user, content), at)| Event {
                user,
                content,
                kind: Kind::Download,
                at,
            })
            .collect();
        drop(waiting);
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

        for n in 0..MOST + 10 {
            queue.push(user, content(n as i64), at(0));
        }
        assert_eq!(queue.take(100).len(), 100);
        assert_eq!(queue.take(MOST).len(), MOST - 100);
    }
}

//! How many jobs may wait for the writer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long somebody sleeps who waits for room and was not told of any.
const PAUSE: Duration = Duration::from_millis(10);

/// Counts jobs that wait. Those with notes always find room: they are on their way when there is no going
/// back. Whoever sends them looks before he makes them, and then sends no more than he can at once.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    waiting: AtomicUsize,
    is_closed: AtomicBool,
    /// Whether somebody waits until there are fewer.
    is_wanted: AtomicBool,
    lock: Mutex<()>,
    freed: Condvar,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            waiting: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            lock: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    /// Whether there was room for one more, which it takes.
    pub(super) fn take(&self) -> bool {
        let more = |now| (now < self.most).then(|| now + 1);
        self.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .is_ok()
    }

    /// Takes room, whether or not there is some.
    pub(super) fn take_anyhow(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    /// Gives back the room of so many that wait no more.
    pub(super) fn give(&self, jobs: usize) {
        self.waiting.fetch_sub(jobs, Ordering::AcqRel);
        if self.is_wanted.swap(false, Ordering::AcqRel) {
            self.freed.notify_all();
        }
    }

    /// Blocks until there is room, or nobody works any more.
    pub(super) fn wait(&self) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while self.waiting.load(Ordering::Acquire) >= self.most
            && !self.is_closed.load(Ordering::Acquire)
        {
            self.is_wanted.store(true, Ordering::Release);
            // What is missed between the two lines is found after the pause.
            let slept = self.freed.wait_timeout(guard, PAUSE);
            guard = slept.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Closes the room when the writer ends, for whatever reason.
pub(super) struct Closing(pub(super) Arc<Room>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_for_those_with_notes() {
        let room = Room::new(2);
        assert!(room.take() && room.take() && !room.take());
        room.take_anyhow();
        room.give(1);
        assert!(!room.take());
        room.give(1);
        assert!(room.take());
    }

    #[test]
    fn who_waits_goes_on_when_there_is_room_or_nobody_left() {
        let room = Arc::new(Room::new(1));
        room.wait();
        assert!(room.take());
        let waits = || {
            let room = Arc::clone(&room);
            thread::spawn(move || room.wait())
        };
        let one = waits();
        room.give(1);
        one.join().unwrap();
        assert!(room.take());
        let other = waits();
        drop(Closing(Arc::clone(&room)));
        other.join().unwrap();
    }
}

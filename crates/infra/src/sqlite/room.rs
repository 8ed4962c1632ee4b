//! How many jobs may wait for the writer.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Counts jobs that wait. Those with notes always find room: they are on their way when there is no going
/// back. Whoever sends them looks before he makes them, and then sends no more than he can at once.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    is_closed: bool,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room for one more, which it takes.
    pub(super) fn take(&self) -> bool {
        let mut state = self.lock();
        let is_room = state.waiting < self.most;
        state.waiting = state.waiting.saturating_add(usize::from(is_room));
        is_room
    }

    /// Takes room, whether or not there is some.
    pub(super) fn take_anyhow(&self) {
        let mut state = self.lock();
        state.waiting = state.waiting.saturating_add(1);
    }

    /// Gives back the room of so many that wait no more.
    pub(super) fn give(&self, jobs: usize) {
        let mut state = self.lock();
        state.waiting = state.waiting.saturating_sub(jobs);
        drop(state);
        self.changed.notify_all();
    }

    /// Blocks until there is room, or nobody works any more.
    pub(super) fn wait(&self) {
        let full = |state: &mut State| state.waiting >= self.most && !state.is_closed;
        let room = self.changed.wait_while(self.lock(), full);
        drop(room.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Closes the room when the writer ends, for whatever reason.
pub(super) struct Closing(pub(super) Arc<Room>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
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

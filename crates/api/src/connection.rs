//! The clocks of a connection, and the room that connections have.
//!
//! actix times the head of a connection's first request and the pause between two requests. The heads of
//! later requests have no time of theirs there, nor has a client that takes nothing of its answer; and when
//! a worker has all the connections it may have, nobody gets in, however idle those are. All of it can be
//! seen from below HTTP, by who knows when a request is being served: so the stream that actix reads and
//! writes is [`Timed`], and the outermost layer tells it when a request [begins](Connection::serve) and is
//! answered.

mod body;
mod registry;
mod stream;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

pub(crate) use body::Answered;
pub(crate) use registry::Registry;
pub(crate) use stream::Timed;

use crate::call::LEAST_BYTES_A_SECOND;

/// actix closes an idle connection more politely than [`Timed`] can, so it goes first.
const LATER: Duration = Duration::from_secs(1);

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// To send a head whose first byte has come.
    pub(crate) head: Duration,
    /// To send that first byte.
    pub(crate) idle: Duration,
    /// To take anything at all of an answer that it has not taken yet.
    pub(crate) answer: Duration,
}

/// What the layers above and below HTTP tell each other about a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    patience: Patience,
    waits: Cell<WaitsFor>,
    /// Since when the client has taken nothing of what is written to it.
    stuck_since: Cell<Option<Instant>>,
    /// How long it was stuck before, during this answer.
    was_stuck: Cell<Duration>,
    /// Bytes of this answer that it, or the network, has taken.
    taken: Cell<u64>,
    /// Whether nothing may follow the answer to the request that is served.
    is_last: Cell<bool>,
    is_evicted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    /// The first byte of a head, since then.
    Request(Instant),
    /// The rest of a head whose first byte came then.
    Head(Instant),
    /// The server.
    Answer,
}

impl Connection {
    fn new(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            waits: Cell::new(WaitsFor::Request(now)),
            stuck_since: Cell::new(None),
            was_stuck: Cell::new(Duration::ZERO),
            taken: Cell::new(0),
            is_last: Cell::new(false),
            is_evicted: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// Notes that a request has come whole as far as its head, and is served until the result is dropped.
    pub(crate) fn serve(self: &Rc<Self>) -> Serving {
        self.waits.set(WaitsFor::Answer);
        self.was_stuck.set(Duration::ZERO);
        self.taken.set(0);
        Serving(Rc::clone(self))
    }

    /// Notes that the answer to this request is the last of the connection: the client is told so as soon as it
    /// is written, while what it still sends is read for a while.
    pub(crate) fn end_after_answer(&self) {
        self.is_last.set(true);
    }

    /// Whether the last answer was made whole, once.
    fn is_ending(&self) -> bool {
        matches!(self.waits.get(), WaitsFor::Request(_)) && self.is_last.replace(false)
    }

    /// Notes that bytes have come.
    fn has_read(&self, now: Instant) {
        if let WaitsFor::Request(_) = self.waits.get() {
            self.waits.set(WaitsFor::Head(now));
        }
    }

    /// Notes that the client took `bytes`. What it sends of its next request has all the time there is
    /// from here: the end of an answer may be written long after its last byte was made.
    fn has_written(&self, bytes: usize, now: Instant) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.taken.set(self.taken.get().saturating_add(bytes));
        if let Some(since) = self.stuck_since.take() {
            let stuck = now.saturating_duration_since(since);
            self.was_stuck
                .set(self.was_stuck.get().saturating_add(stuck));
        }
        self.waits.set(match self.waits.get() {
            WaitsFor::Request(_) => WaitsFor::Request(now),
            WaitsFor::Head(_) => WaitsFor::Head(now),
            WaitsFor::Answer => WaitsFor::Answer,
        });
    }

    /// Notes that the client takes nothing more for now.
    fn is_stuck(&self, now: Instant) {
        if self.stuck_since.get().is_none() {
            self.stuck_since.set(Some(now));
        }
    }

    /// When the client will have had its time; `None` while it is the server that is waited for.
    fn deadline(&self) -> Option<Instant> {
        if let Some(since) = self.stuck_since.get() {
            let earned = Duration::from_secs(self.taken.get() / LEAST_BYTES_A_SECOND);
            let left = self
                .patience
                .answer
                .saturating_add(earned)
                .saturating_sub(self.was_stuck.get());
            return Some(since + left.min(self.patience.answer));
        }
        match self.waits.get() {
            WaitsFor::Request(since) => Some(since + self.patience.idle + LATER),
            WaitsFor::Head(since) => Some(since + self.patience.head),
            WaitsFor::Answer => None,
        }
    }

    /// Since when it has been of no use to anybody; `None` while a request is served, or an answer is not
    /// written to its end.
    fn idle_since(&self) -> Option<Instant> {
        if self.stuck_since.get().is_some() {
            return None;
        }
        match self.waits.get() {
            WaitsFor::Request(since) | WaitsFor::Head(since) => Some(since),
            WaitsFor::Answer => None,
        }
    }

    /// Ends the connection as soon as its task looks at it again, which it is made to.
    fn evict(&self) {
        self.is_evicted.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn remember(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        match &mut *kept {
            Some(kept) => kept.clone_from(waker),
            None => *kept = Some(waker.clone()),
        }
    }
}

/// A request that is being served, until its answer was made whole or given up.
#[derive(Debug)]
pub(crate) struct Serving(Rc<Connection>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.waits.set(WaitsFor::Request(Instant::now()));
    }
}

#[cfg(test)]
mod tests;

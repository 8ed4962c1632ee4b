use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use super::{Connection, Patience};

/// The open connections of a worker.
///
/// actix stops accepting once a worker has all it may have. So before that point, a connection that comes
/// takes the place of the one that has been idle longest, half a head counting as idle: who holds
/// connections open keeps nobody out, as long as requests are not what fills them.
#[derive(Debug)]
pub(crate) struct Registry {
    patience: Patience,
    /// From how many on each one that comes ends an idle one.
    crowded: usize,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Rc<Connection>>>,
}

impl Registry {
    /// For a worker that may have `most` connections.
    pub(crate) fn new(most: usize, patience: Patience) -> Rc<Self> {
        Rc::new(Self {
            patience,
            crowded: most.saturating_sub((most / 16).max(1)),
            next: Cell::new(0),
            open: RefCell::new(HashMap::new()),
        })
    }

    /// Takes in a connection, at the price of an idle one if there are many.
    pub(super) fn admit(&self) -> (u64, Rc<Connection>) {
        let mut open = self.open.borrow_mut();
        if open.len() >= self.crowded
            && let Some(longest) = open
                .values()
                .filter(|other| !other.is_evicted.get())
                .filter_map(|other| Some((other.idle_since()?, other)))
                .min_by_key(|(since, _)| *since)
                .map(|(_, other)| other)
        {
            longest.evict();
        }
        let connection = Rc::new(Connection::new(self.patience, Instant::now()));
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        open.insert(id, Rc::clone(&connection));
        (id, connection)
    }

    pub(super) fn leave(&self, id: u64) {
        self.open.borrow_mut().remove(&id);
    }
}

//! How a connection is set up, in one place for the writer and every reader, and the readers' pool.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::r2d2::{
    Error as ConnectError, HandleError, ManageConnection, Pool, PoolError, PooledConnection,
    R2D2Connection,
};
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

use super::statement::kept_statement;
use crate::sabotage::{Skipped, skips};

/// Page cache of a connection. Negative means KiB for SQLite: 8 MiB hold the upper levels of every
/// index of some million rows, and ten connections of them stay below 100 MiB.
const CACHE_SIZE: i32 = -8 * 1024;

/// What the journal's file is cut down to when it is begun anew: a reader that took long, or a disk
/// that was slow, may have made it grow.
pub(super) const JOURNAL_SIZE_LIMIT: u32 = 64 * 1024 * 1024;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
    /// A reader that cannot write, not even how the journal is kept.
    Onlooker,
}

/// Sets up a fresh connection. One statement each, because a batch stops silently at a PRAGMA that
/// answers a row.
pub(super) fn set_up(
    conn: &mut SqliteConnection,
    role: Role,
    busy_timeout: Duration,
) -> QueryResult<()> {
    // First, so that the ones below wait for a lock too instead of failing.
    set_busy_timeout(conn, busy_timeout)?;
    // Readers and the writer do not wait for each other.
    if role != Role::Onlooker {
        conn.batch_execute("PRAGMA journal_mode = WAL")?;
    }
    // A commit survives a power cut; NORMAL syncs the WAL at checkpoints only. The writer alone goes there, for
    // groups that the next start can do again (see redo.rs).
    conn.batch_execute(if skips(Skipped::Commits) {
        "PRAGMA synchronous = NORMAL"
    } else {
        "PRAGMA synchronous = FULL"
    })?;
    // Off by default, per connection. The liveness of blobs rests on it.
    conn.batch_execute("PRAGMA foreign_keys = ON")?;
    // A manipulated schema cannot call functions with side effects.
    conn.batch_execute("PRAGMA trusted_schema = OFF")?;
    // Sorting leaves nothing in a temporary folder of unknown size and permissions.
    conn.batch_execute("PRAGMA temp_store = MEMORY")?;
    conn.batch_execute(&format!("PRAGMA cache_size = {CACHE_SIZE}"))?;
    // With a map, an I/O error would be a SIGBUS instead of an error code.
    conn.batch_execute("PRAGMA mmap_size = 0")?;
    // See journal.rs, which does it and looks at what becomes of it.
    conn.batch_execute("PRAGMA wal_autocheckpoint = 0")?;
    conn.batch_execute(&format!("PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT}"))?;
    if role != Role::Writer {
        // A write that was meant for the writer fails here instead of taking its lock.
        conn.batch_execute("PRAGMA query_only = ON")?;
    }
    Ok(())
}

/// How long the connection waits for a lock.
pub(super) fn set_busy_timeout(conn: &mut SqliteConnection, time: Duration) -> QueryResult<()> {
    let millis = time.as_millis().min(i32::MAX.unsigned_abs().into());
    conn.batch_execute(&format!("PRAGMA busy_timeout = {millis}"))
}

/// A path as part of a `file:` address.
pub(super) fn as_uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The readers' connections. Dropping it waits until the last one is closed: r2d2 may still hold
/// some in its threads, and whoever opens the file next would meet them.
pub(super) struct Readers {
    pool: Pool<ReaderManager>,
    manager: ReaderManager,
    /// Tells these readers from another database's on the same thread.
    id: u64,
    // Below the others, hence dropped after them.
    _closed: WaitUntilClosed,
}

/// The reader that a thread has for itself.
struct Own {
    /// Whose it is.
    id: u64,
    reader: Reader,
    state: State,
}

/// What the reads of a thread's own reader see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Each the newest state.
    Newest,
    /// All the same, from the first one on.
    FromFirst,
    /// The same as those before: a transaction is open.
    Pinned,
}

thread_local! {
    static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
}

struct WaitUntilClosed {
    // Disconnected once the pool and every reader are gone.
    closed: Mutex<Receiver<()>>,
    patience: Duration,
}

impl Drop for WaitUntilClosed {
    fn drop(&mut self) {
        if let Ok(closed) = self.closed.get_mut() {
            let _ = closed.recv_timeout(self.patience);
        }
    }
}

impl Readers {
    /// Opens `readers` connections to `url`. `busy_timeout` bounds the wait for one of them too.
    pub(super) fn open(
        url: String,
        role: Role,
        readers: u32,
        busy_timeout: Duration,
    ) -> Result<Self, PoolError> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let (open, closed) = channel();
        let manager = ReaderManager {
            url,
            role,
            busy_timeout,
            open,
        };
        let pool = Pool::builder()
            .max_size(readers.max(1))
            // r2d2 accepts no zero.
            .connection_timeout(busy_timeout.max(Duration::from_millis(1)))
            .error_handler(Box::new(LogErrors))
            // A connection to a local file does not go stale.
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .build(manager.clone())?;
        Ok(Self {
            pool,
            manager,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            _closed: WaitUntilClosed {
                closed: Mutex::new(closed),
                patience: busy_timeout,
            },
        })
    }

    /// A reader of the pool, as soon as one is free.
    pub(super) fn get(&self) -> Result<PooledConnection<ReaderManager>, PoolError> {
        self.pool.get()
    }

    /// Gives this thread a reader of its own, beside the pool, until the thread ends.
    pub(super) fn dedicate(&self) -> Result<(), ConnectError> {
        OWN.replace(Some(Own {
            id: self.id,
            reader: self.manager.connect()?,
            state: State::Newest,
        }));
        Ok(())
    }

    /// Runs `work` on this thread's own reader if it has one, else on one of the pool. The flag says
    /// whether a transaction is open around it.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection, bool) -> T,
    ) -> Result<T, PoolError> {
        // Taken out while it works: a panic loses it, and with it whatever it left half done.
        match OWN.with_borrow_mut(|own| own.take_if(|own| own.id == self.id)) {
            Some(mut own) => {
                // Where it fails, so will the read, which tells why.
                if own.state == State::FromFirst && Begin.execute(&mut *own.reader).is_ok() {
                    own.state = State::Pinned;
                }
                let result = work(&mut own.reader, own.state == State::Pinned);
                OWN.replace(Some(own));
                Ok(result)
            }
            None => Ok(work(&mut *self.get()?, false)),
        }
    }

    /// Runs `reads` so that what this thread's own reader answers meanwhile is of one state. A thread
    /// without one, and a call within another one, gain nothing by it.
    pub(super) fn during(&self, reads: &mut dyn FnMut()) {
        let pinning = OWN.with_borrow_mut(|own| match own {
            Some(own) if own.id == self.id && own.state == State::Newest => {
                own.state = State::FromFirst;
                true
            }
            _ => false,
        });
        let unpin = pinning.then(|| Unpin(self));
        reads();
        drop(unpin);
    }

    /// Ends the one state of this thread's own reader, if it still has both.
    fn unpin(&self) {
        let own = OWN.with_borrow_mut(|own| own.take_if(|own| own.id == self.id));
        let Some(mut own) = own else {
            return;
        };
        // SQLite has ended it by itself after some failures. Whatever else is wrong must not keep the
        // state, because the journal would grow for as long: the thread uses the pool from now on.
        if own.state == State::Pinned
            && let Err(error) = End.execute(&mut *own.reader)
        {
            tracing::warn!(%error, "a worker has no reader of its own any more");
            return;
        }
        own.state = State::Newest;
        OWN.replace(Some(own));
    }
}

/// Ends the one state also when a read panics.
struct Unpin<'a>(&'a Readers);

impl Drop for Unpin<'_> {
    fn drop(&mut self) {
        self.0.unpin();
    }
}

kept_statement!(Begin, "BEGIN");
kept_statement!(End, "COMMIT");

impl Drop for Readers {
    fn drop(&mut self) {
        // Threads close their own readers when they end; this one may live on.
        let _ = OWN.try_with(|own| own.borrow_mut().take_if(|own| own.id == self.id));
    }
}

/// Opens readers for the pool.
#[derive(Clone, Debug)]
pub(super) struct ReaderManager {
    url: String,
    role: Role,
    busy_timeout: Duration,
    open: Sender<()>,
}

/// A reader connection of the pool.
pub(super) struct Reader {
    conn: SqliteConnection,
    // Below the connection, hence dropped after it is closed.
    _open: Sender<()>,
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.conn
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.conn
    }
}

impl ManageConnection for ReaderManager {
    type Connection = Reader;
    type Error = ConnectError;

    fn connect(&self) -> Result<Reader, ConnectError> {
        let mut conn =
            SqliteConnection::establish(&self.url).map_err(ConnectError::ConnectionError)?;
        set_up(&mut conn, self.role, self.busy_timeout).map_err(ConnectError::QueryError)?;
        Ok(Reader {
            conn,
            _open: self.open.clone(),
        })
    }

    fn is_valid(&self, reader: &mut Reader) -> Result<(), ConnectError> {
        reader.ping().map_err(ConnectError::QueryError)
    }

    fn has_broken(&self, reader: &mut Reader) -> bool {
        // A panic may have left a transaction open.
        std::thread::panicking() || reader.is_broken()
    }
}

/// The pool opens connections in threads of its own; what fails there goes to the log.
#[derive(Debug)]
struct LogErrors;

impl<E: std::error::Error> HandleError<E> for LogErrors {
    fn handle_error(&self, error: E) {
        tracing::error!(%error, "a reader connection could not be opened");
    }
}

//! How a connection is set up, in one place for the writer and every reader, and the readers' pool.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::r2d2::{
    Error as ConnectError, HandleError, ManageConnection, Pool, PoolError, PooledConnection,
    R2D2Connection,
};
use diesel::{QueryResult, SqliteConnection};

/// Page cache of a connection. Negative means KiB for SQLite: 8 MiB hold the upper levels of every
/// index of some million rows, and ten connections of them stay below 100 MiB.
const CACHE_SIZE: i32 = -8 * 1024;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
}

/// Sets up a fresh connection. One statement each, because a batch stops silently at a PRAGMA that
/// answers a row.
pub(super) fn set_up(
    conn: &mut SqliteConnection,
    role: Role,
    busy_timeout: Duration,
) -> QueryResult<()> {
    // First, so that the ones below wait for a lock too instead of failing.
    let millis = busy_timeout.as_millis().min(i32::MAX.unsigned_abs().into());
    conn.batch_execute(&format!("PRAGMA busy_timeout = {millis}"))?;
    // Readers and the writer do not wait for each other.
    conn.batch_execute("PRAGMA journal_mode = WAL")?;
    // An acknowledged commit survives a power cut; NORMAL syncs the WAL at checkpoints only.
    conn.batch_execute("PRAGMA synchronous = FULL")?;
    // Off by default, per connection. The liveness of blobs rests on it.
    conn.batch_execute("PRAGMA foreign_keys = ON")?;
    // A manipulated schema cannot call functions with side effects.
    conn.batch_execute("PRAGMA trusted_schema = OFF")?;
    // Sorting leaves nothing in a temporary folder of unknown size and permissions.
    conn.batch_execute("PRAGMA temp_store = MEMORY")?;
    conn.batch_execute(&format!("PRAGMA cache_size = {CACHE_SIZE}"))?;
    // With a map, an I/O error would be a SIGBUS instead of an error code.
    conn.batch_execute("PRAGMA mmap_size = 0")?;
    if role == Role::Reader {
        // A write that was meant for the writer fails here instead of taking its lock.
        conn.batch_execute("PRAGMA query_only = ON")?;
    }
    Ok(())
}

/// The readers' connections. Dropping it waits until the last one is closed: r2d2 may still hold
/// some in its threads, and whoever opens the file next would meet them.
pub(super) struct Readers {
    pool: Pool<ReaderManager>,
    // Below the pool, hence dropped after it.
    _closed: WaitUntilClosed,
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
        readers: u32,
        busy_timeout: Duration,
    ) -> Result<Self, PoolError> {
        let (open, closed) = channel();
        let pool = Pool::builder()
            .max_size(readers.max(1))
            // r2d2 accepts no zero.
            .connection_timeout(busy_timeout.max(Duration::from_millis(1)))
            .error_handler(Box::new(LogErrors))
            // A connection to a local file does not go stale.
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .build(ReaderManager {
                url,
                busy_timeout,
                open,
            })?;
        Ok(Self {
            pool,
            _closed: WaitUntilClosed {
                closed: Mutex::new(closed),
                patience: busy_timeout,
            },
        })
    }

    /// A reader, as soon as one is free.
    pub(super) fn get(&self) -> Result<PooledConnection<ReaderManager>, PoolError> {
        self.pool.get()
    }
}

/// Opens readers for the pool.
#[derive(Debug)]
pub(super) struct ReaderManager {
    url: String,
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
        set_up(&mut conn, Role::Reader, self.busy_timeout).map_err(ConnectError::QueryError)?;
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

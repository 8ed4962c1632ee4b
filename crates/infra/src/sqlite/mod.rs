//! The repositories on SQLite.
//!
//! [`SqliteDatabase`] owns one file: a pool of reader connections and one writer thread that
//! commits jobs in groups. Each repository is one file here, named like its port, and one method
//! of it is one transaction.
//!
//! **Adding a query.** Write it in Diesel's DSL and give it an index; fetch a unique row with
//! `get_result`, because `first` binds a LIMIT, for which SQLite prepares the statement again at
//! every call; `tests/query_plans.rs` runs
//! every statement through `EXPLAIN QUERY PLAN` and fails on a scan. Reads go through
//! `SqliteDatabase::read` (one statement) or `snapshot` (several that must agree), writes through
//! `write`. **Adding a migration.** A new folder in `migrations/sqlite`; a released one never
//! changes.

mod audit;
mod avatars;
mod blobs;
mod claims;
mod connection;
mod error;
mod favourites;
mod feed;
mod files;
mod interaction_rows;
mod interactions;
mod journal;
mod once;
mod open;
mod packed;
mod redo;
mod room;
mod row;
mod schema;
mod sessions;
mod snapshot;
mod sorted;
mod statement;
mod trash;
mod upkeep;
mod usage;
mod users;
mod withheld;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use kms_domain::{Done, OneState, PortError, PortErrorKind};

pub use audit::SqliteAuditLog;
pub use avatars::SqliteAvatarRepository;
pub use blobs::SqliteBlobRepository;
pub use favourites::SqliteFavouriteRepository;
pub use feed::SqliteFeedRepository;
pub use files::SqliteFileRepository;
pub use interactions::SqliteInteractionRepository;
pub use once::SqliteOnceRepository;
pub use open::OpenError;
pub use sessions::SqliteSessionRepository;
pub(crate) use snapshot::{Content, LiveDatabase, SavedDatabase, SnapshotError};
pub use trash::SqliteTrashRepository;
pub use upkeep::SqliteUpkeepRepository;
pub use usage::SqliteUsageRepository;
pub use users::SqliteUserRepository;

use connection::Readers;
use error::{During, SqliteError};
use writer::{Terms, Writer};

/// Where a database is and how much it may use.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The database file. Its folder must be there.
    pub path: PathBuf,
    /// Reader connections, each good for one query at a time; at least 1.
    pub readers: u32,
    /// How long a query waits for a lock or for a reader connection.
    pub busy_timeout: Duration,
    /// Most writes that wait for the writer; the next one is refused as unavailable.
    pub queue: usize,
    /// Most writes that share a transaction and its sync; at least 1. Bounds how long the first of
    /// them waits for the last.
    pub group: usize,
    /// Who opens it.
    pub access: Access,
}

/// Who opens a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Who holds the lock of the data folder: makes the file if it is missing, checks it and brings its
    /// schema up to date.
    Owner,
    /// Who works beside an owner, or without one: finds the file there and the schema current, or is
    /// refused.
    Guest,
    /// A guest who only looks: neither the database nor its journal changes, also if a process that was
    /// killed has left something to be recovered. Every write fails.
    Onlooker,
}

impl SqliteConfig {
    /// 8 readers, 5 seconds, 1024 waiting writes, 256 in a group, as the owner.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 8,
            busy_timeout: Duration::from_secs(5),
            queue: 1024,
            group: 256,
            access: Access::Owner,
        }
    }
}

/// An open database. Clones share it; when the last one and the last repository are gone, queued
/// writes are finished and the file is closed.
#[derive(Clone)]
pub struct SqliteDatabase(Arc<Inner>);

/// What is called when a write finds the disk full.
#[derive(Clone, Default)]
struct WhenFull(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl WhenFull {
    fn watch(&self, error: &SqliteError) {
        if error.kind() == PortErrorKind::StorageFull
            && let Some(hook) = self.0.get()
        {
            hook();
        }
    }
}

struct Inner {
    when_full: WhenFull,
    /// Whether those are carried out that were kept before, so that more may be kept.
    keeps_notes: AtomicBool,
    /// Whether the journal that was found was copied, and the copy synced.
    was_copied: bool,
    readers: Readers,
    // Below the readers, hence dropped after them: the last to close checkpoints.
    writer: Writer,
}

impl SqliteDatabase {
    /// Opens the database: checks the library and the file, as an owner brings the schema up to date,
    /// and starts the writer. Blocks, for seconds if the file is
    /// large.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do about it. Nothing is ever repaired by
    /// itself.
    pub fn open(config: SqliteConfig) -> Result<Self, OpenError> {
        open::open(config, writer::commit, journal::checkpoint)
    }

    /// Has `hook` called when a write finds the disk full, before its caller is told: it may give room
    /// back. Only the first hook counts. It may be called from the writer's thread.
    pub fn when_full(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.when_full.0.set(Box::new(hook));
    }

    /// Has notes kept of small uploads from now on: those of before have been carried out.
    pub(crate) fn keep_notes(&self) {
        self.0.keeps_notes.store(true, Ordering::Release);
    }

    /// Whether the state that was found at the start is surely on the disk.
    pub(crate) fn was_copied(&self) -> bool {
        self.0.was_copied
    }

    /// Whether notes may be kept.
    pub(crate) fn keeps_notes(&self) -> bool {
        self.0.keeps_notes.load(Ordering::Acquire)
    }

    /// Runs one query on a reader. It sees everything that was acknowledged before the call, or before
    /// the first one of those that are to see one state ([`OneState`]).
    fn read<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqliteError>,
    ) -> Result<T, PortError> {
        let result = self.0.readers.with(|conn, _| work(conn));
        Ok(result.map_err(SqliteError::Pool)??)
    }

    /// Runs several queries on a reader, all of which see one state of the database.
    fn snapshot<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqliteError>,
    ) -> Result<T, PortError> {
        let result = self.0.readers.with(|conn, is_pinned| {
            if is_pinned {
                return work(conn);
            }
            // Deferred is right here: a reader never turns into a writer.
            conn.batch_execute("BEGIN").during("begin a snapshot")?;
            let result = work(conn);
            conn.batch_execute("ROLLBACK").during("end a snapshot")?;
            result
        });
        Ok(result.map_err(SqliteError::Pool)??)
    }

    /// Gives the calling thread a reader of its own until it ends, so that its reads wait for
    /// nobody else's. For a few threads that serve many short reads: each costs a connection.
    ///
    /// # Errors
    /// [`PortError`] when the connection cannot be opened.
    pub fn dedicate_reader(&self) -> Result<(), PortError> {
        self.0.readers.dedicate().map_err(PortError::internal)
    }

    /// Runs `work` as one transaction and answers when it is durable. `operation` names it in
    /// errors.
    fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
    {
        let result = self.0.writer.run(operation, work);
        Ok(result.inspect_err(|error| self.0.when_full.watch(error))?)
    }

    /// Like [`write`](Self::write), but returns at once; `done` is called when it is durable, or, where the
    /// terms say that there is a note of it, when everybody can see it and the note is durable.
    fn write_then<T, F>(&self, terms: Terms<T>, work: F, done: Done<T>)
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
    {
        let when_full = self.0.when_full.clone();
        self.0.writer.submit(terms, work, move |result| {
            let result = result.inspect_err(|error| when_full.watch(error));
            done(result.map_err(PortError::from));
        });
    }
}

impl OneState for SqliteDatabase {
    fn during(&self, reads: &mut dyn FnMut()) {
        self.0.readers.during(reads);
    }
}

#[cfg(test)]
mod tests;

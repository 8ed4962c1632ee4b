//! Copying the journal into the database, on a thread beside the writer.
//!
//! SQLite would have the commit that makes the journal long enough do it, and everybody who waits for
//! that commit or the next would wait for some thousand pages as well. Here a thread with a connection
//! of its own copies while the writer goes on. It cannot finish while there are commits all the time,
//! and a journal that is not copied to its end is not begun anew. So the writer does the last step
//! between two groups: the few pages that were committed while the thread copied.
//!
//! SQLite's own checkpoints are off, because they drop their errors. An error here closes the writer:
//! after a sync that failed, the kernel may call pages clean that never reached the disk, and the
//! journal is the only sound copy of them.
//!
//! The thread also syncs the journal after commits that were left to notes (see redo.rs).

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use kms_domain::PortErrorKind;

use super::connection::set_busy_timeout;
use super::error::classify;
use crate::threads::join;

/// Pages in the journal from which on it is copied. A page that many commits have changed is copied
/// once, so 16 MiB make that rarer than SQLite's own 4.
pub(super) const LONG: i64 = 4000;

/// How long the writer waits, with a journal of [`LONG`] pages, for readers that are in the way of
/// beginning it anew; longer with a longer one, so that it is the same time for each page. A read of a
/// few rows takes less. A journal that could not be begun anew is tried again at twice its length.
const PATIENCE: Duration = Duration::from_millis(20);

/// Pages that the writer may be left to copy: about a millisecond.
const REST: i64 = 100;

/// Times that the thread goes over the journal before it leaves the rest to the writer, whatever it is.
/// Each takes a fraction of the time of the one before it, in which as much less is committed.
const PASSES: usize = 4;

/// Commits, and jobs in them, after which the thread looks at the journal. A look is cheap, but waking
/// the thread at every commit is not.
const GROUPS: usize = 32;
const JOBS: usize = 256;

/// What is done to the journal. Only tests put another in place of [`checkpoint`].
pub(super) type Checkpoint = fn(&mut SqliteConnection, Step) -> QueryResult<Progress>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Look,
    /// Copies what no reader is in the way of, and waits for nobody.
    Copy,
    /// Copies all, and has the next write begin the journal anew. Waits for readers and other writers
    /// as long as the connection waits for locks.
    BeginAnew,
}

/// How long the journal is, and how much of it is in the database.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(super) struct Progress {
    /// Its pages.
    #[diesel(sql_type = BigInt, column_name = log)]
    pub(super) pages: i64,
    #[diesel(sql_type = BigInt, column_name = checkpointed)]
    pub(super) copied: i64,
}

impl Progress {
    const fn left(self) -> i64 {
        self.pages.saturating_sub(self.copied)
    }
}

/// A checkpoint of SQLite's.
pub(super) fn checkpoint(conn: &mut SqliteConnection, step: Step) -> QueryResult<Progress> {
    sql_query(match step {
        Step::Look => "PRAGMA wal_checkpoint(NOOP)",
        Step::Copy => "PRAGMA wal_checkpoint(PASSIVE)",
        Step::BeginAnew => "PRAGMA wal_checkpoint(RESTART)",
    })
    .get_result(conn)
}

/// What the writer and the thread tell each other.
#[derive(Default)]
struct Shared {
    /// Milliseconds that the writer may wait in the last step, which it is to do; 0: not yet.
    last_step: AtomicU64,
    /// A checkpoint has failed, or a sync.
    broken: AtomicBool,
    /// There are commits that were left to notes.
    is_unsynced: AtomicBool,
}

impl Shared {
    /// Ends everything if `error` may be that of a sync. A lock or a full disk passes.
    fn failed(&self, error: &diesel::result::Error) {
        match classify(error) {
            PortErrorKind::Internal => {
                if !self.broken.swap(true, Ordering::SeqCst) {
                    tracing::error!(
                        %error,
                        "the journal could not be copied to the database; no write will succeed \
                         until the server is restarted"
                    );
                }
            }
            PortErrorKind::StorageFull | PortErrorKind::Unavailable => {
                tracing::warn!(%error, "the journal could not be copied to the database yet");
            }
        }
    }

    /// Ends everything after a sync that failed, whatever the reason.
    fn sync_failed(&self, error: &io::Error) {
        if !self.broken.swap(true, Ordering::SeqCst) {
            tracing::error!(
                %error,
                "the journal could not be synced; no write will succeed until the server is restarted"
            );
        }
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

/// The writer's end. Dropping it ends the thread and waits for that.
pub(super) struct Journal {
    shared: Arc<Shared>,
    checkpoint: Checkpoint,
    busy_timeout: Duration,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    groups: usize,
    jobs: usize,
}

impl Journal {
    /// Starts the thread, which uses `conn`, whose journal is in `file`; `None` where every commit is synced.
    /// The writer's connection has the same `busy_timeout`.
    pub(super) fn start(
        conn: SqliteConnection,
        file: Option<File>,
        busy_timeout: Duration,
        checkpoint: Checkpoint,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (wake, woken) = sync_channel(1);
        let copier = Copier {
            conn,
            file,
            checkpoint,
            shared: Arc::clone(&shared),
            tried: 0,
        };
        let thread = Builder::new()
            .name("sqlite-journal".to_owned())
            .spawn(move || copier.run(&woken))?;
        Ok(Self {
            shared,
            checkpoint,
            busy_timeout,
            wake: Some(wake),
            thread: Some(thread),
            groups: 0,
            jobs: 0,
        })
    }

    /// Whether a checkpoint has failed, after which nothing may be acknowledged.
    pub(super) fn is_broken(&self) -> bool {
        self.shared.is_broken()
    }

    /// After the commit of a group of `jobs`, outside of a transaction, on the writer's connection. Was it
    /// not synced, the thread does that when it looks, so that not much has to be done again after a power
    /// cut, and the next sync has not much to wait for.
    pub(super) fn committed(&mut self, jobs: usize, is_synced: bool, conn: &mut SqliteConnection) {
        if !is_synced {
            self.shared.is_unsynced.store(true, Ordering::SeqCst);
        }
        match self.shared.last_step.swap(0, Ordering::SeqCst) {
            0 => {}
            millis => self.settle(|| self.begin_anew(conn, Duration::from_millis(millis))),
        }
        self.groups = self.groups.saturating_add(1);
        self.jobs = self.jobs.saturating_add(jobs);
        if self.groups < GROUPS && self.jobs < JOBS {
            return;
        }
        (self.groups, self.jobs) = (0, 0);
        let woken = self.wake.as_ref().map(|wake| wake.try_send(()));
        // Full: it is copying, and looks again afterwards. Gone: it panicked, and somebody has to.
        if let Some(Err(TrySendError::Disconnected(()))) = woken {
            self.settle(|| (self.checkpoint)(conn, Step::Copy).map(drop));
        }
    }

    fn begin_anew(&self, conn: &mut SqliteConnection, patience: Duration) -> QueryResult<()> {
        set_busy_timeout(conn, patience)?;
        let done = (self.checkpoint)(conn, Step::BeginAnew);
        set_busy_timeout(conn, self.busy_timeout)?;
        done.map(drop)
    }

    fn settle(&self, work: impl FnOnce() -> QueryResult<()>) {
        if self.is_broken() {
            return;
        }
        if let Err(error) = work() {
            self.shared.failed(&error);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.wake = None;
        join(self.thread.take(), "the thread that copies the journal");
    }
}

/// The thread's end.
struct Copier {
    conn: SqliteConnection,
    /// The journal.
    file: Option<File>,
    checkpoint: Checkpoint,
    shared: Arc<Shared>,
    /// How long the journal was when the writer was last asked to do the last step.
    tried: i64,
}

impl Copier {
    fn run(mut self, woken: &Receiver<()>) {
        while woken.recv().is_ok() && !self.shared.is_broken() {
            if self.shared.is_unsynced.swap(false, Ordering::SeqCst)
                && let Some(file) = &self.file
                && let Err(error) = file.sync_data()
            {
                self.shared.sync_failed(&error);
                return;
            }
            if let Err(error) = self.look() {
                self.shared.failed(&error);
            }
        }
    }

    fn look(&mut self) -> QueryResult<()> {
        let look = self.step(Step::Look)?;
        if look.pages < self.tried {
            // It was begun anew since.
            self.tried = 0;
        }
        if look.pages < LONG.max(self.tried.saturating_mul(2)) {
            return Ok(());
        }
        let mut now = look;
        for _ in 0..PASSES {
            self.step(Step::Copy)?;
            now = self.step(Step::Look)?;
            if now.left() <= REST {
                break;
            }
        }
        // Whatever is left: it is what was committed during the last pass, or a reader is in the way of
        // it, and then the writer gives up after its patience.
        self.tried = now.pages;
        let lengths = u64::try_from(now.pages / LONG).unwrap_or(1).max(1);
        let millis = u64::try_from(PATIENCE.as_millis()).unwrap_or(1);
        let patience = millis.saturating_mul(lengths);
        self.shared.last_step.store(patience, Ordering::SeqCst);
        Ok(())
    }

    fn step(&mut self, step: Step) -> QueryResult<Progress> {
        (self.checkpoint)(&mut self.conn, step)
    }
}

#[cfg(test)]
mod tests;

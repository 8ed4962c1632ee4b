//! The one writer, with group commit.
//!
//! A sync costs the same whether it makes one transaction durable or two hundred, so jobs that
//! queue up while a commit runs share the next one. Each job is a savepoint of its own: a failure or
//! a panic undoes that job and no other. Nobody is answered before the commit that holds the job
//! returned.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use diesel::connection::SimpleConnection;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};
use kms_domain::PortErrorKind;

use super::error::{SqliteError, classify};

/// Most jobs that share a transaction: bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 256;

/// How a transaction is committed. Only tests put another in place of [`commit`].
pub(super) type Commit = fn(&mut SqliteConnection) -> QueryResult<()>;

/// Commits the open transaction, durably because of `synchronous = FULL`.
pub(super) fn commit(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute("COMMIT")
}

/// Where the result of a job arrives.
type Answer<T> = Receiver<Result<T, SqliteError>>;

/// The queue to the writer's thread. Dropping it lets the thread finish what is queued and waits
/// for that.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. At most `queue` jobs wait.
    pub(super) fn start(conn: SqliteConnection, queue: usize, commit: Commit) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(queue.max(1));
        let thread = Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(conn, &receiver, commit))?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction and answers after its commit. `operation` names it in errors.
    pub(super) fn run<T, F>(&self, operation: &'static str, work: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
    {
        let answer = self.submit(operation, work)?;
        answer.recv().map_err(|_| SqliteError::WriterGone)?
    }

    /// Queues `work`, without waiting.
    fn submit<T, F>(&self, operation: &'static str, work: F) -> Result<Answer<T>, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        let task = Task {
            operation,
            work: Some(work),
            result: None,
            reply,
        };
        let queue = self.queue.as_ref().ok_or(SqliteError::WriterGone)?;
        queue.try_send(Box::new(task)).map_err(|e| match e {
            TrySendError::Full(_) => SqliteError::QueueFull,
            TrySendError::Disconnected(_) => SqliteError::WriterGone,
        })?;
        Ok(answer)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

/// A job whose result waits for the commit.
trait Job: Send {
    /// Does the work. `Err`: it is to be undone, and why, as far as it matters to its neighbours.
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), PortErrorKind>;

    /// Answers the caller, once it is settled what became of the transaction.
    fn answer(self: Box<Self>, group: &Result<(), GroupError>);
}

struct Task<T, F> {
    operation: &'static str,
    work: Option<F>,
    result: Option<Result<T, SqliteError>>,
    reply: SyncSender<Result<T, SqliteError>>,
}

/// Why nothing of a group is stored.
enum GroupError {
    Lost {
        kind: PortErrorKind,
        source: Arc<DieselError>,
    },
    Poisoned,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send,
{
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), PortErrorKind> {
        let Some(work) = self.work.take() else {
            return Err(PortErrorKind::Internal);
        };
        // The savepoint around the job undoes whatever it left half done.
        let result = catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or_else(|panic| {
            Err(SqliteError::Panicked {
                operation: self.operation,
                message: panic_message(&*panic),
            })
        });
        let kept = match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.kind()),
        };
        self.result = Some(result);
        kept
    }

    fn answer(self: Box<Self>, group: &Result<(), GroupError>) {
        let answer = match (self.result, group) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(SqliteError::WriterGone),
            (_, Err(GroupError::Poisoned)) => Err(SqliteError::Poisoned),
            (_, Err(GroupError::Lost { kind, source })) => Err(SqliteError::GroupLost {
                operation: self.operation,
                kind: *kind,
                source: Arc::clone(source),
            }),
        };
        // A caller that has gone away wants no answer.
        let _ = self.reply.send(answer);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "not a text".to_owned())
}

fn run(mut conn: SqliteConnection, queue: &Receiver<Box<dyn Job>>, commit: Commit) {
    let mut poisoned = false;
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(MAX_GROUP - 1));
        let outcome = if poisoned {
            Err(GroupError::Poisoned)
        } else {
            run_group(&mut conn, &mut group, commit).map_err(|failure| {
                poisoned = failure.poisons;
                failure.error
            })
        };
        for job in group {
            job.answer(&outcome);
        }
    }
}

struct GroupFailure {
    error: GroupError,
    poisons: bool,
}

impl GroupFailure {
    fn lost(kind: PortErrorKind, source: DieselError) -> Self {
        Self {
            error: GroupError::Lost {
                kind,
                source: Arc::new(source),
            },
            poisons: false,
        }
    }

    /// After a commit that failed for any reason but a lock or a full disk, the kernel may have
    /// dropped pages that it reported once and will call clean from now on. What a later commit
    /// would build on is unknown, so there is none until a restart has read the files afresh.
    fn commit(source: DieselError) -> Self {
        let kind = classify(&source);
        let poisons = kind == PortErrorKind::Internal;
        if poisons {
            tracing::error!(
                error = %source,
                "a commit failed; no write will succeed until the server is restarted"
            );
        }
        Self {
            poisons,
            ..Self::lost(kind, source)
        }
    }
}

fn run_group(
    conn: &mut SqliteConnection,
    group: &mut [Box<dyn Job>],
    commit: Commit,
) -> Result<(), GroupFailure> {
    let begun = conn.batch_execute("BEGIN IMMEDIATE");
    begun.map_err(|e| GroupFailure::lost(classify(&e), e))?;
    let outcome = run_jobs(conn, group).and_then(|()| commit(conn).map_err(GroupFailure::commit));
    if outcome.is_err() {
        // SQLite rolls back by itself after some failures; then there is nothing left to do here.
        let _ = conn.batch_execute("ROLLBACK");
    }
    outcome
}

fn run_jobs(conn: &mut SqliteConnection, group: &mut [Box<dyn Job>]) -> Result<(), GroupFailure> {
    for job in group {
        Savepoint
            .execute(conn)
            .map_err(|e| GroupFailure::lost(classify(&e), e))?;
        let (settled, kind) = match job.run(conn) {
            Ok(()) => (Release.execute(conn).map(drop), PortErrorKind::Internal),
            Err(kind) => (conn.batch_execute("ROLLBACK TO job; RELEASE job"), kind),
        };
        // A full disk or an I/O error makes SQLite roll back the whole transaction. The savepoint
        // is gone then, and with it the work of the neighbours.
        settled.map_err(|e| GroupFailure::lost(kind, e))?;
    }
    Ok(())
}

/// A statement without parameters that is prepared once and kept: `batch_execute` prepares anew at
/// every call, which for the two around each job is a tenth of the writer's time.
macro_rules! kept_statement {
    ($name:ident, $sql:literal) => {
        #[derive(QueryId)]
        struct $name;

        impl QueryFragment<Sqlite> for $name {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                pass.push_sql($sql);
                Ok(())
            }
        }

        impl RunQueryDsl<SqliteConnection> for $name {}
    };
}

kept_statement!(Savepoint, "SAVEPOINT job");
kept_statement!(Release, "RELEASE job");

#[cfg(test)]
mod tests;

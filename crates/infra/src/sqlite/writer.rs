//! The one writer, with group commit.
//!
//! A sync costs the same whether it makes one transaction durable or two hundred, so jobs that
//! queue up while a commit runs share the next one. Each job is a savepoint of its own, or a single
//! statement, which SQLite undoes by itself: a failure undoes that job and no other. Nobody is
//! answered before the commit that holds the job returned.
//!
//! An answer is a call from the writer's thread ([`Reply`]), so that whoever waits need not be a
//! thread.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};
use kms_domain::PortErrorKind;

use super::error::{SqliteError, classify};
use super::journal::Journal;
use super::statement::kept_statement;

/// How a transaction is committed. Only tests put another in place of [`commit`].
pub(super) type Commit = fn(&mut SqliteConnection) -> QueryResult<()>;

/// Commits the open transaction, durably because of `synchronous = FULL`.
pub(super) fn commit(conn: &mut SqliteConnection) -> QueryResult<()> {
    CommitGroup.execute(conn).map(drop)
}

/// How much the writer takes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most jobs that wait.
    pub(super) queue: usize,
    /// Most jobs that share a transaction: bounds how long the first of them waits for the last.
    pub(super) group: usize,
}

/// What is called with the result of a job, exactly once. It must not block.
type Reply<T> = Box<dyn FnOnce(Result<T, SqliteError>) + Send>;

/// How a job that failed is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    /// By a savepoint around it: right for every job.
    Savepoint,
    /// By SQLite itself, for a job that fails at the first statement that changes something, or else loses
    /// the whole group ([`SqliteError::half_done`]): that is only for failures that cannot be brought
    /// about. A savepoint makes SQLite copy each page before its first change, which costs as much as
    /// such a job.
    Statement,
}

/// The queue to the writer's thread. Dropping it lets the thread finish what is queued and waits
/// for that.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        conn: SqliteConnection,
        journal: Journal,
        bounds: Bounds,
        commit: Commit,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(bounds.queue.max(1));
        let thread = Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(conn, journal, &receiver, bounds.group.max(1), commit))?;
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
        let (sender, answer) = sync_channel(1);
        self.submit(operation, Undo::Savepoint, work, move |result| {
            // A caller that has gone away wants no answer.
            let _ = sender.send(result);
        });
        answer.recv().map_err(|_| SqliteError::WriterGone)?
    }

    /// Queues `work`, without waiting, and has `reply` called with its result: after the commit, or
    /// right here if it is refused.
    pub(super) fn submit<T, F>(
        &self,
        operation: &'static str,
        undo: Undo,
        work: F,
        reply: impl FnOnce(Result<T, SqliteError>) + Send + 'static,
    ) where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
    {
        let task = Box::new(Task {
            operation,
            undo,
            work: Some(work),
            result: None,
            reply: Box::new(reply),
        });
        let Some(queue) = self.queue.as_ref() else {
            return task.refuse(SqliteError::WriterGone);
        };
        match queue.try_send(task) {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => job.refuse(SqliteError::QueueFull),
            Err(TrySendError::Disconnected(job)) => job.refuse(SqliteError::WriterGone),
        }
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
    /// How it is undone.
    fn undo(&self) -> Undo;

    /// Does the work. `Err`: it is to be undone, and why, as far as it matters to its neighbours.
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), Undone>;

    /// Answers the caller, once it is settled what became of the transaction.
    fn answer(self: Box<Self>, group: &Result<(), GroupError>);

    /// Answers the caller that the job was not taken.
    fn refuse(self: Box<Self>, error: SqliteError);
}

/// What a job that failed means to its neighbours.
struct Undone {
    kind: PortErrorKind,
    /// It has changed nothing, and the transaction stands.
    only_refused: bool,
}

struct Task<T, F> {
    operation: &'static str,
    undo: Undo,
    work: Option<F>,
    result: Option<Result<T, SqliteError>>,
    reply: Reply<T>,
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
    fn undo(&self) -> Undo {
        self.undo
    }

    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), Undone> {
        let Some(work) = self.work.take() else {
            return Err(Undone {
                kind: PortErrorKind::Internal,
                only_refused: false,
            });
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
            Err(error) => Err(Undone {
                kind: error.kind(),
                only_refused: error.has_changed_nothing(),
            }),
        };
        self.result = Some(result);
        kept
    }

    fn refuse(self: Box<Self>, error: SqliteError) {
        (self.reply)(Err(error));
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
        let reply = self.reply;
        // The thread serves everybody else as well.
        if catch_unwind(AssertUnwindSafe(|| reply(answer))).is_err() {
            tracing::error!(self.operation, "what waited for a write panicked");
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "not a text".to_owned())
}

fn run(
    mut conn: SqliteConnection,
    mut journal: Journal,
    queue: &Receiver<Box<dyn Job>>,
    most: usize,
    commit: Commit,
) {
    let mut poisoned = false;
    let mut group = Vec::new();
    while let Ok(first) = queue.recv() {
        group.push(first);
        group.extend(queue.try_iter().take(most - 1));
        let mut outcome = if poisoned || journal.is_broken() {
            Err(GroupError::Poisoned)
        } else {
            run_group(&mut conn, &mut group, commit).map_err(|failure| {
                poisoned = failure.poisons;
                failure.error
            })
        };
        // It may have broken while the group ran, and with it what the group rests on.
        if outcome.is_ok() && journal.is_broken() {
            outcome = Err(GroupError::Poisoned);
        }
        let jobs = group.len();
        for job in group.drain(..) {
            job.answer(&outcome);
        }
        if outcome.is_ok() {
            journal.committed(jobs, &mut conn);
        }
    }
    poisoned |= journal.is_broken();
    drop(journal);
    if poisoned {
        // The last connection that closes copies the journal and deletes it. After a sync that
        // failed, the journal has to stay for the restart, which reads it with its checksums.
        std::mem::forget(conn);
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
    let begun = BeginGroup.execute(conn);
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
        match job.undo() {
            Undo::Savepoint => run_in_savepoint(conn, job.as_mut())?,
            Undo::Statement => run_alone(conn, job.as_mut())?,
        }
    }
    Ok(())
}

fn run_in_savepoint(conn: &mut SqliteConnection, job: &mut dyn Job) -> Result<(), GroupFailure> {
    Savepoint
        .execute(conn)
        .map_err(|e| GroupFailure::lost(classify(&e), e))?;
    let (settled, kind) = match job.run(conn) {
        Ok(()) => (Release.execute(conn).map(drop), PortErrorKind::Internal),
        Err(undone) => (
            conn.batch_execute("ROLLBACK TO job; RELEASE job"),
            undone.kind,
        ),
    };
    // A full disk or an I/O error makes SQLite roll back the whole transaction. The savepoint
    // is gone then, and with it the work of the neighbours.
    settled.map_err(|e| GroupFailure::lost(kind, e))
}

/// A job that was refused or met a constraint has changed nothing, and the transaction goes on. After any
/// other failure SQLite may have rolled back everything, and what followed would commit by itself.
fn run_alone(conn: &mut SqliteConnection, job: &mut dyn Job) -> Result<(), GroupFailure> {
    match job.run(conn) {
        Ok(()) => Ok(()),
        Err(undone) if undone.only_refused => Ok(()),
        Err(undone) => Err(GroupFailure::lost(
            undone.kind,
            DieselError::RollbackTransaction,
        )),
    }
}

kept_statement!(BeginGroup, "BEGIN IMMEDIATE");
kept_statement!(CommitGroup, "COMMIT");
kept_statement!(Savepoint, "SAVEPOINT job");
kept_statement!(Release, "RELEASE job");

#[cfg(test)]
mod tests;

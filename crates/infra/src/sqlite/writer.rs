//! The one writer, with group commit.
//!
//! A sync costs the same whether it makes one transaction durable or two hundred, so jobs that
//! queue up while a commit runs share the next one. Each job is a savepoint of its own, or a single
//! statement, which SQLite undoes by itself: a failure undoes that job and no other. Nobody is
//! answered before the commit that holds the job returned.
//!
//! An answer is a call from the writer's thread ([`Reply`]), so that whoever waits need not be a
//! thread.
//!
//! A group of nothing but jobs of which the store has notes, durable by the time of the commit, is not
//! synced: see [`redo`](super::redo).

mod job;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, Sender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};
use kms_domain::PortErrorKind;

use job::{GroupError, Job, Task};
pub(super) use job::{Terms, Undo};

use super::error::{SqliteError, classify};
use super::journal::Journal;
use super::redo::{Redo, touch};
use super::room::{Closing, Room};
use super::statement::kept_statement;
use crate::threads::join;

/// How a transaction is committed. Only tests put another in place of [`commit`].
pub(super) type Commit = fn(&mut SqliteConnection) -> QueryResult<()>;

/// Commits the open transaction: durably, together with all before it, where the connection is set to
/// `synchronous = FULL`, and not durably by itself where it is set to NORMAL ([`Redo::sync_commits`]).
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

/// The queue to the writer's thread. Dropping it lets the thread finish what is queued and waits
/// for that.
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    room: Arc<Room>,
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
        let (sender, receiver) = channel();
        let room = Arc::new(Room::new(bounds.queue));
        let queue = Queue {
            receiver,
            room: Closing(Arc::clone(&room)),
            most: bounds.group.max(1),
        };
        let thread = Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(conn, journal, &queue, commit))?;
        Ok(Self {
            queue: Some(sender),
            room,
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
        let terms = Terms::new(operation, Undo::Savepoint);
        self.submit(terms, work, move |result| {
            // A caller that has gone away wants no answer.
            let _ = sender.send(result);
        });
        answer.recv().map_err(|_| SqliteError::WriterGone)?
    }

    /// Blocks until jobs find room in the queue.
    pub(super) fn wait_for_room(&self) {
        self.room.wait();
    }

    /// Queues `work`, without waiting, and has `reply` called with its result: after the commit, or right
    /// here if it is refused.
    pub(super) fn submit<T, F>(
        &self,
        terms: Terms<T>,
        work: F,
        reply: impl FnOnce(Result<T, SqliteError>) + Send + 'static,
    ) where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
    {
        let is_noted = terms.noted.is_some();
        let task = Box::new(Task {
            terms,
            work: Some(work),
            result: None,
            reply: Box::new(reply),
        });
        let Some(queue) = self.queue.as_ref() else {
            return task.refuse(SqliteError::WriterGone);
        };
        if is_noted {
            self.room.take_anyhow();
        } else if !self.room.take() {
            return task.refuse(SqliteError::QueueFull);
        }
        if let Err(SendError(job)) = queue.send(task) {
            job.refuse(SqliteError::WriterGone);
        }
    }
}

/// The writer's end of the queue.
struct Queue {
    receiver: Receiver<Box<dyn Job>>,
    room: Closing,
    /// Most jobs of a group.
    most: usize,
}

impl Queue {
    /// Waits for the next jobs, which are to share a transaction. `false`: there will be none.
    fn next(&self, group: &mut Vec<Box<dyn Job>>) -> bool {
        let Ok(first) = self.receiver.recv() else {
            return false;
        };
        group.push(first);
        let more = self.most.saturating_sub(1);
        group.extend(self.receiver.try_iter().take(more));
        self.room.0.give(group.len());
        true
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        join(self.thread.take(), "the writer thread");
    }
}

fn run(mut conn: SqliteConnection, mut journal: Journal, queue: &Queue, commit: Commit) {
    let mut poisoned = false;
    let mut group = Vec::new();
    let mut redo = Redo::new();
    while queue.next(&mut group) {
        if !is_left_to_notes(&group) {
            // Others do not fail because a record could not be stored.
            refuse_unsettled(&mut group);
        }
        let mut outcome = if poisoned || journal.is_broken() {
            Err(GroupError::Poisoned)
        } else {
            run_group(&mut conn, &mut group, &mut redo, commit).map_err(|failure| {
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
            journal.committed(jobs, redo.is_synced(), &mut conn);
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

    /// The same where something has changed nevertheless.
    fn unknown(self) -> Self {
        let error = match self.error {
            GroupError::Lost { source, .. } => GroupError::Lost {
                kind: PortErrorKind::Internal,
                source,
            },
            poisoned @ GroupError::Poisoned => poisoned,
        };
        Self { error, ..self }
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
    redo: &mut Redo,
    commit: Commit,
) -> Result<(), GroupFailure> {
    let lost = |e| GroupFailure::lost(classify(&e), e);
    let is_noted = is_left_to_notes(group) && !redo.is_behind();
    redo.note(group.iter().filter_map(|job| job.noted()));
    redo.sync_commits(conn, !is_noted).map_err(lost)?;
    run_transaction(conn, commit, |conn| {
        run_jobs(conn, group)?;
        redo.write_marks(conn).map_err(lost)?;
        // Before anybody sees the rows, and long after the records were begun to be made durable.
        group
            .iter()
            .filter_map(|job| job.noted())
            .try_for_each(|noted| noted.settling.wait())
            .map_err(|kind| GroupFailure::lost(kind, DieselError::RollbackTransaction))
    })?;
    let are_marked = redo.settle();
    if !is_noted || (are_marked && !group.iter().any(|job| job.needs_sync())) {
        return Ok(());
    }
    // A commit takes along what was not synced before. One that changes nothing does not.
    let synced = redo
        .sync_commits(conn, true)
        .map_err(lost)
        .and_then(|()| run_transaction(conn, commit, |conn| touch(conn).map_err(lost)));
    redo.fall_behind(synced.is_err());
    // What was done can be seen, and is not sure to stay.
    synced.map_err(GroupFailure::unknown)
}

/// Whether there are durable notes of all that is to be done, or are about to be.
fn is_left_to_notes(group: &[Box<dyn Job>]) -> bool {
    group.iter().all(|job| job.noted().is_some())
}

/// Waits for what is noted to be durable, and takes out what is not going to be.
fn refuse_unsettled(group: &mut Vec<Box<dyn Job>>) {
    let unsettled =
        |job: &mut Box<dyn Job>| job.noted().is_some_and(|it| it.settling.wait().is_err());
    for job in group.extract_if(.., unsettled) {
        let kind = job.noted().and_then(|it| it.settling.wait().err());
        job.refuse(SqliteError::NotDurable(
            kind.unwrap_or(PortErrorKind::Internal),
        ));
    }
}

fn run_transaction(
    conn: &mut SqliteConnection,
    commit: Commit,
    work: impl FnOnce(&mut SqliteConnection) -> Result<(), GroupFailure>,
) -> Result<(), GroupFailure> {
    let begun = BeginGroup.execute(conn);
    begun.map_err(|e| GroupFailure::lost(classify(&e), e))?;
    let outcome = work(conn).and_then(|()| commit(conn).map_err(GroupFailure::commit));
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

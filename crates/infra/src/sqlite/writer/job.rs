//! What the writer does for somebody, and how they are answered.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use diesel::SqliteConnection;
use diesel::result::Error as DieselError;
use kms_domain::PortErrorKind;
use kms_domain::files::Noted;

use super::super::error::SqliteError;

/// What is called with the result of a job, exactly once. It must not block.
pub(super) type Reply<T> = Box<dyn FnOnce(Result<T, SqliteError>) + Send>;

/// How a job that failed is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Undo {
    /// By a savepoint around it: right for every job.
    Savepoint,
    /// By SQLite itself, for a job that fails at the first statement that changes something, or else loses
    /// the whole group ([`SqliteError::half_done`]): that is only for failures that cannot be brought
    /// about. A savepoint makes SQLite copy each page before its first change, which costs as much as
    /// such a job.
    Statement,
}

/// What is to be known of a job beside its work.
pub(in crate::sqlite) struct Terms<T> {
    /// Names it in errors.
    pub(in crate::sqlite) operation: &'static str,
    pub(in crate::sqlite) undo: Undo,
    /// Where the store has a note of it. There is always room in the queue for it: refused, it would be a note
    /// that is carried out after a crash although its client was told otherwise.
    pub(in crate::sqlite) noted: Option<Noted>,
    /// Whether a job with such a note has to be durable by itself nevertheless.
    pub(in crate::sqlite) needs_sync: fn(&T) -> bool,
}

impl<T> Terms<T> {
    /// Of a job without a note.
    pub(in crate::sqlite) fn new(operation: &'static str, undo: Undo) -> Self {
        Self {
            operation,
            undo,
            noted: None,
            needs_sync: |_| true,
        }
    }
}

/// A job whose result waits for the commit.
pub(super) trait Job: Send {
    /// How it is undone.
    fn undo(&self) -> Undo;

    /// Where the store has a note of it.
    fn noted(&self) -> Option<&Noted>;

    /// Whether it has to be durable by itself, by what came of it.
    fn needs_sync(&self) -> bool;

    /// Does the work. `Err`: it is to be undone, and why, as far as it matters to its neighbours.
    fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), Undone>;

    /// Answers the caller, once it is settled what became of the transaction.
    fn answer(self: Box<Self>, group: &Result<(), GroupError>);

    /// Answers the caller that the job was not taken.
    fn refuse(self: Box<Self>, error: SqliteError);
}

/// What a job that failed means to its neighbours.
pub(super) struct Undone {
    pub(super) kind: PortErrorKind,
    /// It has changed nothing, and the transaction stands.
    pub(super) only_refused: bool,
}

pub(super) struct Task<T, F> {
    pub(super) terms: Terms<T>,
    pub(super) work: Option<F>,
    pub(super) result: Option<Result<T, SqliteError>>,
    pub(super) reply: Reply<T>,
}

/// Why nothing of a group is stored.
pub(super) enum GroupError {
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
        self.terms.undo
    }

    fn noted(&self) -> Option<&Noted> {
        self.terms.noted.as_ref()
    }

    fn needs_sync(&self) -> bool {
        // What has failed and left no trace must leave none later either.
        let result = self.result.as_ref();
        result.is_none_or(|result| result.as_ref().map_or(true, self.terms.needs_sync))
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
                operation: self.terms.operation,
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
                operation: self.terms.operation,
                kind: *kind,
                source: Arc::clone(source),
            }),
        };
        let reply = self.reply;
        // The thread serves everybody else as well.
        if catch_unwind(AssertUnwindSafe(|| reply(answer))).is_err() {
            tracing::error!(self.terms.operation, "what waited for a write panicked");
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

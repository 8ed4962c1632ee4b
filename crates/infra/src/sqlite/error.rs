//! What can go wrong between a repository and SQLite, and which kind of failure that is for a use
//! case.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::r2d2::PoolError;
use diesel::result::Error as DieselError;
use kms_domain::{PortError, PortErrorKind};

/// The rich error behind every [`PortError`] of the SQLite adapters.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteError {
    #[error("{operation}")]
    Query {
        operation: &'static str,
        source: DieselError,
    },
    #[error("the row {id} of {table} is not what the server wrote: {reason}")]
    Row {
        table: &'static str,
        id: String,
        reason: String,
    },
    /// Before anything was changed.
    #[error("{0}")]
    Refused(String),
    /// A statement failed after another one of the job that has to be undone with it.
    #[error("{operation}: it was begun and could not be finished")]
    HalfDone {
        operation: &'static str,
        source: Box<SqliteError>,
    },
    #[error("no reader connection came free in time")]
    Pool(#[source] PoolError),
    #[error("the queue of the writer is full")]
    QueueFull,
    #[error("the writer has stopped")]
    WriterGone,
    #[error("an earlier commit ended in an I/O error: nothing is written until a restart")]
    Poisoned,
    #[error("{operation}: the job panicked: {message}")]
    Panicked {
        operation: &'static str,
        message: String,
    },
    #[error("the content could not be made durable")]
    NotDurable(PortErrorKind),
    #[error("{operation}: the transaction it shared with other jobs was rolled back")]
    GroupLost {
        operation: &'static str,
        kind: PortErrorKind,
        source: Arc<DieselError>,
    },
}

impl SqliteError {
    pub(super) fn kind(&self) -> PortErrorKind {
        match self {
            Self::Query { source, .. } => classify(source),
            Self::GroupLost { kind, .. } | Self::NotDurable(kind) => *kind,
            Self::HalfDone { source, .. } => source.kind(),
            Self::Pool(_) | Self::QueueFull => PortErrorKind::Unavailable,
            Self::Row { .. }
            | Self::Refused(_)
            | Self::WriterGone
            | Self::Poisoned
            | Self::Panicked { .. } => PortErrorKind::Internal,
        }
    }

    /// The same failure of a job that has changed something by other statements.
    pub(super) fn half_done(self, operation: &'static str) -> Self {
        Self::HalfDone {
            operation,
            source: Box::new(self),
        }
    }

    /// Whether what was asked for is what is wrong, and not the database: trying again would fail again.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::HalfDone { source, .. } => source.is_refusal(),
            Self::Refused(_) | Self::Row { .. } => true,
            other => other.is_constraint(),
        }
    }

    /// Whether a job that issued no other statement that changes something has changed nothing, and its
    /// transaction is open: it was refused, or met a constraint, for which SQLite undoes the statement.
    pub(super) fn has_changed_nothing(&self) -> bool {
        matches!(self, Self::Refused(_)) || self.is_constraint()
    }

    /// Whether a constraint was in the way.
    fn is_constraint(&self) -> bool {
        use diesel::result::DatabaseErrorKind::{
            CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation,
        };
        matches!(
            self,
            Self::Query {
                source: DieselError::DatabaseError(
                    CheckViolation | ForeignKeyViolation | NotNullViolation | UniqueViolation,
                    _
                ),
                ..
            }
        )
    }
}

impl From<SqliteError> for PortError {
    fn from(error: SqliteError) -> Self {
        Self::new(error.kind(), error)
    }
}

/// What SQLite says of a database whose pages cannot be what it wrote.
pub(super) const CORRUPT: &str = "database disk image is malformed";

/// The kind of a failure of SQLite.
///
/// Diesel hands on SQLite's text and not its result code, so the text decides. SQLite's texts for
/// result codes are part of its stable interface, and tests here provoke the real ones.
pub(super) fn classify(error: &DieselError) -> PortErrorKind {
    let DieselError::DatabaseError(_, information) = error else {
        return PortErrorKind::Internal;
    };
    let message = information.message();
    if message == "database or disk is full" {
        PortErrorKind::StorageFull
    } else if message.starts_with("database is locked")
        || message.starts_with("database table is locked")
        || message.starts_with("database schema is locked")
    {
        PortErrorKind::Unavailable
    } else {
        PortErrorKind::Internal
    }
}

/// Says what was being done when a query failed.
pub(super) trait During<T> {
    fn during(self, operation: &'static str) -> Result<T, SqliteError>;
}

impl<T> During<T> for QueryResult<T> {
    fn during(self, operation: &'static str) -> Result<T, SqliteError> {
        self.map_err(|source| SqliteError::Query { operation, source })
    }
}

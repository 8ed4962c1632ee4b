//! From columns back to domain types. What does not fit was not written by the server, which is an
//! error that names the row, never a panic.

use std::fmt;

use kms_domain::files::{FileId, Label, Title};
use kms_domain::users::{DisplayName, UserId};
use uuid::Uuid;

use super::error::SqliteError;

/// Names a row in errors.
#[derive(Clone, Copy)]
pub(super) struct RowName<'a> {
    pub(super) table: &'static str,
    pub(super) id: &'a dyn fmt::Display,
}

impl RowName<'_> {
    pub(super) fn broken(self, reason: impl fmt::Display) -> SqliteError {
        SqliteError::Row {
            table: self.table,
            id: self.id.to_string(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn array<const N: usize>(
        self,
        column: &'static str,
        bytes: &[u8],
    ) -> Result<[u8; N], SqliteError> {
        bytes
            .try_into()
            .map_err(|_| self.broken(format_args!("{column} has {} bytes", bytes.len())))
    }

    pub(super) fn uuid(self, column: &'static str, bytes: &[u8]) -> Result<Uuid, SqliteError> {
        self.array(column, bytes).map(Uuid::from_bytes)
    }

    pub(super) fn user_id(self, column: &'static str, bytes: &[u8]) -> Result<UserId, SqliteError> {
        self.uuid(column, bytes).map(UserId::from_uuid)
    }

    pub(super) fn file_id(self, column: &'static str, bytes: &[u8]) -> Result<FileId, SqliteError> {
        self.uuid(column, bytes).map(FileId::from_uuid)
    }

    pub(super) fn title(self, text: &str) -> Result<Title, SqliteError> {
        Title::parse(text).map_err(|e| self.broken(e))
    }

    pub(super) fn label(self, text: Option<String>) -> Result<Option<Label>, SqliteError> {
        let label = text.map(|it| Label::parse(&it)).transpose();
        label.map_err(|e| self.broken(e))
    }

    pub(super) fn display_name(self, text: &str) -> Result<DisplayName, SqliteError> {
        DisplayName::parse(text).map_err(|e| self.broken(e))
    }
}

/// An id that was stored as bytes, for errors.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A limit or an offset as SQLite counts; what is larger is no limit to any table.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

//! The database as a backup sees it: a state of it saved in a file of its own, beside the server.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{
    Connection, OptionalExtension, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_query,
};
use kms_domain::Timestamp;
use kms_domain::files::{BlobKey, RedoMark, Sha256};

use super::connection::{Role, as_uri, set_up};
use super::open::{OpenError, expect_schema, refuse_newer_schema};
use super::redo::load_marks;

/// Findings that are kept for the message.
const FINDINGS: usize = 5;

/// What went wrong with a database of a backup.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The path is not UTF-8 or has no absolute form.
    #[error("its path cannot be that of a database")]
    Path,
    /// There is no such file, or it cannot be made.
    #[error("the file cannot be opened")]
    File(#[source] io::Error),
    /// SQLite could not open the file.
    #[error("the database cannot be opened")]
    Connect(#[source] diesel::ConnectionError),
    /// It was made by a newer release, or its schema cannot be read.
    #[error("this release cannot use the database")]
    Schema(#[source] Box<OpenError>),
    /// A query failed.
    #[error("{step}")]
    Query {
        /// What was being done.
        step: &'static str,
        /// What SQLite said.
        source: DieselError,
    },
    /// A row is not what a server writes.
    #[error("the row {0} of blobs is not what the server wrote")]
    Row(i64),
    /// What SQLite or its foreign keys found.
    #[error("the database is damaged: {}", .0.join("; "))]
    Damaged(Vec<String>),
}

fn failed(step: &'static str) -> impl FnOnce(DieselError) -> SnapshotError {
    move |source| SnapshotError::Query { step, source }
}

/// Content that rows refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) id: i64,
    pub(crate) sha256: Sha256,
    pub(crate) size: u64,
    pub(crate) key: BlobKey,
}

#[derive(QueryableByName)]
struct ContentRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Binary)]
    sha256: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    size: i64,
    #[diesel(sql_type = Text)]
    store_key: String,
}

impl ContentRow {
    fn into_content(self) -> Result<Content, SnapshotError> {
        let id = self.id;
        let content = || {
            Some(Content {
                id,
                sha256: Sha256::from_bytes(self.sha256.try_into().ok()?),
                size: u64::try_from(self.size).ok()?,
                key: BlobKey::parse(&self.store_key).ok()?,
            })
        };
        content().ok_or(SnapshotError::Row(id))
    }
}

/// The database of a data folder, with a connection beside those of its server. It takes no lock
/// that a writer waits for.
pub(crate) struct LiveDatabase(SqliteConnection);

impl LiveDatabase {
    /// Opens the database at `path`, which must be there. A schema of an older release will do: a
    /// backup before an upgrade may be made with either binary.
    pub(crate) fn open(path: &Path, busy_timeout: Duration) -> Result<Self, SnapshotError> {
        // SQLite would make a missing file.
        path.metadata().map_err(SnapshotError::File)?;
        let mut conn =
            SqliteConnection::establish(&absolute(path)?).map_err(SnapshotError::Connect)?;
        // As a writer, because saving is one: it writes to another file.
        set_up(&mut conn, Role::Writer, busy_timeout)
            .map_err(failed("setting up the connection"))?;
        // Looking for migrations makes a table for them.
        expect_schema(&mut conn, path)
            .and_then(|()| refuse_newer_schema(&mut conn, path))
            .map_err(|e| SnapshotError::Schema(Box::new(e)))?;
        Ok(Self(conn))
    }

    /// The packs that may have notes which are not carried out, and from where on each. None in a schema of
    /// before there were notes.
    pub(crate) fn redo_logs(&mut self) -> Result<Vec<RedoMark>, SnapshotError> {
        let has_logs = "SELECT name AS value FROM sqlite_schema WHERE name = 'redo_logs'";
        let table: Option<Finding> = sql_query(has_logs)
            .get_result(&mut self.0)
            .optional()
            .map_err(failed("reading the schema"))?;
        if table.is_none() {
            return Ok(Vec::new());
        }
        load_marks(&mut self.0).map_err(failed("reading which packs have notes"))
    }

    /// Writes one state of the database to the new file `path`, a state in which everything is that
    /// was acknowledged before the call. The file is not synced.
    pub(crate) fn save_to(&mut self, path: &Path) -> Result<(), SnapshotError> {
        // Made here, so that nobody but its owner can ever read it. SQLite takes an empty file.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(SnapshotError::File)?;
        sql_query("VACUUM INTO ?")
            .bind::<Text, _>(absolute(path)?)
            .execute(&mut self.0)
            .map_err(failed("saving a state of the database"))?;
        Ok(())
    }

    /// Where the bytes of `content` may be by now: under the key of the live row over the same
    /// bytes, or of the row that it was, which may be doomed.
    pub(crate) fn keys_of(&mut self, content: &Content) -> Result<Vec<BlobKey>, SnapshotError> {
        let live = "SELECT id, sha256, size, store_key FROM blobs \
                    WHERE sha256 = ? AND state = 'live'";
        let row = "SELECT id, sha256, size, store_key FROM blobs WHERE id = ?";
        let looking = || failed("looking content up again");
        let live: Option<ContentRow> = sql_query(live)
            .bind::<Binary, _>(content.sha256.as_bytes().as_slice())
            .get_result(&mut self.0)
            .optional()
            .map_err(looking())?;
        let row: Option<ContentRow> = sql_query(row)
            .bind::<BigInt, _>(content.id)
            .get_result(&mut self.0)
            .optional()
            .map_err(looking())?;
        let found = live.into_iter().chain(row);
        found
            .map(|row| row.into_content().map(|content| content.key))
            .collect()
    }
}

/// A saved state.
pub(crate) struct SavedDatabase {
    conn: SqliteConnection,
    /// A condition on rows of `blobs`: that a row of another table refers to it.
    is_referred_to: String,
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    column: String,
}

#[derive(QueryableByName)]
struct Totals {
    #[diesel(sql_type = BigInt)]
    contents: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    value: String,
}

impl SavedDatabase {
    /// Opens a state of a backup. The file stays as it is, and nothing is made beside it.
    pub(crate) fn open(path: &Path) -> Result<Self, SnapshotError> {
        path.metadata().map_err(SnapshotError::File)?;
        // `immutable`: without it SQLite wants to write a lock or a journal for some files.
        let url = format!("file:{}?mode=ro&immutable=1", as_uri(&absolute(path)?));
        Self::connect(&url, path)
    }

    /// Opens a copy of one, to be changed by a restore. Nothing is synced and nothing can be undone:
    /// a restore that fails throws the copy away.
    pub(crate) fn open_copy(path: &Path) -> Result<Self, SnapshotError> {
        path.metadata().map_err(SnapshotError::File)?;
        let mut copy = Self::connect(&absolute(path)?, path)?;
        for pragma in [
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA foreign_keys = ON",
            "PRAGMA temp_store = MEMORY",
            "BEGIN",
        ] {
            let done = copy.conn.batch_execute(pragma);
            done.map_err(failed("setting up the connection"))?;
        }
        Ok(copy)
    }

    fn connect(url: &str, path: &Path) -> Result<Self, SnapshotError> {
        let mut conn = SqliteConnection::establish(url).map_err(SnapshotError::Connect)?;
        conn.batch_execute("PRAGMA trusted_schema = OFF")
            .map_err(failed("setting up the connection"))?;
        refuse_newer_schema(&mut conn, path).map_err(|e| SnapshotError::Schema(Box::new(e)))?;
        let is_referred_to = is_referred_to(&mut conn).map_err(failed("reading the schema"))?;
        Ok(Self {
            conn,
            is_referred_to,
        })
    }

    /// Has SQLite check everything: pages, indexes, constraints, and that no reference dangles.
    pub(crate) fn check(&mut self) -> Result<(), SnapshotError> {
        let integrity = "SELECT integrity_check AS value FROM pragma_integrity_check";
        // Not every finding has a row number.
        let references = "SELECT \"table\" || ' refers to what is not in ' || parent AS value \
                          FROM pragma_foreign_key_check";
        let mut findings = Vec::new();
        for query in [integrity, references] {
            let rows: Vec<Finding> = sql_query(query)
                .load(&mut self.conn)
                .map_err(failed("checking the database"))?;
            findings.extend(rows.into_iter().map(|row| row.value));
        }
        findings.retain(|finding| finding != "ok");
        findings.truncate(FINDINGS);
        if findings.is_empty() {
            Ok(())
        } else {
            Err(SnapshotError::Damaged(findings))
        }
    }

    /// How many contents rows refer to, and their bytes.
    pub(crate) fn totals(&mut self) -> Result<(u64, u64), SnapshotError> {
        let query = format!(
            "SELECT count(*) AS contents, coalesce(sum(size), 0) AS bytes FROM blobs \
             WHERE state = 'live' AND {}",
            self.is_referred_to
        );
        let totals: Totals = sql_query(query)
            .get_result(&mut self.conn)
            .map_err(failed("counting contents"))?;
        Ok((totals.contents.unsigned_abs(), totals.bytes.unsigned_abs()))
    }

    /// The next contents that rows refer to, at most `limit`, in the order of their digests.
    pub(crate) fn contents(
        &mut self,
        after: Option<&Sha256>,
        limit: u16,
    ) -> Result<Vec<Content>, SnapshotError> {
        let query = format!(
            "SELECT id, sha256, size, store_key FROM blobs \
             WHERE state = 'live' AND sha256 > ? AND {} ORDER BY sha256 LIMIT ?",
            self.is_referred_to
        );
        // Shorter than a digest, hence before all of them.
        let after = after.map_or(&[][..], |sha256| sha256.as_bytes().as_slice());
        let rows: Vec<ContentRow> = sql_query(query)
            .bind::<Binary, _>(after)
            .bind::<BigInt, _>(i64::from(limit))
            .load(&mut self.conn)
            .map_err(failed("reading contents"))?;
        rows.into_iter().map(ContentRow::into_content).collect()
    }

    /// In a copy: the content is under `key` now, and sound.
    pub(crate) fn moved(&mut self, sha256: &Sha256, key: &BlobKey) -> Result<(), SnapshotError> {
        sql_query(
            "UPDATE blobs SET store_key = ?, damaged_at = NULL WHERE sha256 = ? AND state = 'live'",
        )
        .bind::<Text, _>(key.as_str())
        .bind::<Binary, _>(sha256.as_bytes().as_slice())
        .execute(&mut self.conn)
        .map_err(failed("noting where content is"))?;
        Ok(())
    }

    /// In a copy: the content is lost. Its old key names nothing in the new folder.
    pub(crate) fn lost(&mut self, sha256: &Sha256, now: Timestamp) -> Result<(), SnapshotError> {
        sql_query("UPDATE blobs SET damaged_at = ? WHERE sha256 = ? AND state = 'live'")
            .bind::<BigInt, _>(now.as_millis())
            .bind::<Binary, _>(sha256.as_bytes().as_slice())
            .execute(&mut self.conn)
            .map_err(failed("noting that content is lost"))?;
        Ok(())
    }

    /// In a copy, in the end: takes away content that nothing refers to, which was not backed up,
    /// and all sessions. A session that was ended after the backup must not live again.
    pub(crate) fn finish(mut self) -> Result<(), SnapshotError> {
        let unreferred = format!(
            "DELETE FROM blobs WHERE state = 'doomed' OR NOT {}",
            self.is_referred_to
        );
        for statement in [
            unreferred.as_str(),
            "DELETE FROM sessions",
            // Of packs that are not restored.
            "DELETE FROM redo_logs",
            "COMMIT",
        ] {
            let done = self.conn.batch_execute(statement);
            done.map_err(failed("finishing the database"))?;
        }
        self.check()
    }
}

/// Asks the schema which columns refer to `blobs`, so that a table that is new cannot be forgotten.
fn is_referred_to(conn: &mut SqliteConnection) -> QueryResult<String> {
    let references: Vec<Reference> = sql_query(
        "SELECT tables.name AS child, keys.\"from\" AS \"column\" \
         FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys \
         WHERE tables.type = 'table' AND keys.\"table\" = 'blobs' AND keys.\"to\" = 'id'",
    )
    .load(conn)?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut conditions: Vec<_> = references
        .iter()
        .map(|reference| {
            let (child, column) = (quoted(&reference.child), quoted(&reference.column));
            format!("EXISTS (SELECT 1 FROM {child} WHERE {child}.{column} = blobs.id)")
        })
        .collect();
    // No reference at all refers to nothing.
    conditions.push("0".to_owned());
    Ok(format!("({})", conditions.join(" OR ")))
}

fn absolute(path: &Path) -> Result<String, SnapshotError> {
    let path: PathBuf = std::path::absolute(path).map_err(|_| SnapshotError::Path)?;
    path.into_os_string()
        .into_string()
        .map_err(|_| SnapshotError::Path)
}

#[cfg(test)]
mod tests;

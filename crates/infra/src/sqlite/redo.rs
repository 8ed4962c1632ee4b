//! Commits that need no sync, because notes of what they do are durable already (see
//! [`RedoMark`](kms_domain::files::RedoMark)).
//!
//! In WAL mode a commit that is not synced is lost in a power cut together with all behind it, and with
//! nothing before it. So the database is always as it was after some commit, and how far the notes are
//! carried out, which is written with the rows, says from where on they have to be carried out again. What
//! has no note is in a group that is synced, which takes along all before it. So is a group with a job that
//! was not simply carried out: one that was refused must not be carried out later, and one that replaces a
//! copy takes away a record, and with it the note of another. Only entries that were stored can be lost,
//! and they are stored again, whatever the limits of their owner are by then.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use kms_domain::files::{BlobId, NewBlob, NewFile, Noted, RedoMark};
use kms_domain::{PortError, wait_for, with_causes};

use super::SqliteDatabase;
use super::blobs::Offer;
use super::error::{During, SqliteError};
use super::files::insert;
use super::schema::{files, redo_logs};
use super::usage::charge_stored;
use super::writer::{Terms, Undo};
use crate::disk::RedoLedger;
use crate::sabotage::{Skipped, skips};

/// What the writer knows of notes.
pub(super) struct Redo {
    /// Whether commits are synced. They are at first.
    is_synced: bool,
    /// How far each log is carried out once the next group is committed. Those of a group that was lost stay
    /// until another one is not.
    owed: BTreeMap<String, u64>,
    /// Whether all marks of the last group have found their log.
    are_kept: bool,
    /// Whether a sync is owed that was to come before an answer.
    is_sync_owed: bool,
}

impl Redo {
    pub(super) const fn new() -> Self {
        Self {
            is_synced: true,
            owed: BTreeMap::new(),
            are_kept: true,
            is_sync_owed: false,
        }
    }

    /// Whether commits are synced.
    pub(super) const fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Takes marks of jobs that are about to run.
    pub(super) fn note<'a>(&mut self, noted: impl Iterator<Item = &'a Noted>) {
        for Noted { mark, .. } in noted {
            match self.owed.get_mut(&mark.log) {
                Some(position) => *position = mark.position.max(*position),
                None => {
                    self.owed.insert(mark.log.clone(), mark.position);
                }
            }
        }
    }

    /// Has commits from now on synced, or not. Between two transactions.
    pub(super) fn sync_commits(
        &mut self,
        conn: &mut SqliteConnection,
        is_synced: bool,
    ) -> QueryResult<()> {
        if self.is_synced != is_synced && !skips(Skipped::Commits) {
            conn.batch_execute(if is_synced {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            })?;
            self.is_synced = is_synced;
        }
        Ok(())
    }

    /// Writes the marks, in the transaction of the rows that they stand for.
    pub(super) fn write_marks(&mut self, conn: &mut SqliteConnection) -> QueryResult<()> {
        self.are_kept = true;
        for (log, position) in &self.owed {
            let position = i64::try_from(*position).unwrap_or(i64::MAX);
            let marked = diesel::update(redo_logs::table.filter(redo_logs::log.eq(log)))
                .set(redo_logs::position.eq(position))
                .execute(conn)?;
            self.are_kept &= marked == 1;
        }
        Ok(())
    }

    /// Whether a group was lost whose marks are not written yet. The next one is synced then, because what its
    /// clients were told was an error must not be found to be a note that is still to be carried out.
    pub(super) fn is_behind(&self) -> bool {
        !self.owed.is_empty() || self.is_sync_owed
    }

    /// Notes whether a sync is owed to those of the group that was just committed.
    pub(super) const fn fall_behind(&mut self, is_sync_owed: bool) {
        self.is_sync_owed = is_sync_owed;
    }

    /// The transaction in which the marks were written is committed: whether it can be left to the notes.
    pub(super) fn settle(&mut self) -> bool {
        self.owed.clear();
        self.is_sync_owed &= !self.is_synced;
        self.are_kept
    }
}

/// Leaves no row behind, and changes pages all the same, so that there is something to commit: a commit of
/// nothing syncs nothing. It uses up a number of the logs each time (AUTOINCREMENT), which is fine: there are
/// 2^63 of them, and nothing but their order counts.
pub(super) fn touch(conn: &mut SqliteConnection) -> QueryResult<()> {
    diesel::insert_into(redo_logs::table)
        .values((redo_logs::log.eq(NOBODY), redo_logs::position.eq(0)))
        .execute(conn)?;
    let nobody = redo_logs::table.filter(redo_logs::log.eq(NOBODY));
    diesel::delete(nobody).execute(conn).map(drop)
}

/// No pack has this name.
const NOBODY: &str = "nobody";

impl RedoLedger for SqliteDatabase {
    fn begin(&self, log: &str) -> Result<(), PortError> {
        let log = log.to_owned();
        self.write("begin_redo_log", move |conn| {
            diesel::insert_into(redo_logs::table)
                .values((redo_logs::log.eq(log), redo_logs::position.eq(0)))
                .execute(conn)
                .during("begin_redo_log")?;
            Ok(())
        })
    }

    fn wait_for_room(&self) {
        self.0.writer.wait_for_room();
    }

    fn end(&self, log: &str) -> Result<(), PortError> {
        let log = log.to_owned();
        self.write("end_redo_log", move |conn| strike_off(conn, &log))
    }
}

fn strike_off(conn: &mut SqliteConnection, log: &str) -> Result<(), SqliteError> {
    diesel::delete(redo_logs::table.filter(redo_logs::log.eq(log)))
        .execute(conn)
        .during("end_redo_log")?;
    Ok(())
}

/// Each log with the place up to which it is carried out, in the order in which they were begun.
pub(super) fn load_marks(conn: &mut SqliteConnection) -> QueryResult<Vec<RedoMark>> {
    let rows: Vec<(String, i64)> = redo_logs::table
        .order(redo_logs::seq)
        .select((redo_logs::log, redo_logs::position))
        .load(conn)?;
    let marks = rows.into_iter().map(|(log, position)| RedoMark {
        log,
        // The schema allows no negative one.
        position: u64::try_from(position).unwrap_or_default(),
    });
    Ok(marks.collect())
}

/// Stores an entry, and says whether it was not there.
fn store_anyway(
    conn: &mut SqliteConnection,
    file: &NewFile,
    blob: &NewBlob,
) -> Result<bool, SqliteError> {
    let id = file.id.as_uuid().into_bytes();
    let same = files::table.filter(files::id.eq(id.as_slice()));
    if diesel::select(diesel::dsl::exists(same))
        .get_result(conn)
        .during("redo: look for the entry")?
    {
        return Ok(false);
    }
    let (id, _) = Offer::look(conn, blob, Some(file.md5))?.adopt(conn)?;
    insert(conn, file, id)?;
    charge_stored(conn, file.owner, BlobId::from_i64(id))?;
    Ok(true)
}

impl SqliteDatabase {
    /// The logs that may have notes which are not carried out, in their order, and from where on each.
    pub(crate) fn redo_logs(&self) -> Result<Vec<RedoMark>, PortError> {
        self.read(|conn| load_marks(conn).during("redo_logs"))
    }

    /// Stores an entry of which there is a note, whatever the limits of its owner are, and says whether it was
    /// not there, or why it can never be.
    pub(crate) fn redo(
        &self,
        file: NewFile,
        mut blob: NewBlob,
    ) -> Result<Result<bool, String>, PortError> {
        let terms = Terms {
            noted: blob.noted.take(),
            needs_sync: |_| false,
            ..Terms::new("redo", Undo::Savepoint)
        };
        let redo = move |conn: &mut SqliteConnection| {
            conn.batch_execute("SAVEPOINT redo").during("redo")?;
            match store_anyway(conn, &file, &blob) {
                Ok(is_stored) => Ok(Ok(is_stored)),
                Err(error) if error.is_refusal() => {
                    let undone = conn.batch_execute("ROLLBACK TO redo");
                    undone.during("undo what was refused")?;
                    Ok(Err(with_causes(&error)))
                }
                Err(error) => Err(error),
            }
        };
        wait_for(|done| self.write_then(terms, redo, done))
    }

    /// Strikes all of `logs` off, durably: what their notes say has been carried out.
    pub(crate) fn end_redo_logs(&self, logs: Vec<RedoMark>) -> Result<(), PortError> {
        self.write("end_redo_logs", move |conn| {
            logs.iter().try_for_each(|it| strike_off(conn, &it.log))
        })
    }
}

#[cfg(test)]
mod tests;

//! Carrying out what notes in packs say, at a start.

use std::io;

use kms_domain::PortError;
use kms_domain::files::{NewBlob, Noted, RedoMark, RedoNote, RedoNoteError, Settling};

use crate::disk::{DataDir, FoundNote, read_notes};
use crate::sabotage::{Skipped, skips};
use crate::sqlite::SqliteDatabase;

/// Why notes could not be carried out. Nothing is lost by it: the next start goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RedoError {
    /// The database did not say how far it has got, or did not note it.
    #[error("the database does not say which notes are to be carried out")]
    Logs(#[source] PortError),
    /// The database did not take an entry.
    #[error("the database did not take the entry over the content {key}")]
    Database {
        /// Of the content.
        key: String,
        /// Why.
        source: PortError,
    },
    /// A pack could not be read.
    #[error(
        "the pack {pack}, beside whose content there may be notes of entries that a power cut has taken, could \
         not be read; put an empty file in its place to give them up"
    )]
    Pack {
        /// Its name.
        pack: String,
        /// What the system said.
        source: io::Error,
    },
    /// A note cannot be read.
    #[error("a note beside the content {key} cannot be read")]
    Note {
        /// Of the content.
        key: String,
        /// What is wrong with it.
        source: RedoNoteError,
    },
}

/// What became of notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarriedOut {
    /// Entries that were stored.
    pub stored: u64,
    /// Packs that are lost or were given up, and entries that can never be stored. The log says which.
    pub lost: u64,
}

/// Stores the entries of which there are notes in the packs of `data` and that a power cut has taken from
/// `database`. For who has both alone, before anything else is done with either. Only
/// then are notes kept of what is stored.
///
/// # Errors
/// [`RedoError`].
pub fn carry_out_notes(data: &DataDir, database: &SqliteDatabase) -> Result<CarriedOut, RedoError> {
    let logs = if skips(Skipped::Notes) {
        Vec::new()
    } else {
        database.redo_logs().map_err(RedoError::Logs)?
    };
    let mut all = CarriedOut::default();
    for log in &logs {
        let mut failure = None;
        let walked = read_notes(
            &data.packs(),
            &log.log,
            log.position,
            &mut |found| match carry_out(database, &log.log, found) {
                Ok(one) => {
                    all.stored = all.stored.saturating_add(one.stored);
                    all.lost = all.lost.saturating_add(one.lost);
                    Ok(())
                }
                Err(error) => {
                    failure = Some(error);
                    Err(io::Error::other("given up"))
                }
            },
        );
        if let Some(failure) = failure {
            return Err(failure);
        }
        let was_read = walked.map_err(|source| RedoError::Pack {
            pack: log.log.clone(),
            source,
        })?;
        all.lost = all.lost.saturating_add(u64::from(!was_read));
    }
    if !logs.is_empty() && database.was_copied() {
        database.end_redo_logs(logs).map_err(RedoError::Logs)?;
    }
    database.keep_notes();
    Ok(all)
}

/// What can never be stored is told and passed over: it was acknowledged, but nobody could start any more.
fn carry_out(
    database: &SqliteDatabase,
    log: &str,
    found: FoundNote,
) -> Result<CarriedOut, RedoError> {
    let lost = CarriedOut { stored: 0, lost: 1 };
    let key = found.key.to_string();
    let note = match RedoNote::from_bytes(&found.note) {
        Ok(note) => note,
        Err(source @ RedoNoteError::Form(_)) => return Err(RedoError::Note { key, source }),
        Err(error) => {
            tracing::error!(%error, key, "a note cannot be carried out");
            return Ok(lost);
        }
    };
    let blob = NewBlob {
        sha256: found.sha256,
        size: found.size,
        key: found.key,
        created_at: note.stored_at,
        noted: Some(Noted {
            mark: RedoMark {
                log: log.to_owned(),
                position: found.position,
            },
            settling: Settling::done(),
        }),
    };
    // A copy that it replaces is left to the collector.
    let redone = database.redo(note.file, blob);
    match redone.map_err(|source| RedoError::Database {
        key: key.clone(),
        source,
    })? {
        Ok(is_stored) => Ok(CarriedOut {
            stored: u64::from(is_stored),
            lost: 0,
        }),
        Err(why) => {
            tracing::error!(why, key, "a note cannot be carried out");
            Ok(lost)
        }
    }
}

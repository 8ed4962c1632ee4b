//! Backups of a data folder: made beside a running server, proved, and restored.
//!
//! ```text
//! <backup>/kms-backup                     says what this folder is, and is locked by who works on it
//! <backup>/blobs/ab/cd/<sha256>           content, one file each, for all generations together
//! <backup>/snapshots/<UTC time>/kms.db    a state of the database
//! <backup>/snapshots/<UTC time>/manifest  what else belongs to that state; see manifest.rs
//! <backup>/tmp/                           content on its way in; means nothing
//! ```
//!
//! **The order is what makes it a backup.** First a state of the database is saved, then exactly the
//! contents that its rows refer to, each compared with its SHA-256 while it is copied; when all of
//! that is durable, the manifest gets its name. A generation without a manifest is not finished: it
//! is never restored, and the next backup removes it.
//!
//! **Content that moves meanwhile.** An upload of known bytes replaces the stored copy, so a key of
//! the saved state may name nothing by the time it is read: the content is looked up once more in the
//! live database. Whoever unlinks doomed content is kept away by a
//! [`BackupLease`](crate::disk::BackupLease).
//!
//! What a finished generation names is trusted to be in the pool, if its size is right: a second
//! backup copies only what is new. [`verify`] reads everything.

mod folder;
mod make;
mod manifest;
mod names;
mod pool;
mod prune;
mod restore;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use kms_domain::PortError;

use crate::disk::OpenError;
use crate::sqlite::SnapshotError;

pub use make::{BackupJob, BackupReport, back_up};
pub use restore::{RestoreJob, RestoreReport, restore};
pub use verify::{VerifyJob, VerifyReport, verify};

/// Why a command came to no end.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folders or generations that were named are not what is needed.
    #[error("{path}: {reason}")]
    Refused {
        /// What was named.
        path: PathBuf,
        /// Why it will not do.
        reason: &'static str,
    },
    /// The system refused.
    #[error("{path}: {step}")]
    Io {
        /// What it was about.
        path: PathBuf,
        /// What could not be done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A database will not do.
    #[error("{path}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
    /// A manifest is not as it was written.
    #[error("{path}: the manifest is damaged in line {line}")]
    Manifest {
        /// Its file.
        path: PathBuf,
        /// The first line that cannot be right.
        line: u64,
    },
    /// A data folder could not be used.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// Restored content could not be stored.
    #[error("content could not be stored in the data folder")]
    Store(#[source] PortError),
}

impl BackupError {
    fn refused(path: &Path, reason: &'static str) -> Self {
        Self::Refused {
            path: path.to_owned(),
            reason,
        }
    }
}

fn io_failed(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::Io { path, step, source }
}

fn database_failed(path: &Path) -> impl FnOnce(SnapshotError) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::Database { path, source }
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it does just now.
    pub step: &'static str,
    /// Contents that are done with, and of how many; 0 while that is unknown.
    pub files: u64,
    /// All of them.
    pub of_files: u64,
    /// The same in bytes.
    pub bytes: u64,
    /// All of them.
    pub of_bytes: u64,
}

/// Something that is not as it should be, but does not keep the command from its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is concerned.
    pub subject: String,
    /// What is the matter with it.
    pub trouble: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.trouble)
    }
}

/// Who is told what happens.
pub trait Observer {
    /// After each content, and at each new step. Called often.
    fn progress(&mut self, progress: &Progress);
    /// For each problem, as soon as it is found.
    fn problem(&mut self, problem: &Problem);
}

#[cfg(test)]
mod tests;

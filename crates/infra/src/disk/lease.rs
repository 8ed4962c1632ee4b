//! Who may take stored bytes away while a backup copies them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use kms_domain::PortError;

use super::DataDir;
use super::error::io_failed;

/// A hold on `<data>/backup.lock`, until it is dropped or its process ends.
///
/// A backup copies the content of a state that has passed. It holds the lease shared from before it
/// takes that state until its last byte is copied. Whoever unlinks content that was doomed holds it
/// exclusively meanwhile, so that no bytes go which the state still refers to. Copies that an upload
/// has replaced are no matter of the lease: the same content is under another key then, and the
/// backup looks there.
#[derive(Debug)]
pub struct BackupLease {
    // The lock ends with the descriptor.
    _file: File,
}

impl BackupLease {
    /// For a backup of the data folder at `data`. Waits for whoever unlinks just now. Needs no lock
    /// of the folder.
    ///
    /// # Errors
    /// The file cannot be opened, made or locked.
    pub fn shared(data: &Path) -> io::Result<Self> {
        let file = open(&path_in(data))?;
        file.lock_shared()?;
        Ok(Self { _file: file })
    }

    /// For whoever is about to unlink doomed content. `None`: a backup is under way; unlink nothing
    /// and try again later.
    ///
    /// # Errors
    /// [`PortError`]: the file cannot be opened, made or locked.
    pub fn try_exclusive(dir: &DataDir) -> Result<Option<Self>, PortError> {
        let path = dir.backup_lock();
        let file = open(&path).map_err(io_failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_failed("lock", &path)(error)),
        }
    }
}

pub(super) fn path_in(data: &Path) -> PathBuf {
    data.join("backup.lock")
}

/// For reading where it is there: whoever makes a backup need not be its owner.
pub(super) fn open(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => make(path),
        other => other,
    }
}

fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_unlinks_while_any_backup_is_under_way() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let first = BackupLease::shared(temp.path()).unwrap();
        let second = BackupLease::shared(temp.path()).unwrap();
        assert!(BackupLease::try_exclusive(&dir).unwrap().is_none());
        drop(first);
        assert!(BackupLease::try_exclusive(&dir).unwrap().is_none());
        drop(second);
        let exclusive = BackupLease::try_exclusive(&dir).unwrap();
        assert!(exclusive.is_some());
        assert!(BackupLease::try_exclusive(&dir).unwrap().is_none());
        drop(exclusive);
        BackupLease::shared(temp.path()).unwrap();
    }
}

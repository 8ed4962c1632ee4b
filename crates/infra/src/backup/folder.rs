//! The folder of a backup, and its generations.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use super::manifest::ManifestReader;
use super::{BackupError, io_failed, names};
use crate::disk::{make_folder, sync_folder};

/// Says what a folder is, and is locked by who works on it.
const MARK: &str = "kms-backup";
const MARK_TEXT: &[u8] = b"A backup of a KMS Server. `kms-server restore` restores it.\n";

/// What a file system has in its root by itself.
const LOST_AND_FOUND: &str = "lost+found";

/// A backup's folder, locked until it is dropped.
pub(super) struct BackupFolder {
    path: PathBuf,
    _lock: File,
}

/// One state in a backup.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) name: String,
    path: PathBuf,
}

impl Generation {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("kms.db")
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.path.join("manifest")
    }

    pub(super) fn is_finished(&self) -> bool {
        self.manifest().exists()
    }

    pub(super) fn read(&self) -> Result<ManifestReader, BackupError> {
        ManifestReader::open(&self.manifest())
    }
}

impl BackupFolder {
    /// Opens the folder at `path` for a backup of the data folder at `data`, which must be there.
    /// Makes a backup of it if it is empty or missing.
    pub(super) fn to_write(path: &Path, data: &Path) -> Result<Self, BackupError> {
        let path =
            std::path::absolute(path).map_err(io_failed(path, "the path has no absolute form"))?;
        keep_apart(&path, data)?;
        let mark = path.join(MARK);
        if !mark.exists() {
            refuse_foreign(&path)?;
        }
        let made = |path: &Path| io_failed(path, "the folder cannot be made");
        make_folder(&path).map_err(made(&path))?;
        let lock = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&mark)
            .map_err(io_failed(&mark, "the file cannot be opened"))?;
        take(lock.try_lock(), &path)?;
        let folder = Self { path, _lock: lock };
        for part in [folder.blobs(), folder.snapshots(), folder.tmp()] {
            make_folder(&part).map_err(made(&part))?;
        }
        let marked = || -> io::Result<()> {
            if folder._lock.metadata()?.len() == 0 {
                (&folder._lock).write_all(MARK_TEXT)?;
            }
            // What an interrupted backup was copying.
            for entry in fs::read_dir(folder.tmp())? {
                fs::remove_file(entry?.path())?;
            }
            folder._lock.sync_all()?;
            sync_folder(&folder.path)
        };
        marked().map_err(io_failed(&folder.path, "the folder cannot be prepared"))?;
        Ok(folder)
    }

    /// Opens the backup at `path` to read it. It may be on a read-only file system.
    pub(super) fn to_read(path: &Path) -> Result<Self, BackupError> {
        let path =
            std::path::absolute(path).map_err(io_failed(path, "the path has no absolute form"))?;
        let lock = File::open(path.join(MARK)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                BackupError::refused(&path, "there is no backup")
            }
            _ => io_failed(&path, "the backup cannot be opened")(error),
        })?;
        take(lock.try_lock_shared(), &path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    pub(super) fn generation(&self, name: &str) -> Generation {
        Generation {
            name: name.to_owned(),
            path: self.snapshots().join(name),
        }
    }

    /// All generations, finished or not, the oldest first.
    pub(super) fn generations(&self) -> Result<Vec<Generation>, BackupError> {
        let snapshots = self.snapshots();
        let failed = || io_failed(&snapshots, "the folder cannot be listed");
        let mut found = Vec::new();
        let entries = match fs::read_dir(&snapshots) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(e) => return Err(failed()(e)),
        };
        for entry in entries {
            let name = entry.map_err(failed())?.file_name();
            // Anything else somebody has put there is left alone.
            if let Some(name) = name.to_str().filter(|name| names::is_name(name)) {
                found.push(self.generation(name));
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The finished generation with this name, or the newest.
    pub(super) fn choose(&self, name: Option<&str>) -> Result<Generation, BackupError> {
        let mut finished = self
            .generations()?
            .into_iter()
            .filter(Generation::is_finished);
        match name {
            None => finished
                .next_back()
                .ok_or_else(|| BackupError::refused(&self.path, "there is no finished backup")),
            Some(name) => finished
                .find(|generation| generation.name == name)
                .ok_or_else(|| {
                    BackupError::refused(
                        &self.snapshots().join(name),
                        "there is no finished backup of this name",
                    )
                }),
        }
    }
}

fn take(locked: Result<(), TryLockError>, path: &Path) -> Result<(), BackupError> {
    locked.map_err(|error| match error {
        TryLockError::WouldBlock => {
            BackupError::refused(path, "another command works on this backup")
        }
        TryLockError::Error(error) => io_failed(path, "the backup cannot be locked")(error),
    })
}

/// A backup in the data folder would be lost with it, and a data folder in a backup would be taken
/// for a part of that. Either may be missing yet.
pub(super) fn keep_apart(backup: &Path, data: &Path) -> Result<(), BackupError> {
    let (real_backup, real_data) = (real(backup)?, real(data)?);
    if real_backup.starts_with(&real_data) {
        return Err(BackupError::refused(
            backup,
            "a backup must not be in the data folder",
        ));
    }
    if real_data.starts_with(&real_backup) {
        return Err(BackupError::refused(
            backup,
            "a backup must not be around the data folder",
        ));
    }
    Ok(())
}

/// Where a folder is, or will be, without links.
fn real(path: &Path) -> Result<PathBuf, BackupError> {
    let path =
        std::path::absolute(path).map_err(io_failed(path, "the path has no absolute form"))?;
    let there = path.ancestors().find(|folder| folder.exists());
    let there = there.unwrap_or(Path::new("/"));
    let missing = path.strip_prefix(there).unwrap_or(Path::new(""));
    // What is missing below a folder cannot be a link that leads elsewhere, but that may.
    if missing
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Err(BackupError::refused(
            &path,
            "the path leads back out of a folder that is missing",
        ));
    }
    let real = there.canonicalize();
    let real = real.map_err(io_failed(&path, "the folder cannot be found"))?;
    Ok(real.join(missing))
}

fn refuse_foreign(path: &Path) -> Result<(), BackupError> {
    let failed = || io_failed(path, "the folder cannot be listed");
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed()(e)),
    };
    for entry in entries {
        if entry.map_err(failed())?.file_name() != LOST_AND_FOUND {
            return Err(BackupError::refused(
                path,
                "the folder is not empty, and is no backup",
            ));
        }
    }
    Ok(())
}

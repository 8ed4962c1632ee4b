//! Room for deleting when the disk is full.
//!
//! Deleting needs room: for the journal of the database. So some is set aside in a file. Whoever
//! finds the disk full gives it back ([`Reserve::spend`]), and from then on no upload begins until there
//! is room for the reserve and as much again; rows can be written meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kms_domain::files::{BlobKey, BlobReader, BlobStore, Published, Sha256, StagedBlob};
use kms_domain::{Done, PortError, PortErrorKind};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::DataDir;

/// Room that is set aside in `<data>/reserve`. Clones share it.
#[derive(Clone)]
pub struct Reserve(Arc<Inner>);

struct Inner {
    _dir: DataDir,
    path: PathBuf,
    size: u64,
    held: Mutex<bool>,
}

/// A disk on which opening a database may have failed for nothing but room: less is free than it can
/// take.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}: the disk is full, and opening the database takes some room; nothing is lost, but make some \
     (1 MiB will do) and start again"
)]
pub struct DiskFull(PathBuf);

impl DiskFull {
    /// What is in the way in the data folder at `path`, if that is it.
    #[must_use]
    pub fn found_at(path: &Path) -> Option<Self> {
        let is_full = statvfs(path).is_ok_and(|it| {
            let free = it.f_bavail.saturating_mul(it.f_frsize);
            free < ROOM_TO_OPEN
        });
        is_full.then(|| Self(path.to_owned()))
    }
}

/// SQLite makes the index of its journal anew, 32 KiB for each 16 MiB of it, and the journal is cut down
/// to 64 MiB now and then. So much is enough for eight times that.
const ROOM_TO_OPEN: u64 = 1024 * 1024;

/// Why no upload begins.
#[derive(Debug, thiserror::Error)]
#[error("the disk is full, and the reserve is not there again")]
struct Spent;

impl Reserve {
    /// Sets `size` bytes aside in `dir` if there is room for that. 0: none, and nothing is refused.
    #[must_use]
    pub fn new(dir: &DataDir, size: u64) -> Self {
        let reserve = Self(Arc::new(Inner {
            path: path_in(dir),
            _dir: dir.clone(),
            size,
            held: Mutex::new(false),
        }));
        reserve.0.begin();
        reserve
    }

    /// Gives back what is set aside in `dir`, before there is a reserve to ask. `false`: there is none.
    #[must_use]
    pub fn give_back(dir: &DataDir) -> bool {
        fs::remove_file(path_in(dir)).is_ok()
    }

    /// Gives the room back. To be called by whoever finds the disk full.
    pub fn spend(&self) {
        self.0.spend();
    }

    /// Whether uploads may begin: the room is set aside, or can be again.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }
}

fn path_in(dir: &DataDir) -> PathBuf {
    dir.path().join("reserve")
}

impl Inner {
    fn begin(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.size == 0 {
            let _ = fs::remove_file(&self.path);
            return;
        }
        let is_there = fs::metadata(&self.path).is_ok_and(|it| it.len() == self.size);
        *held = is_there || self.make().is_ok();
        if !*held {
            tracing::warn!("there is no room for the reserve; no upload begins until there is");
        }
    }

    fn spend(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.size == 0 || !*held {
            return;
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%error, "the disk is full, and the reserve cannot be given back");
            }
            _ => tracing::warn!("the disk is full: the reserve was given back for deleting"),
        }
        *held = false;
    }

    fn is_held(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.size > 0 && !*held && self.has_room() && self.make().is_ok() {
            *held = true;
            tracing::info!("there is room again: the reserve is set aside");
        }
        *held || self.size == 0
    }

    /// Room for the reserve and as much again, so that it is not given back at the next byte.
    fn has_room(&self) -> bool {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        statvfs(folder).is_ok_and(|it| {
            let free = it.f_bavail.saturating_mul(it.f_frsize);
            free >= self.size.saturating_mul(2)
        })
    }

    fn make(&self) -> io::Result<()> {
        let made = (|| {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let file = options.open(&self.path)?;
            match fallocate(&file, FallocateFlags::empty(), 0, self.size) {
                // Not every file system can; then it takes as long as writing so much.
                Err(Errno::NOTSUP | Errno::NOSYS) => write_zeros(&file, self.size),
                other => Ok(other?),
            }
        })();
        if made.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        made
    }
}

fn write_zeros(file: &File, size: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(size), &mut &*file)?;
    // Until then it may be no more than a promise.
    file.sync_all()
}

/// A store that gives the reserve back when the disk is full, and takes no bytes until it is there
/// again.
#[derive(Clone)]
pub struct ReservedBlobStore<S> {
    store: S,
    reserve: Reserve,
}

impl<S> ReservedBlobStore<S> {
    /// Puts `reserve` before `store`.
    pub const fn new(store: S, reserve: Reserve) -> Self {
        Self { store, reserve }
    }
}

impl Reserve {
    /// Whether there is nothing to do about it now. `false` while somebody does.
    fn is_idle(&self) -> bool {
        self.0.size == 0 || self.0.held.try_lock().is_ok_and(|held| *held)
    }

    fn watch<T>(&self, result: Result<T, PortError>) -> Result<T, PortError> {
        if let Err(error) = &result
            && error.kind() == PortErrorKind::StorageFull
        {
            self.spend();
        }
        result
    }
}

impl<S: BlobStore> BlobStore for ReservedBlobStore<S> {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        if !self.reserve.is_held() {
            return Err(PortError::new(PortErrorKind::StorageFull, Spent));
        }
        let staged = self.reserve.watch(self.store.stage())?;
        let reserve = self.reserve.clone();
        Ok(Box::new(ReservedStage { staged, reserve }))
    }

    /// Not while the reserve is looked after: that takes a device.
    fn takes_small_at_once(&self) -> bool {
        self.reserve.is_idle() && self.store.takes_small_at_once()
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        self.store.open(key)
    }

    fn find_size(&self, key: &BlobKey) -> Result<Option<u64>, PortError> {
        self.store.find_size(key)
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.store.remove(key)
    }

    fn discard(&self, key: &BlobKey) {
        self.store.discard(key);
    }
}

struct ReservedStage {
    staged: Box<dyn StagedBlob>,
    reserve: Reserve,
}

impl StagedBlob for ReservedStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        let written = self.staged.write(bytes);
        self.reserve.watch(written)
    }

    fn publish(self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        let Self { staged, reserve } = *self;
        let published = staged.publish(sha256);
        reserve.watch(published)
    }

    fn publish_then(self: Box<Self>, sha256: &Sha256, done: Done<BlobKey>) {
        let Self { staged, reserve } = *self;
        staged.publish_then(sha256, Box::new(move |result| done(reserve.watch(result))));
    }

    fn publish_noted(self: Box<Self>, sha256: &Sha256, note: Vec<u8>, done: Done<Published>) {
        let Self { staged, reserve } = *self;
        let done = move |result| done(reserve.watch(result));
        staged.publish_noted(sha256, note, Box::new(done));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskBlobStore;

    fn folder() -> (tempfile::TempDir, DataDir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        (temp, dir)
    }

    #[test]
    fn the_reserve_is_made_given_back_and_made_again() {
        let (temp, dir) = folder();
        let path = temp.path().join("reserve");
        let reserve = Reserve::new(&dir, 4096);
        assert_eq!(fs::metadata(&path).unwrap().len(), 4096);
        reserve.spend();
        assert!(!path.exists());
        reserve.spend();
        assert!(reserve.is_held() && path.exists());
        drop(reserve);
        assert!(Reserve::new(&dir, 4096).is_held());
        assert!(Reserve::new(&dir, 0).is_held());
        assert!(!path.exists());
    }

    #[test]
    fn without_room_nothing_begins_and_removing_goes_on() {
        let (temp, dir) = folder();
        // More than any file system has.
        let reserve = Reserve::new(&dir, u64::MAX / 4);
        assert!(!reserve.is_held());
        assert!(!temp.path().join("reserve").exists());
        let store = ReservedBlobStore::new(DiskBlobStore::new(&dir), reserve);
        let error = store.stage().err().unwrap();
        assert_eq!(error.kind(), PortErrorKind::StorageFull);
        let key = BlobKey::parse("held").unwrap();
        store.remove(&key).unwrap();
        assert!(store.open(&key).unwrap().is_none());
    }
}

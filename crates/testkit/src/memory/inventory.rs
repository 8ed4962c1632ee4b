//! The store in memory as those see it who look after it.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use kms_domain::files::BlobKey;
use kms_domain::upkeep::{
    BlobInventory, BlobTrash, Checksums, Inspection, RemovalHold, Stored, StoredItem,
};
use kms_domain::{PortError, Timestamp};

use super::MemoryBlobStore;
use super::store::{Blob, State};
use crate::builders::sha256_of;

/// Bytes that are told of at once.
const PIECE: usize = 256 * 1024;

/// Who keeps whom waiting.
#[derive(Clone, Default)]
pub(super) struct Lease(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    backups: usize,
    removals: usize,
}

/// A backup of a [`MemoryBlobStore`] that is under way until it is dropped.
pub struct MemoryBackup(Lease);

impl std::fmt::Debug for MemoryBackup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryBackup")
    }
}

impl Drop for MemoryBackup {
    fn drop(&mut self) {
        self.0.with(|held| held.backups -= 1);
    }
}

struct Removal(Lease);

impl Drop for Removal {
    fn drop(&mut self) {
        self.0.with(|held| held.removals -= 1);
    }
}

impl Lease {
    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MemoryBlobStore {
    /// Begins a backup. `None`: it has to wait for who removes doomed content.
    #[must_use]
    pub fn begin_backup(&self) -> Option<MemoryBackup> {
        let lease = self.lock().lease.clone();
        let may_begin = lease.with(|held| {
            let may_begin = held.removals == 0;
            held.backups += usize::from(may_begin);
            may_begin
        });
        may_begin.then(|| MemoryBackup(lease))
    }

    /// The keys of what is in the trash, in the order of the moves.
    #[must_use]
    pub fn trashed(&self) -> Vec<BlobKey> {
        let state = self.lock();
        state.trash.iter().map(|(_, key)| key.clone()).collect()
    }

    /// What is published from now on was written at `time`.
    pub fn set_time(&self, time: Timestamp) {
        self.lock().time = time;
    }

    fn found(&self, key: &BlobKey) -> Option<Blob> {
        self.lock().blobs.get(key.as_str()).cloned()
    }
}

impl BlobInventory for MemoryBlobStore {
    fn list(&self, each: &mut dyn FnMut(Stored) -> ControlFlow<()>) -> Result<(), PortError> {
        for key in self.keys() {
            let Some(blob) = self.found(&key) else {
                continue;
            };
            let stored = Stored {
                item: StoredItem::Copy(key),
                size: blob.found.len() as u64,
                modified: blob.modified,
            };
            if each(stored).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn inspect(
        &self,
        key: &BlobKey,
        bytes: bool,
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Inspection, PortError> {
        let Some(blob) = self.found(key) else {
            return Ok(Inspection::Missing);
        };
        for piece in blob.found.chunks(PIECE) {
            if bytes && read(piece.len() as u64).is_break() {
                return Ok(Inspection::Interrupted);
            }
        }
        Ok(Inspection::Found {
            size: blob.found.len() as u64,
            sha256: bytes.then(|| sha256_of(&blob.found)),
            checksums: Checksums::Sound,
        })
    }
}

impl BlobTrash for MemoryBlobStore {
    fn trash(&self, item: &StoredItem, now: Timestamp) -> Result<(), PortError> {
        let mut state = self.lock();
        let State { blobs, trash, .. } = &mut *state;
        // Of checksums there are none.
        if let StoredItem::Copy(key) = item
            && blobs.remove(key.as_str()).is_some()
        {
            trash.push((now, key.clone()));
        }
        Ok(())
    }

    fn hold_off_backups(&self) -> Result<Option<RemovalHold>, PortError> {
        let lease = self.lock().lease.clone();
        let may_remove = lease.with(|held| {
            let may_remove = held.backups == 0;
            held.removals += usize::from(may_remove);
            may_remove
        });
        Ok(may_remove.then(|| -> RemovalHold { Box::new(Removal(lease)) }))
    }

    /// Nothing takes room but copies.
    fn reclaim(&self, _: Timestamp) -> Result<u64, PortError> {
        Ok(0)
    }

    fn empty(&self, before: Timestamp) -> Result<u64, PortError> {
        let mut state = self.lock();
        let kept = state.trash.len();
        state.trash.retain(|(at, _)| *at >= before);
        Ok((kept - state.trash.len()) as u64)
    }
}

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard};

use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};
use kms_domain::{PortError, Timestamp};

use super::inventory::Lease;
use crate::builders::at;
use crate::contract::Damage;

/// A blob store in memory. Clones share one state.
///
/// Beyond the port it counts what it holds and lets a test do to published bytes what a disk may
/// do to them.
#[derive(Clone, Default)]
pub struct MemoryBlobStore {
    state: Arc<Mutex<State>>,
}

pub(super) struct State {
    pub(super) blobs: BTreeMap<String, Blob>,
    /// What was moved there, and when.
    pub(super) trash: Vec<(Timestamp, BlobKey)>,
    pub(super) lease: Lease,
    pub(super) time: Timestamp,
    staged: usize,
    next: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            blobs: BTreeMap::new(),
            trash: Vec::new(),
            lease: Lease::default(),
            time: at(0),
            staged: 0,
            next: 0,
        }
    }
}

/// Published bytes as they are, and as they were written.
#[derive(Clone)]
pub(super) struct Blob {
    pub(super) found: Arc<[u8]>,
    written: Arc<[u8]>,
    pub(super) modified: Timestamp,
}

impl MemoryBlobStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many staged blobs were neither published nor dropped yet.
    #[must_use]
    pub fn staged(&self) -> usize {
        self.lock().staged
    }

    /// The keys of all published blobs, in alphabetical order.
    #[must_use]
    pub fn keys(&self) -> Vec<BlobKey> {
        let state = self.lock();
        let keys = state.blobs.keys();
        keys.map(|key| BlobKey::parse(key).expect("the store made it"))
            .collect()
    }

    /// The bytes of a published blob.
    #[must_use]
    pub fn bytes(&self, key: &BlobKey) -> Option<Vec<u8>> {
        self.lock()
            .blobs
            .get(key.as_str())
            .map(|blob| blob.found.to_vec())
    }

    /// Does damage to a blob.
    ///
    /// # Panics
    /// When there is no such blob, or too few bytes in it.
    pub fn damage(&self, key: &BlobKey, damage: Damage) {
        self.change(key, |bytes| match damage {
            Damage::Flip(place) => bytes[place] ^= 1,
            Damage::Cut(length) => bytes.truncate(length),
            Damage::Grow => bytes.push(0),
        });
    }

    fn change(&self, key: &BlobKey, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let blob = state.blobs.get_mut(key.as_str());
        let blob = blob.unwrap_or_else(|| panic!("there is no blob {key}"));
        let mut bytes = blob.found.to_vec();
        change(&mut bytes);
        blob.found = bytes.into();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobStore").finish_non_exhaustive()
    }
}

impl BlobStore for MemoryBlobStore {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        self.lock().staged += 1;
        Ok(Box::new(MemoryStage {
            store: self.clone(),
            bytes: Vec::new(),
        }))
    }

    fn takes_small_at_once(&self) -> bool {
        true
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let blob = self.lock().blobs.get(key.as_str()).cloned();
        Ok(blob.map(|Blob { found, written, .. }| {
            let found = Cursor::new(found);
            Box::new(MemoryReader { found, written }) as Box<dyn BlobReader>
        }))
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.lock().blobs.remove(key.as_str());
        Ok(())
    }
}

struct MemoryStage {
    store: MemoryBlobStore,
    bytes: Vec<u8>,
}

impl StagedBlob for MemoryStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn publish(mut self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        let written: Arc<[u8]> = std::mem::take(&mut self.bytes).into();
        let mut state = self.store.lock();
        state.next += 1;
        let key = format!("{sha256}-{:016x}", state.next);
        let blob = Blob {
            found: Arc::clone(&written),
            written,
            modified: state.time,
        };
        state.blobs.insert(key.clone(), blob);
        Ok(BlobKey::parse(&key).expect("a digest, a hyphen and digits"))
    }
}

impl Drop for MemoryStage {
    fn drop(&mut self) {
        self.store.lock().staged -= 1;
    }
}

struct MemoryReader {
    found: Cursor<Arc<[u8]>>,
    written: Arc<[u8]>,
}

impl Read for MemoryReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let found = self.found.get_ref();
        let start = usize::try_from(self.found.position()).unwrap_or(usize::MAX);
        let start = start.min(found.len());
        let end = start.saturating_add(into.len()).min(found.len());
        if found.len() != self.written.len() || found[start..end] != self.written[start..end] {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.found.read(into)
    }
}

impl Seek for MemoryReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.found.seek(to)
    }
}

impl BlobReader for MemoryReader {
    fn size(&self) -> u64 {
        self.found.get_ref().len() as u64
    }

    fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        self.read(into).map(Some)
    }
}

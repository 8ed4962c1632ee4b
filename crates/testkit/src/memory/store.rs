use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard};

use kms_domain::PortError;
use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};

/// A blob store in memory. Clones share one state.
///
/// Beyond the port it counts what it holds and lets a test do to published bytes what a disk may
/// do to them.
#[derive(Clone, Default)]
pub struct MemoryBlobStore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<String, Arc<[u8]>>,
    staged: usize,
    next: u64,
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
            .map(|bytes| bytes.to_vec())
    }

    /// Flips one bit in the middle of a blob: same size, other content.
    ///
    /// # Panics
    /// When there is no such blob, or no bit in it.
    pub fn corrupt(&self, key: &BlobKey) {
        self.change(key, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
    }

    /// Cuts a blob to its first `len` bytes.
    ///
    /// # Panics
    /// When there is no such blob.
    pub fn truncate(&self, key: &BlobKey, len: usize) {
        self.change(key, |bytes| bytes.truncate(len));
    }

    /// Puts `bytes` in the place of a blob's.
    ///
    /// # Panics
    /// When there is no such blob.
    pub fn replace(&self, key: &BlobKey, new: &[u8]) {
        self.change(key, |bytes| *bytes = new.to_vec());
    }

    /// Loses a blob, as opposed to having it removed: it must have been there.
    ///
    /// # Panics
    /// When there is no such blob.
    pub fn lose(&self, key: &BlobKey) {
        let lost = self.lock().blobs.remove(key.as_str());
        assert!(lost.is_some(), "there is no blob {key}");
    }

    fn change(&self, key: &BlobKey, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let blob = state.blobs.get_mut(key.as_str());
        let blob = blob.unwrap_or_else(|| panic!("there is no blob {key}"));
        let mut bytes = blob.to_vec();
        change(&mut bytes);
        *blob = bytes.into();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let bytes = self.lock().blobs.get(key.as_str()).cloned();
        Ok(bytes.map(|bytes| Box::new(MemoryReader(Cursor::new(bytes))) as Box<dyn BlobReader>))
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
        let bytes = std::mem::take(&mut self.bytes);
        let mut state = self.store.lock();
        state.next += 1;
        let key = format!("{sha256}-{:016x}", state.next);
        state.blobs.insert(key.clone(), bytes.into());
        Ok(BlobKey::parse(&key).expect("a digest, a hyphen and digits"))
    }
}

impl Drop for MemoryStage {
    fn drop(&mut self) {
        self.store.lock().staged -= 1;
    }
}

struct MemoryReader(Cursor<Arc<[u8]>>);

impl Read for MemoryReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for MemoryReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl BlobReader for MemoryReader {
    fn size(&self) -> u64 {
        self.0.get_ref().len() as u64
    }
}

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use kms_domain::PortError;
use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};

use super::FailNth;

/// A [`BlobStore`] whose calls (`store.stage`, `store.open`, `store.find_size`, `store.remove`) fail as
/// planned, and so do those of its staged blobs (`staged.write`, `staged.publish`) and of its readers
/// (`reader.read`, `reader.read_now`, `reader.seek`).
///
/// A staged blob that fails to publish is dropped, as it would be by a store that keeps the
/// port's promise; a failed write leaves it to its owner to drop it.
pub struct FaultyBlobStore {
    inner: Arc<dyn BlobStore>,
    plan: FailNth,
}

impl FaultyBlobStore {
    /// Puts `plan` before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn BlobStore>, plan: &FailNth) -> Self {
        Self {
            inner,
            plan: plan.clone(),
        }
    }
}

impl fmt::Debug for FaultyBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBlobStore")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl BlobStore for FaultyBlobStore {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        let inner = self.plan.run("store.stage", || self.inner.stage())?;
        let plan = self.plan.clone();
        Ok(Box::new(FaultyStage { inner, plan }))
    }

    fn takes_small_at_once(&self) -> bool {
        self.inner.takes_small_at_once()
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let reader = self.plan.run("store.open", || self.inner.open(key))?;
        Ok(reader.map(|inner| {
            let plan = self.plan.clone();
            Box::new(FaultyReader { inner, plan }) as Box<dyn BlobReader>
        }))
    }

    fn find_size(&self, key: &BlobKey) -> Result<Option<u64>, PortError> {
        self.plan
            .run("store.find_size", || self.inner.find_size(key))
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.plan.run("store.remove", || self.inner.remove(key))
    }
}

struct FaultyStage {
    inner: Box<dyn StagedBlob>,
    plan: FailNth,
}

impl StagedBlob for FaultyStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.plan.run("staged.write", || self.inner.write(bytes))
    }

    fn publish(self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        let Self { inner, plan } = *self;
        plan.run("staged.publish", || inner.publish(sha256))
    }
}

struct FaultyReader {
    inner: Box<dyn BlobReader>,
    plan: FailNth,
}

impl Read for FaultyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = || Ok(self.inner.read(into));
        let read = self.plan.run("reader.read", read);
        read.map_err(io::Error::other)?
    }
}

impl Seek for FaultyReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let seek = || Ok(self.inner.seek(to));
        let seek = self.plan.run("reader.seek", seek);
        seek.map_err(io::Error::other)?
    }
}

impl BlobReader for FaultyReader {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let read = || Ok(self.inner.read_now(into));
        let read = self.plan.run("reader.read_now", read);
        read.map_err(io::Error::other)?
    }
}

use std::io::{self, Read, Seek, SeekFrom};

use kms_domain::files::{BlobKey, BlobReader, BlobStore, Published, Sha256, StagedBlob};
use kms_domain::{Done, PortError};

use super::{Pauses, decorator};

decorator! {
    /// A [`BlobStore`] with pauses around its calls and those of its staged blobs and readers.
    PausingBlobStore, BlobStore
}

impl BlobStore for PausingBlobStore {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        let inner = self.pauses.around(|| self.inner.stage())?;
        let pauses = self.pauses.clone();
        Ok(Box::new(PausingStage { inner, pauses }))
    }

    /// A pause blocks.
    fn takes_small_at_once(&self) -> bool {
        false
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let reader = self.pauses.around(|| self.inner.open(key))?;
        Ok(reader.map(|inner| {
            let pauses = self.pauses.clone();
            Box::new(PausingReader { inner, pauses }) as Box<dyn BlobReader>
        }))
    }

    fn find_size(&self, key: &BlobKey) -> Result<Option<u64>, PortError> {
        self.pauses.around(|| self.inner.find_size(key))
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.remove(key))
    }

    fn discard(&self, key: &BlobKey) {
        self.pauses.around(|| self.inner.discard(key));
    }
}

struct PausingStage {
    inner: Box<dyn StagedBlob>,
    pauses: Pauses,
}

impl StagedBlob for PausingStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.write(bytes))
    }

    fn publish(self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        let Self { inner, pauses } = *self;
        pauses.around(|| inner.publish(sha256))
    }

    fn publish_then(self: Box<Self>, sha256: &Sha256, done: Done<BlobKey>) {
        let Self { inner, pauses } = *self;
        pauses.pause();
        let done = Box::new(move |key| {
            pauses.pause();
            done(key);
        });
        inner.publish_then(sha256, done);
    }

    fn publish_noted(self: Box<Self>, sha256: &Sha256, note: Vec<u8>, done: Done<Published>) {
        let Self { inner, pauses } = *self;
        pauses.pause();
        let done = Box::new(move |published| {
            pauses.pause();
            done(published);
        });
        inner.publish_noted(sha256, note, done);
    }
}

struct PausingReader {
    inner: Box<dyn BlobReader>,
    pauses: Pauses,
}

impl Read for PausingReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.pauses.around(|| self.inner.read(into))
    }
}

impl Seek for PausingReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.pauses.around(|| self.inner.seek(to))
    }
}

impl BlobReader for PausingReader {
    fn size(&self) -> u64 {
        self.inner.size()
    }
}

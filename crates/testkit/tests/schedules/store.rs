//! A disk on which publishing, opening, reading and removing are steps of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};
use kms_domain::{Clock as _, PortError, Timestamp};

use crate::world::{Commit, World, lock};

/// What lies there. By key, in alphabetical order.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) copies: BTreeMap<String, Copy>,
    /// Keys that somebody removed, or moved to the trash. One that was lost by damage is not among them.
    pub(crate) removed: BTreeSet<String>,
    pub(crate) trash: Vec<String>,
    next: u64,
}

/// Published bytes.
#[derive(Clone)]
pub(crate) struct Copy {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) modified: Timestamp,
}

pub(crate) struct Store(pub(crate) Arc<World>);

impl BlobStore for Store {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        Ok(Box::new(Stage(Arc::clone(&self.0), Vec::new())))
    }

    fn takes_small_at_once(&self) -> bool {
        true
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        self.0.step();
        let found = lock(&self.0.disk).copies.get(key.as_str()).cloned();
        // What is open stays readable when its name goes, on a file system and in a pack.
        Ok(found.map(|Copy { bytes, .. }| {
            Box::new(Reader(Arc::clone(&self.0), Cursor::new(bytes))) as Box<dyn BlobReader>
        }))
    }

    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        self.0.step();
        {
            let mut disk = lock(&self.0.disk);
            disk.copies.remove(key.as_str());
            disk.removed.insert(key.to_string());
        }
        self.0.judge_disk();
        self.0.step();
        Ok(())
    }

    fn discard(&self, key: &BlobKey) {
        if self.0.commit() == Commit::Alone {
            return self.remove(key).expect("removing does not fail here");
        }
        // Who discards must not wait.
        let (store, key) = (Self(Arc::clone(&self.0)), key.clone());
        self.0
            .helps(move || store.remove(&key).expect("removing does not fail here"));
    }
}

struct Stage(Arc<World>, Vec<u8>);

impl StagedBlob for Stage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.1.extend_from_slice(bytes);
        Ok(())
    }

    fn publish(self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        self.0.step();
        let key = {
            let mut disk = lock(&self.0.disk);
            disk.next += 1;
            let key = format!("{sha256}-{:08x}", disk.next);
            let copy = Copy {
                bytes: self.1.into(),
                modified: self.0.clock.now(),
            };
            let before = disk.copies.insert(key.clone(), copy);
            assert!(before.is_none(), "a key is never used again");
            key
        };
        self.0.step();
        Ok(BlobKey::parse(&key).expect("a digest, a hyphen and digits"))
    }
}

struct Reader(Arc<World>, Cursor<Arc<[u8]>>);

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.step();
        self.1.read(into)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.1.seek(to)
    }
}

impl BlobReader for Reader {
    fn size(&self) -> u64 {
        self.1.get_ref().len() as u64
    }
}

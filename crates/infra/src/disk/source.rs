//! Reading stored bytes without the lock of the data folder, for a backup beside a server.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use kms_domain::files::BlobKey;

use super::pack::read_record;
use super::store::locate_in;

/// The stored copies of a data folder that somebody else may own. Nothing is written: neither is
/// anything checked here, nor are checksums made anew. Whoever reads compares with the SHA-256.
pub(crate) struct StoredBlobs {
    blobs: PathBuf,
    packs: PathBuf,
}

/// One copy, open for reading. A file can be read to its end also after its name is gone; a record
/// was read when it was opened, and is torn if it was removed meanwhile.
pub(crate) enum StoredBytes {
    File(File),
    Record(Cursor<Vec<u8>>),
}

impl StoredBlobs {
    /// Those of the data folder at `data`.
    pub(crate) fn in_folder(data: &Path) -> Self {
        Self {
            blobs: data.join("blobs"),
            packs: data.join("packs"),
        }
    }

    /// `None`: there is none under this key, or not any more.
    pub(crate) fn open(&self, key: &BlobKey) -> io::Result<Option<StoredBytes>> {
        let Some((_, path)) = locate_in(&self.blobs, key) else {
            let record = read_record(&self.packs, key)?;
            return Ok(record.map(|content| StoredBytes::Record(Cursor::new(content))));
        };
        match File::open(path) {
            Ok(file) => Ok(Some(StoredBytes::File(file))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl Read for StoredBytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Record(content) => content.read(into),
        }
    }
}

#[cfg(test)]
mod tests {
    use kms_domain::files::{BlobStore, Sha256};
    use sha2::Digest as _;

    use super::super::{DataDir, DiskBlobStore};
    use super::*;

    #[test]
    fn copies_of_every_size_are_read_beside_their_owner_until_they_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let store = DiskBlobStore::new(&dir);
        let source = StoredBlobs::in_folder(temp.path());
        for size in [0, 10, 100_000, 600_000] {
            let content = vec![7; size];
            let sha256 = Sha256::from_bytes(sha2::Sha256::digest(&content).into());
            let mut staged = store.stage().unwrap();
            staged.write(&content).unwrap();
            let key = staged.publish(&sha256).unwrap();
            let mut found = Vec::new();
            let mut bytes = source.open(&key).unwrap().unwrap();
            bytes.read_to_end(&mut found).unwrap();
            assert!(found == content, "{size}");
            store.remove(&key).unwrap();
            assert!(source.open(&key).unwrap().is_none(), "{size}");
        }
    }
}

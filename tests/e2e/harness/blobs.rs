//! The stored contents as they lie on the disk, and what a disk may do to them.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::server::files_below;

/// Packs are rows of blocks; a record begins with a head that says how long it is.
const BLOCK: u64 = 4096;
const RECORD_HEAD: u64 = 64;
const RECORD_MAGIC: &[u8; 8] = b"KMSBLOB1";

/// One copy of a content: a file of its own, or a record of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBlob {
    pub(crate) file: PathBuf,
    /// Where its content begins in the file.
    start: u64,
    pub(crate) size: u64,
    /// What its key contains: its SHA-256.
    pub(crate) sha256: String,
}

impl StoredBlob {
    /// Everything that is stored in a data folder.
    pub(super) fn all(data: &Path) -> Vec<Self> {
        let (mut files, mut packs) = (Vec::new(), Vec::new());
        files_below(&data.join("blobs"), &mut files);
        files_below(&data.join("packs"), &mut packs);
        let own = files.into_iter().map(|file| Self {
            start: 0,
            size: fs::metadata(&file).unwrap().len(),
            sha256: file.file_name().unwrap().to_str().unwrap()[..64].to_owned(),
            file,
        });
        own.chain(packs.iter().flat_map(|pack| records(pack)))
            .collect()
    }

    fn is_packed(&self) -> bool {
        self.start > 0
    }

    fn open(&self) -> File {
        // Published files may be read-only.
        fs::set_permissions(&self.file, fs::Permissions::from_mode(0o600)).unwrap();
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(&self.file).unwrap()
    }

    /// Changes one byte in the middle, as a bad disk would.
    pub(crate) fn flip_a_byte(&self) {
        let (file, middle) = (self.open(), self.start + self.size / 2);
        let mut byte = [0];
        file.read_exact_at(&mut byte, middle).unwrap();
        file.write_all_at(&[byte[0] ^ 1], middle).unwrap();
    }

    /// Takes it away without the server.
    pub(crate) fn lose(&self) {
        if self.is_packed() {
            let zeros = vec![0; (RECORD_HEAD + self.size) as usize];
            let head = self.start - RECORD_HEAD;
            self.open().write_all_at(&zeros, head).unwrap();
        } else {
            fs::remove_file(&self.file).unwrap();
        }
    }

    /// Keeps the first `size` bytes. For contents that have a file of their own.
    pub(crate) fn shorten(&self, size: u64) {
        assert!(!self.is_packed(), "{self:?}");
        self.open().set_len(size).unwrap();
    }
}

fn records(pack: &Path) -> Vec<StoredBlob> {
    let bytes = fs::read(pack).unwrap();
    let mut found = Vec::new();
    let mut at = BLOCK;
    while let Some(head) = bytes.get(at as usize..(at + RECORD_HEAD) as usize) {
        if head[..8] != RECORD_MAGIC[..] {
            at += BLOCK;
            continue;
        }
        let size = u64::from_le_bytes(head[8..16].try_into().unwrap());
        found.push(StoredBlob {
            file: pack.to_owned(),
            start: at + RECORD_HEAD,
            size,
            sha256: head[16..48].iter().map(|b| format!("{b:02x}")).collect(),
        });
        at += (RECORD_HEAD + size).div_ceil(BLOCK) * BLOCK;
    }
    found
}

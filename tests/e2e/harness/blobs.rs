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
    #[track_caller]
    pub(super) fn all(data: &Path) -> Vec<Self> {
        let (mut files, mut packs) = (Vec::new(), Vec::new());
        files_below(&data.join("blobs"), &mut files);
        files_below(&data.join("packs"), &mut packs);
        let is_sums = |path: &PathBuf| path.extension().is_some_and(|name| name == "sums");
        let (sums, files): (Vec<_>, Vec<_>) = files.into_iter().partition(is_sums);
        // Each checksum file belongs to one of the others.
        let is_lost = |path: &&PathBuf| !files.contains(&path.with_extension(""));
        assert_eq!(sums.iter().find(is_lost), None, "of no content");
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

    /// Changes one byte in the middle, as a bad disk would.
    pub(crate) fn flip_a_byte(&self) {
        flip_byte_of(&self.file, self.start + self.size / 2);
    }

    /// Takes it away without the server.
    pub(crate) fn lose(&self) {
        if self.is_packed() {
            let zeros = vec![0; (RECORD_HEAD + self.size) as usize];
            let head = self.start - RECORD_HEAD;
            open(&self.file).write_all_at(&zeros, head).unwrap();
        } else {
            fs::remove_file(&self.file).unwrap();
        }
    }

    /// Keeps the first `size` bytes. For contents that have a file of their own.
    pub(crate) fn shorten(&self, size: u64) {
        assert!(!self.is_packed(), "{self:?}");
        open(&self.file).set_len(size).unwrap();
    }
}

/// Changes the byte at `place`, as a bad disk would.
pub(crate) fn flip_byte_of(file: &Path, place: u64) {
    let file = open(file);
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 1], place).unwrap();
}

fn open(file: &Path) -> File {
    // Published files may be read-only.
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).open(file).unwrap()
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

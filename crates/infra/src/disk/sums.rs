//! Checksums of the blocks of a blob, in a file beside it.
//!
//! A blob of more than one block has them, so that a part of it can be checked without the rest,
//! and much faster than by its SHA-256. They find what a device does to bytes, not what somebody
//! does who can write to the folder. All numbers are little-endian:
//!
//! ```text
//! header   "KMSSUMS1", SHA-256 and size of the blob, size of a block, a random number, XXH3 of these
//! page     XXH3 of each of up to 511 blocks, then XXH3 of these with the random number and the
//!          number of the page as its seed; full pages are 4 KiB, the last one is shorter
//! ```
//!
//! A page is checked for itself, so that nobody has to have more than one in memory, and its seed
//! tells it from a page of another file or place.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher as _;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kms_domain::files::Sha256;
use twox_hash::XxHash3_64;

use crate::random::random_bytes;

/// Bytes of a block.
pub(super) const BLOCK: usize = 256 * 1024;
/// The same, beside sizes of files.
pub(super) const BLOCK_SIZE: u64 = 256 * 1024;

const MAGIC: &[u8] = b"KMSSUMS1";
/// Magic, SHA-256, size, size of a block, random number.
const CHECKED_HEADER: usize = 8 + 32 + 8 + 8 + 8;
const HEADER: usize = CHECKED_HEADER + SUM;
const HEADER_SIZE: u64 = 72;
/// Bytes of a checksum.
const SUM: usize = 8;
/// Blocks of a full page: with the checksum of the page they are 4 KiB, and stand for 128 MiB.
const PAGE_BLOCKS: u64 = 511;
const PAGE_SUMS: usize = 511 * SUM;
const PAGE_SIZE: u64 = 4096;

/// Where the checksums of the blob at `path` are.
pub(super) fn path_of(blob: &Path) -> PathBuf {
    blob.with_added_extension("sums")
}

/// The checksum of one block.
pub(super) fn sum_of(block: &[u8]) -> u64 {
    XxHash3_64::oneshot(block)
}

fn sum_of_page(random: u64, page: u64, sums: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(random.wrapping_add(page), sums)
}

/// Blocks of a blob of `size` bytes.
fn blocks_of(size: u64) -> u64 {
    size.div_ceil(BLOCK_SIZE)
}

/// Checksums on their way in. Their file is made when there is something to write, which is not
/// before a page is full, and goes when this is dropped before it was moved.
pub(super) struct SumsWriter {
    path: PathBuf,
    file: Option<Staged>,
    /// Of the block that has begun.
    hasher: XxHash3_64,
    filled: usize,
    size: u64,
    /// Checksums that are in no full page yet, and the number of full pages.
    sums: Vec<u8>,
    pages: u64,
}

struct Staged {
    file: File,
    random: u64,
    moved: bool,
}

impl SumsWriter {
    /// Checksums that will be at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            hasher: XxHash3_64::new(),
            filled: 0,
            size: 0,
            sums: Vec::new(),
            pages: 0,
        }
    }

    /// Goes on with the next `bytes` of the blob.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK.saturating_sub(self.filled);
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            self.hasher.write(taken);
            self.filled = self.filled.saturating_add(taken.len());
            let taken = u64::try_from(taken.len()).map_err(io::Error::other)?;
            self.size = self.size.saturating_add(taken);
            if self.filled == BLOCK {
                self.end_block()?;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Whether the blob has more than one block so far.
    pub(super) const fn is_needed(&self) -> bool {
        self.size > BLOCK_SIZE
    }

    /// Writes what is missing, now that the digest of the whole is known. `None`: there is but one
    /// block, which needs no checksums.
    pub(super) fn finish(&mut self, sha256: &Sha256) -> io::Result<Option<&File>> {
        if !self.is_needed() {
            return Ok(None);
        }
        if self.filled > 0 {
            self.end_block()?;
        }
        if !self.sums.is_empty() {
            self.end_page()?;
        }
        let size = self.size;
        let staged = self.staged()?;
        let header = header(sha256, size, staged.random);
        staged.file.write_all_at(&header, 0)?;
        Ok(Some(&staged.file))
    }

    /// Gives the file, if there is one, the name `path`, in the place of what has it.
    pub(super) fn move_to(&mut self, path: &Path) -> io::Result<()> {
        if let Some(staged) = &mut self.file {
            fs::rename(&self.path, path)?;
            staged.moved = true;
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let sum = self.hasher.finish();
        self.hasher = XxHash3_64::new();
        self.filled = 0;
        self.sums.extend_from_slice(&sum.to_le_bytes());
        if self.sums.len() == PAGE_SUMS {
            self.end_page()?;
        }
        Ok(())
    }

    fn end_page(&mut self) -> io::Result<()> {
        let page = self.pages;
        let random = self.staged()?.random;
        let sum = sum_of_page(random, page, &self.sums);
        self.sums.extend_from_slice(&sum.to_le_bytes());
        let at = HEADER_SIZE.saturating_add(page.saturating_mul(PAGE_SIZE));
        if let Some(staged) = &self.file {
            staged.file.write_all_at(&self.sums, at)?;
        }
        self.sums.clear();
        self.pages = page.saturating_add(1);
        Ok(())
    }

    fn staged(&mut self) -> io::Result<&mut Staged> {
        if self.file.is_none() {
            let random = random_bytes().map_err(io::Error::other)?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(0o600);
            self.file = Some(Staged {
                file: options.open(&self.path)?,
                random: u64::from_le_bytes(random),
                moved: false,
            });
        }
        self.file.as_mut().ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Drop for SumsWriter {
    fn drop(&mut self) {
        if self.file.as_ref().is_some_and(|staged| !staged.moved)
            && let Err(error) = fs::remove_file(&self.path)
        {
            // The next start empties the staging area.
            tracing::warn!(%error, path = %self.path.display(), "staged checksums stay behind");
        }
    }
}

/// The checksums of a published blob.
pub(super) struct Sums {
    file: File,
    random: u64,
    blocks: u64,
    /// The page that was read last, and its number.
    page: Option<(u64, Vec<u8>)>,
}

impl Sums {
    /// Opens the checksums at `path`. `None`: there are none, or none that belong to these bytes
    /// and are sound as far as one can see at their beginning.
    pub(super) fn open(path: &Path, sha256: &Sha256, size: u64) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Self::of_file(file, sha256, size)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of_file(mut file: File, sha256: &Sha256, size: u64) -> Option<Self> {
        let mut found = [0; HEADER];
        file.read_exact(&mut found).ok()?;
        // Where its random number stands, right before its checksum.
        let (checked, _) = found.split_last_chunk::<SUM>()?;
        let random = u64::from_le_bytes(*checked.last_chunk()?);
        (found.as_slice() == header(sha256, size, random)).then(|| Self {
            file,
            random,
            blocks: blocks_of(size),
            page: None,
        })
    }

    /// The checksum of the block with this number. `None`: it cannot be read, or is damaged itself.
    pub(super) fn get(&mut self, block: u64) -> Option<u64> {
        let number = block.checked_div(PAGE_BLOCKS)?;
        if self.page.as_ref().is_none_or(|(held, _)| *held != number) {
            let page = self.read_page(number)?;
            self.page = Some((number, page));
        }
        self.get_now(block)
    }

    /// The checksum of the block with this number, if it is in memory.
    pub(super) fn get_now(&self, block: u64) -> Option<u64> {
        let (number, sums) = self.page.as_ref()?;
        let first = number.checked_mul(PAGE_BLOCKS)?;
        let at = usize::try_from(block.checked_sub(first)?).ok()?;
        let sum = sums.get(at.checked_mul(SUM)?..)?.first_chunk()?;
        Some(u64::from_le_bytes(*sum))
    }

    fn read_page(&mut self, number: u64) -> Option<Vec<u8>> {
        let before = number.checked_mul(PAGE_BLOCKS)?;
        let blocks = self.blocks.checked_sub(before)?.min(PAGE_BLOCKS);
        let sums = usize::try_from(blocks).ok()?.checked_mul(SUM)?;
        let mut page = vec![0; sums.checked_add(SUM)?];
        let at = HEADER_SIZE.checked_add(number.checked_mul(PAGE_SIZE)?)?;
        self.file.read_exact_at(&mut page, at).ok()?;
        let expected = u64::from_le_bytes(*page.last_chunk()?);
        page.truncate(sums);
        (sum_of_page(self.random, number, &page) == expected).then_some(page)
    }
}

fn header(sha256: &Sha256, size: u64, random: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(sha256.as_bytes());
    for number in [size, BLOCK_SIZE, random] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    let sum = XxHash3_64::oneshot(&header);
    header.extend_from_slice(&sum.to_le_bytes());
    header
}

#[cfg(test)]
mod tests;

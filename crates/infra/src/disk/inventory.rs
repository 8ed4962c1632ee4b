//! What lies in a data folder, for who only looks: it needs no lock, makes nothing and changes
//! nothing, so it works beside the server that owns the folder.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kms_domain::files::{BlobKey, Sha256};
use kms_domain::upkeep::{BlobInventory, Checksums, Inspection, Stored, StoredItem};
use kms_domain::{PortError, Timestamp};
use rustix::fs::{Advice, fadvise};
use sha2::Digest as _;

use super::error::io_failed;
use super::pack::{inspect_record, list_records};
use super::presence::{expect_blobs, expect_packs};
use super::store::{folder_entries, parse_key};
use super::sums::{self, BLOCK, BLOCK_SIZE, Sums};

/// The content of a data folder.
#[derive(Clone, Debug)]
pub struct DiskInventory {
    data: PathBuf,
}

impl DiskInventory {
    /// Looks at the data folder at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            data: path.to_owned(),
        }
    }

    fn blobs(&self) -> PathBuf {
        self.data.join("blobs")
    }

    fn path_of(&self, name: &str) -> Option<PathBuf> {
        let (outer, rest) = name.split_at_checked(2)?;
        let (inner, _) = rest.split_at_checked(2)?;
        Some(self.blobs().join(outer).join(inner).join(name))
    }
}

/// When a file was written last.
pub(super) fn modified(metadata: &fs::Metadata) -> Timestamp {
    let millis = metadata.mtime().saturating_mul(1000);
    Timestamp::from_millis(millis.saturating_add(metadata.mtime_nsec() / 1_000_000))
}

/// `None` for what is not there (any more).
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

impl BlobInventory for DiskInventory {
    fn list(&self, each: &mut dyn FnMut(Stored) -> ControlFlow<()>) -> Result<(), PortError> {
        let mut first = FirstError::default();
        if self.list_files(each, &mut first).is_continue() {
            list_records(&self.data.join("packs"), each, &mut first);
        }
        first.into_result()
    }

    fn inspect(
        &self,
        key: &BlobKey,
        bytes: bool,
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Inspection, PortError> {
        let Some(sha256) = parse_key(key) else {
            return inspect_record(&self.data.join("packs"), key, bytes, read);
        };
        let Some(path) = self.path_of(key.as_str()) else {
            return Ok(Inspection::Missing);
        };
        inspect_file(&path, &sha256, bytes, read).map_err(io_failed("inspect", &path))
    }

    fn expect_store(&self, key: &BlobKey) -> Result<(), PortError> {
        match parse_key(key) {
            Some(_) => expect_blobs(&self.blobs()),
            None => expect_packs(&self.data.join("packs")),
        }
    }
}

/// What went wrong first while the rest goes on.
#[derive(Default)]
pub(super) struct FirstError(Option<PortError>);

impl FirstError {
    /// What came of a part, unless that went wrong.
    pub(super) fn note<T>(&mut self, part: Result<T, PortError>) -> Option<T> {
        match part {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.get_or_insert(error);
                None
            }
        }
    }

    pub(super) fn into_result(self) -> Result<(), PortError> {
        self.0.map_or(Ok(()), Err)
    }
}

impl DiskInventory {
    fn list_files(
        &self,
        each: &mut dyn FnMut(Stored) -> ControlFlow<()>,
        first: &mut FirstError,
    ) -> ControlFlow<()> {
        let entries = |folder: &Path, first: &mut FirstError| {
            let entries = first.note(folder_entries(folder));
            entries.unwrap_or_default()
        };
        for outer in entries(&self.blobs(), first) {
            for inner in entries(&outer, first) {
                for path in entries(&inner, first) {
                    if let Some(stored) = first.note(self.look_at(&path)).flatten() {
                        each(stored)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// What the file at `path` is. `None` for what no store made, for checksums that have their
    /// copy, and for what has gone meanwhile.
    fn look_at(&self, path: &Path) -> Result<Option<Stored>, PortError> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Ok(None);
        };
        let is_sums = name.ends_with(".sums");
        let name = name.strip_suffix(".sums").unwrap_or(name);
        let key = BlobKey::parse(name).ok();
        let Some(key) = key.filter(|key| parse_key(key).is_some()) else {
            return Ok(None);
        };
        // Only where it would be looked for.
        let copy = path.with_file_name(name);
        if self.path_of(name).as_ref() != Some(&copy) {
            return Ok(None);
        }
        let failed = || io_failed("look at", path);
        let Some(metadata) = if_there(fs::metadata(path)).map_err(failed())? else {
            return Ok(None);
        };
        if is_sums && if_there(fs::metadata(&copy)).map_err(failed())?.is_some() {
            return Ok(None);
        }
        Ok(Some(Stored {
            item: if is_sums {
                StoredItem::Checksums(key)
            } else {
                StoredItem::Copy(key)
            },
            size: metadata.len(),
            modified: modified(&metadata),
        }))
    }
}

fn inspect_file(
    path: &Path,
    sha256: &Sha256,
    bytes: bool,
    read: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> io::Result<Inspection> {
    let Some(mut file) = if_there(File::open(path))? else {
        return Ok(Inspection::Missing);
    };
    let size = file.metadata()?.len();
    let sums_path = sums::path_of(path);
    let mut sums = Sums::open(&sums_path, sha256, size)?;
    let mut checksums = match &sums {
        Some(_) => Checksums::Sound,
        None if size <= BLOCK_SIZE => Checksums::Sound,
        None if if_there(fs::metadata(&sums_path))?.is_some() => Checksums::Damaged,
        None => Checksums::Missing,
    };
    if !bytes {
        return Ok(Inspection::Found {
            size,
            sha256: None,
            checksums,
        });
    }
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; BLOCK];
    let mut block = 0_u64;
    loop {
        let filled = fill(&mut file, &mut buffer)?;
        let content = buffer.get(..filled).unwrap_or_default();
        hash.update(content);
        if filled > 0
            && let Some(sums) = &mut sums
            && sums.get(block) != Some(sums::sum_of(content))
        {
            checksums = Checksums::Damaged;
        }
        let filled = u64::try_from(filled).unwrap_or(u64::MAX);
        // Whoever reads everything must not drive out of memory what is read often. What others have
        // read meanwhile goes as well, and comes back with the next one who wants it.
        let start = block.saturating_mul(BLOCK_SIZE);
        let _ = fadvise(
            &file,
            start,
            std::num::NonZeroU64::new(filled),
            Advice::DontNeed,
        );
        if read(filled).is_break() {
            return Ok(Inspection::Interrupted);
        }
        if filled < BLOCK_SIZE {
            break;
        }
        block = block.saturating_add(1);
    }
    Ok(Inspection::Found {
        size,
        sha256: Some(Sha256::from_bytes(hash.finalize().into())),
        checksums,
    })
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    loop {
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(filled);
        }
        match file.read(rest) {
            Ok(0) => return Ok(filled),
            Ok(read) => filled = filled.saturating_add(read),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests;

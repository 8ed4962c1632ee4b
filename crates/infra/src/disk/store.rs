use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kms_domain::PortError;
use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};

use super::DataDir;
use super::error::{io_failed, sync_failed};
use super::group::GroupSync;
use super::pack::{Packs, RedoLedger};
use super::presence::expect_blobs;
use super::reader::FileReader;
use super::staged::{Staged, StagedFile};
use super::sums;
use super::sync::SyncGate;

/// Hexadecimal digits of a SHA-256, and of the random part of a key.
const SHA256_DIGITS: usize = 64;
const RANDOM_DIGITS: usize = 32;

/// Blobs as files in a data folder.
#[derive(Clone)]
pub struct DiskBlobStore(Arc<Inner>);

pub(super) struct Inner {
    pub(super) dir: DataDir,
    pub(super) gate: Arc<SyncGate>,
    // Where there is one, files of medium size are made durable by it.
    pub(super) group: Option<GroupSync>,
    // Small blobs are in them, unless they may not be appended to.
    pub(super) packs: Packs,
    // Shards whose own names are known to be durable. Empty at the start, because a process that
    // died may have made some without syncing them; at most 65,536.
    shards: Mutex<HashSet<PathBuf>>,
}

impl DiskBlobStore {
    /// A store in `dir`, which stays locked as long as the store lives.
    #[must_use]
    pub fn new(dir: &DataDir) -> Self {
        let gate = Arc::new(SyncGate::new());
        let packs = Packs::of(dir, &gate);
        Self::with(dir, gate, GroupSync::of(dir.path()), packs)
    }

    /// The same, with a file of its own for every new blob, however small.
    #[must_use]
    pub fn without_packs(dir: &DataDir) -> Self {
        let gate = Arc::new(SyncGate::new());
        let packs = Packs::only_read(dir, &gate);
        Self::with(dir, gate, GroupSync::of(dir.path()), packs)
    }

    fn with(dir: &DataDir, gate: Arc<SyncGate>, group: Option<GroupSync>, packs: Packs) -> Self {
        Self(Arc::new(Inner {
            dir: dir.clone(),
            gate,
            group,
            packs,
            shards: Mutex::default(),
        }))
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Calls `each` with the key of every published copy, whether or not a row refers to it. Copies
    /// that come or go meanwhile may be among them or not.
    ///
    /// # Errors
    /// [`PortError`] when the data folder cannot be read.
    pub fn keys(&self, each: &mut dyn FnMut(BlobKey)) -> Result<(), PortError> {
        let blobs = self.0.dir.blobs();
        for outer in folder_entries(&blobs)? {
            for inner in folder_entries(&outer)? {
                for path in folder_entries(&inner)? {
                    let name = path.file_name().and_then(|name| name.to_str());
                    let key = name.and_then(|name| BlobKey::parse(name).ok());
                    let is_there =
                        |key: &BlobKey| self.0.locate(key).is_some_and(|(_, found)| found == path);
                    if let Some(key) = key.filter(is_there) {
                        each(key);
                    }
                }
            }
        }
        self.0.packs.keys(each)
    }
}

/// The digest in a key of a blob that has a file of its own. `None` for other keys.
pub(super) fn parse_key(key: &BlobKey) -> Option<Sha256> {
    let (sha256, random) = key.as_str().split_once('-')?;
    if sha256.len() != SHA256_DIGITS || random.len() != RANDOM_DIGITS {
        return None;
    }
    let is_hex = random.bytes().all(|b| b.is_ascii_hexdigit());
    Sha256::parse(sha256).ok().filter(|_| is_hex)
}

/// Removes what is there of `files`, in their order.
pub(super) fn remove_files(files: &[PathBuf]) -> Result<(), PortError> {
    for path in files {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(io_failed("remove", path)(e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is in a folder; nothing if it is none.
pub(super) fn folder_entries(folder: &Path) -> Result<Vec<PathBuf>, PortError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(e) => return Err(io_failed("list", folder)(e)),
    };
    entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()
        .map_err(io_failed("list", folder))
}

impl DiskBlobStore {
    /// Keeps notes of entries beside small content, from the next pack on, for `ledger`, which sees to it that
    /// they are carried out. Only the first one counts.
    pub(crate) fn keep_notes_for(&self, ledger: Arc<dyn RedoLedger>) {
        self.0.packs.keep_notes_for(ledger);
    }
}

impl BlobStore for DiskBlobStore {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        // Better before the client sends everything than after it.
        let staging = self.0.dir.staging();
        self.0
            .gate
            .check()
            .map_err(sync_failed("stage in", &staging))?;
        if self.0.packs.may_append() {
            return Ok(Box::new(Staged::Small {
                store: Arc::clone(&self.0),
                content: Vec::new(),
            }));
        }
        Ok(Box::new(Staged::File(Box::new(StagedFile::new(&self.0)?))))
    }

    fn takes_small_at_once(&self) -> bool {
        self.0.packs.may_append()
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let Some((sha256, path)) = self.0.locate(key) else {
            return self.0.packs.open(key);
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                expect_blobs(&self.0.dir.blobs())?;
                return Ok(None);
            }
            Err(e) => return Err(io_failed("open", &path)(e)),
        };
        let size = file.metadata().map_err(io_failed("look at", &path))?.len();
        let dir = self.0.dir.clone();
        let reader = FileReader::new(dir, file, path, sha256, size);
        Ok(Some(Box::new(reader)))
    }

    fn find_size(&self, key: &BlobKey) -> Result<Option<u64>, PortError> {
        let Some((_, path)) = self.0.locate(key) else {
            return self.0.packs.find_size(key);
        };
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                expect_blobs(&self.0.dir.blobs())?;
                Ok(None)
            }
            Err(e) => Err(io_failed("look at", &path)(e)),
        }
    }

    /// Not synced: if a power cut brings the name back, the copy lies there without a row, which is
    /// what the collector looks for, and its key is never given to other bytes.
    ///
    /// The checksums go last: a reader that makes them anew relies on that.
    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        let Some((_, path)) = self.0.locate(key) else {
            return self.0.packs.remove(key);
        };
        let sums = sums::path_of(&path);
        remove_files(&[path, sums])
    }

    fn discard(&self, key: &BlobKey) {
        if self.0.packs.may_append() {
            let files = self.0.locate(key).map(|(_, path)| {
                let sums = sums::path_of(&path);
                [path, sums]
            });
            self.0.packs.discard(key, files);
        } else if let Err(error) = self.remove(key) {
            tracing::warn!(%error, %key, "a surplus copy stays behind");
        }
    }
}

impl Inner {
    /// Where the bytes under `key` are, and their digest. `None` for keys that another kind of store
    /// made.
    pub(super) fn locate(&self, key: &BlobKey) -> Option<(Sha256, PathBuf)> {
        locate_in(&self.dir.blobs(), key)
    }

    /// `blobs/ab/cd` for a digest that begins with `abcd`: 65,536 folders, so that a hundred million
    /// blobs are some 1,500 a folder.
    pub(super) fn shard(&self, sha256: &str) -> Option<PathBuf> {
        shard_in(&self.dir.blobs(), sha256)
    }

    /// Makes sure that `shard` is there and will be after a power cut.
    pub(super) fn make_shard(&self, shard: &Path) -> Result<(), PortError> {
        let known = |set: &Mutex<HashSet<PathBuf>>| {
            set.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(shard)
        };
        if known(&self.shards) {
            return Ok(());
        }
        let blobs = self.dir.blobs();
        let outer = shard.parent().unwrap_or(&blobs);
        for (folder, parent) in [(outer, blobs.as_path()), (shard, outer)] {
            match DirBuilder::new().mode(0o700).create(folder) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io_failed("create", folder)(e));
                }
                _ => {}
            }
            // A sync of the whole file system is about to follow, and covers this one too.
            if self.group.is_some() {
                continue;
            }
            // Also when it was there: whoever made it may not have come to syncing it.
            self.gate
                .sync_folder(parent)
                .map_err(sync_failed("sync", parent))?;
        }
        self.shards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(shard.to_owned());
        Ok(())
    }
}

/// Where the bytes under `key` are in the folder `blobs`, as [`Inner::locate`] says it.
pub(super) fn locate_in(blobs: &Path, key: &BlobKey) -> Option<(Sha256, PathBuf)> {
    let sha256 = parse_key(key)?;
    let path = shard_in(blobs, key.as_str())?.join(key.as_str());
    Some((sha256, path))
}

fn shard_in(blobs: &Path, sha256: &str) -> Option<PathBuf> {
    let (outer, rest) = sha256.split_at_checked(2)?;
    let (inner, _) = rest.split_at_checked(2)?;
    Some(blobs.join(outer).join(inner))
}

#[cfg(test)]
mod tests;

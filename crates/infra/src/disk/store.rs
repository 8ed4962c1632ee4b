use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kms_domain::files::{BlobKey, BlobReader, BlobStore, Sha256, StagedBlob};
use kms_domain::{PortError, PortErrorKind};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::DataDir;
use super::append::Appender;
use super::group::{GroupSync, Since};
use super::reader::FileReader;
use super::sums::{self, SumsWriter};
use super::sync::{SyncError, SyncGate, is_full};
use crate::random::random_bytes;

/// Hexadecimal digits of a SHA-256, and of the random part of a key.
const SHA256_DIGITS: usize = 64;
const RANDOM_DIGITS: usize = 32;

/// Blobs as files in a data folder.
#[derive(Clone)]
pub struct DiskBlobStore(Arc<Inner>);

struct Inner {
    dir: DataDir,
    gate: SyncGate,
    // Where there is one, small files are made durable by it.
    group: Option<GroupSync>,
    // Shards whose own names are known to be durable. Empty at the start, because a process that
    // died may have made some without syncing them; at most 65,536.
    shards: Mutex<HashSet<PathBuf>>,
}

/// What went wrong with a file of the store.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {path}")]
struct DiskError {
    operation: &'static str,
    path: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl DiskBlobStore {
    /// A store in `dir`, which stays locked as long as the store lives.
    #[must_use]
    pub fn new(dir: &DataDir) -> Self {
        Self::with_gate(dir, SyncGate::new(), GroupSync::of(dir.path()))
    }

    fn with_gate(dir: &DataDir, gate: SyncGate, group: Option<GroupSync>) -> Self {
        Self(Arc::new(Inner {
            dir: dir.clone(),
            gate,
            group,
            shards: Mutex::default(),
        }))
    }
}

impl BlobStore for DiskBlobStore {
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError> {
        let path = self.0.dir.staging().join(random_hex()?);
        // Better before the client sends everything than after it.
        self.0.gate.check().map_err(sync_failed("stage", &path))?;
        let since = self.0.group.as_ref().map(GroupSync::now);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_failed("create", &path))?;
        Ok(Box::new(StagedFile {
            store: Arc::clone(&self.0),
            file: Appender::new(file),
            sums: SumsWriter::new(sums::path_of(&path)),
            path: Some(path),
            since,
        }))
    }

    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let Some((sha256, path)) = self.0.locate(key) else {
            return Ok(None);
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_failed("open", &path)(e)),
        };
        let size = file.metadata().map_err(io_failed("look at", &path))?.len();
        let dir = self.0.dir.clone();
        let reader = FileReader::new(dir, file, path, sha256, size);
        Ok(Some(Box::new(reader)))
    }

    /// Not synced: if a power cut brings the name back, the copy lies there without a row, which is
    /// what the collector looks for, and its key is never given to other bytes.
    ///
    /// The checksums go last: a reader that makes them anew relies on that.
    fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        let Some((_, path)) = self.0.locate(key) else {
            return Ok(());
        };
        let sums = sums::path_of(&path);
        for path in [path, sums] {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(io_failed("remove", &path)(e));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Where the bytes under `key` are, and their digest. `None` for keys that another kind of store
    /// made.
    fn locate(&self, key: &BlobKey) -> Option<(Sha256, PathBuf)> {
        let (sha256, random) = key.as_str().split_once('-')?;
        if sha256.len() != SHA256_DIGITS || random.len() != RANDOM_DIGITS {
            return None;
        }
        if !sha256
            .bytes()
            .chain(random.bytes())
            .all(|b| b.is_ascii_hexdigit())
        {
            return None;
        }
        let path = self.shard(sha256)?.join(key.as_str());
        Some((Sha256::parse(sha256).ok()?, path))
    }

    /// `blobs/ab/cd` for a digest that begins with `abcd`: 65,536 folders, so that a hundred million
    /// blobs are some 1,500 a folder.
    fn shard(&self, sha256: &str) -> Option<PathBuf> {
        let (outer, rest) = sha256.split_at_checked(2)?;
        let (inner, _) = rest.split_at_checked(2)?;
        Some(self.dir.blobs().join(outer).join(inner))
    }

    /// Makes sure that `shard` is there and will be after a power cut.
    fn make_shard(&self, shard: &Path) -> Result<(), PortError> {
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

struct StagedFile {
    store: Arc<Inner>,
    file: Appender,
    sums: SumsWriter,
    // None once the file has moved to its published name.
    path: Option<PathBuf>,
    // When it was begun, where files are synced in groups.
    since: Option<Since>,
}

impl StagedBlob for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        self.file
            .append(bytes)
            .and_then(|()| self.sums.add(bytes))
            .map_err(io_failed("write", path))
    }

    fn publish(mut self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        let staged = self.path.clone().unwrap_or_default();
        let digits = sha256.to_string();
        let name = format!("{digits}-{}", random_hex()?);
        let key = BlobKey::parse(&name).map_err(PortError::internal)?;
        let store = Arc::clone(&self.store);
        let shard = store.shard(&digits).unwrap_or_default();
        let target = shard.join(&name);

        let is_large = self.file.is_large();
        let file = self.file.finish().map_err(io_failed("write", &staged))?;
        let sums = self.sums.finish(sha256);
        let sums = sums.map_err(io_failed("write the checksums of", &staged))?;
        let grouped = store.group.as_ref().zip(self.since);
        // The sync of the file system will cover them. Only bytes that are not in the cache are
        // synced by themselves: that is quick, and nobody else has to wait for it.
        let own = (grouped.is_none() || is_large).then_some(file);
        let own_sums = sums.filter(|_| grouped.is_none());
        for file in own.into_iter().chain(own_sums) {
            let synced = store.gate.sync(file);
            synced.map_err(sync_failed("sync", &staged))?;
        }
        store.make_shard(&shard)?;
        let published = self.move_to(&target).and_then(|()| {
            let synced = match grouped {
                Some((group, since)) => group.sync(&store.gate, since),
                None => store.gate.sync_folder(&shard),
            };
            synced.map_err(sync_failed("sync", &shard))
        });
        if let Err(error) = published {
            // Nobody will learn the key, so nothing would ever refer to the files.
            let _ = fs::remove_file(&target);
            let _ = fs::remove_file(sums::path_of(&target));
            return Err(error);
        }
        Ok(key)
    }
}

impl StagedFile {
    /// The checksums get their name first: a file that has its name has everything.
    fn move_to(&mut self, target: &Path) -> Result<(), PortError> {
        self.sums
            .move_to(&sums::path_of(target))
            .map_err(io_failed("publish the checksums of", target))?;
        if let Some(staged) = &self.path {
            move_without_replacing(staged, target).map_err(io_failed("publish as", target))?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            // The next start empties the staging area.
            tracing::warn!(%error, path = %path.display(), "a staged file stays behind");
        }
    }
}

/// Moves a file to a name that must be free. Not every file system can rename so; a hard link is as
/// strict there.
fn move_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_and_unlink(from, to),
        other => Ok(other?),
    }
}

fn link_and_unlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

fn random_hex() -> Result<String, PortError> {
    Ok(format!("{:032x}", u128::from_be_bytes(random_bytes()?)))
}

fn io_failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PortError {
    move |error| failed(operation, path, kind_of(&error), error)
}

fn sync_failed(operation: &'static str, path: &Path) -> impl FnOnce(SyncError) -> PortError {
    move |error| {
        let kind = match &error {
            SyncError::Closed => PortErrorKind::Internal,
            SyncError::Failed(io) => kind_of(io),
        };
        failed(operation, path, kind, error)
    }
}

fn failed(
    operation: &'static str,
    path: &Path,
    kind: PortErrorKind,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(
        kind,
        DiskError {
            operation,
            path: path.to_owned(),
            source: source.into(),
        },
    )
}

fn kind_of(error: &io::Error) -> PortErrorKind {
    if is_full(error) {
        PortErrorKind::StorageFull
    } else {
        PortErrorKind::Internal
    }
}

#[cfg(test)]
mod tests;

//! The contents of all generations of a backup, each once, under its digest.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use kms_domain::files::Sha256;
use rustix::fs::{Advice, fadvise};
use sha2::Digest as _;

use super::folder::BackupFolder;
use super::manifest::digest_of;
use super::{BackupError, io_failed};
use crate::disk::{Appender, GroupSync, Since, SyncGate, make_folder, sync_folder};

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// The files of a pool, to be read.
pub(super) struct Pool {
    blobs: PathBuf,
    buffer: Vec<u8>,
}

/// What became of reading a file of the pool.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Sound,
    /// The first words of a sentence about it.
    Bad(String),
}

impl Pool {
    pub(super) fn of(folder: &BackupFolder) -> Self {
        Self {
            blobs: folder.blobs(),
            buffer: vec![0; PIECE],
        }
    }

    /// Where content is.
    pub(super) fn path(&self, sha256: &Sha256) -> PathBuf {
        path_in(&self.blobs, sha256)
    }

    /// Reads content to its end, hands it on piece by piece, and compares it with its digest. Only a
    /// failure of `each` is an error.
    pub(super) fn read(
        &mut self,
        sha256: &Sha256,
        size: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<Found, BackupError> {
        let file = match File::open(self.path(sha256)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Found::Bad("missing".to_owned()));
            }
            Err(e) => return Ok(Found::Bad(format!("cannot be opened: {e}"))),
        };
        // What the device has, not what was written a moment ago. A hint.
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
        let _ = fadvise(&file, 0, None, Advice::Sequential);
        let copied = copy(file, sha256, size, &mut self.buffer, each)?;
        Ok(copied)
    }
}

/// The files of a pool, to be added to.
pub(super) struct PoolWriter {
    pool: Pool,
    root: PathBuf,
    part: PathBuf,
    gate: SyncGate,
    // Where there is one, it makes everything durable in the end; else each file is synced.
    group: Option<(GroupSync, Since)>,
    last_shard: PathBuf,
}

impl PoolWriter {
    pub(super) fn of(folder: &BackupFolder) -> Self {
        // Begun before the first byte, so that the sync in the end tells of all of them.
        let group = GroupSync::of(folder.path());
        let since = group.as_ref().map(GroupSync::now);
        Self {
            pool: Pool::of(folder),
            root: folder.blobs(),
            part: folder.tmp().join("content"),
            gate: SyncGate::new(),
            group: group.zip(since),
            last_shard: PathBuf::new(),
        }
    }

    /// Where content is.
    pub(super) fn path(&self, sha256: &Sha256) -> PathBuf {
        self.pool.path(sha256)
    }

    /// Whether there is a file of this size for the content.
    pub(super) fn has(&self, sha256: &Sha256, size: u64) -> Result<bool, BackupError> {
        let path = self.pool.path(sha256);
        match fs::metadata(&path) {
            Ok(found) => Ok(found.is_file() && found.len() == size),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(io_failed(&path, "the file cannot be looked at")(e)),
        }
    }

    /// Whether that file has the right bytes. If so, it will be durable like those that are new.
    pub(super) fn is_sound(&mut self, sha256: &Sha256, size: u64) -> Result<bool, BackupError> {
        let path = self.pool.path(sha256);
        if self.group.is_none() {
            let file = File::open(&path).map_err(io_failed(&path, "the file cannot be opened"))?;
            self.sync(&file, &path)?;
            self.sync_shard(&path)?;
        }
        let found = self.pool.read(sha256, size, &mut |_| Ok(()))?;
        Ok(found == Found::Sound)
    }

    /// Copies content from `source`, in the place of what may be there. Nothing changes unless the
    /// bytes are right.
    pub(super) fn take_in(
        &mut self,
        sha256: &Sha256,
        size: u64,
        source: impl Read,
    ) -> Result<Found, BackupError> {
        let part = self.part.clone();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .map_err(io_failed(&part, "the file cannot be made"))?;
        let mut file = Appender::new(file);
        let mut write = |bytes: &[u8]| {
            let written = file.append(bytes);
            written.map_err(io_failed(&part, "the file cannot be written"))
        };
        let found = copy(source, sha256, size, &mut self.pool.buffer, &mut write);
        if !matches!(found, Ok(Found::Sound)) {
            let _ = fs::remove_file(&part);
            return found;
        }
        let file = file
            .finish()
            .map_err(io_failed(&part, "the file cannot be written"))?;
        if self.group.is_none() {
            self.sync(file, &part)?;
        }
        let path = self.pool.path(sha256);
        self.make_shard(&path)?;
        fs::rename(&part, &path).map_err(io_failed(&path, "the file cannot be named"))?;
        if self.group.is_none() {
            self.sync_shard(&path)?;
        }
        Ok(Found::Sound)
    }

    /// Returns when everything is durable that was taken in or found sound.
    pub(super) fn finish(self) -> Result<(), BackupError> {
        match &self.group {
            Some((group, since)) => group
                .sync(&self.gate, *since)
                .map_err(io::Error::other)
                .map_err(io_failed(&self.root, "the files cannot be synced")),
            None => Ok(()),
        }
    }

    /// Makes the folder of a file. Contents come in the order of digests, so that one is enough to
    /// be remembered.
    fn make_shard(&mut self, path: &Path) -> Result<(), BackupError> {
        let shard = path.parent().unwrap_or(&self.root);
        if shard != self.last_shard {
            let made = match &self.group {
                Some(_) => DirBuilder::new().recursive(true).mode(0o700).create(shard),
                None => make_folder(shard),
            };
            made.map_err(io_failed(shard, "the folder cannot be made"))?;
            self.last_shard = shard.to_owned();
        }
        Ok(())
    }

    fn sync(&self, file: &File, path: &Path) -> Result<(), BackupError> {
        self.gate
            .sync(file)
            .map_err(io::Error::other)
            .map_err(io_failed(path, "the file cannot be synced"))
    }

    fn sync_shard(&self, path: &Path) -> Result<(), BackupError> {
        let shard = path.parent().unwrap_or(&self.root);
        sync_folder(shard).map_err(io_failed(shard, "the folder cannot be synced"))
    }
}

/// `ab/cd/<sha256>`.
pub(super) fn path_in(blobs: &Path, sha256: &Sha256) -> PathBuf {
    let name = sha256.to_string();
    let shard = name.split_at_checked(2).and_then(|(outer, rest)| {
        let (inner, _) = rest.split_at_checked(2)?;
        Some(blobs.join(outer).join(inner))
    });
    shard.unwrap_or_else(|| blobs.to_owned()).join(name)
}

/// Reads `source` to its end and hands it on, compared with what it should be. What cannot be read
/// is bad; what cannot be handed on is an error.
fn copy(
    mut source: impl Read,
    sha256: &Sha256,
    size: u64,
    buffer: &mut [u8],
    each: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<Found, BackupError> {
    let mut hash = sha2::Sha256::new();
    let mut length = 0_u64;
    loop {
        let filled = match fill(&mut source, buffer) {
            Ok(filled) => filled,
            Err(e) => return Ok(Found::Bad(format!("cannot be read: {e}"))),
        };
        if filled.is_empty() {
            break;
        }
        length = length.saturating_add(filled.len().try_into().unwrap_or(u64::MAX));
        if length > size {
            return Ok(Found::Bad(format!("longer than {size} bytes")));
        }
        hash.update(filled);
        each(filled)?;
    }
    if length < size {
        return Ok(Found::Bad(format!("{length} bytes instead of {size}")));
    }
    Ok(if digest_of(hash) == *sha256 {
        Found::Sound
    } else {
        Found::Bad("not the bytes that were stored".to_owned())
    })
}

/// Fills the buffer as far as there is something. Whole pieces, because a large file is written past
/// the page cache if its first piece is large.
fn fill<'b>(source: &mut impl Read, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(more) => filled = filled.saturating_add(more),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

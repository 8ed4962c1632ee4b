//! Bytes on their way into the store.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kms_domain::files::{BlobKey, Published, Sha256, StagedBlob};
use kms_domain::{Done, PortError, wait_for};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::append::Appender;
use super::error::{io_failed, sync_failed};
use super::group::{GroupSync, Since};
use super::pack::MAX_CONTENT;
use super::store::Inner;
use super::sums::{self, SumsWriter};
use crate::random::random_bytes;
use crate::sabotage::{Skipped, skips};

/// Bytes on their way in: in memory while they fit a pack.
pub(super) enum Staged {
    Small { store: Arc<Inner>, content: Vec<u8> },
    File(Box<StagedFile>),
}

impl StagedBlob for Staged {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Small { content, .. }
                if content.len().saturating_add(bytes.len()) <= MAX_CONTENT =>
            {
                content.extend_from_slice(bytes);
                Ok(())
            }
            Self::Small { store, content } => {
                let mut file = StagedFile::new(store)?;
                // One write: whether it is much decides how the file is written.
                content.extend_from_slice(bytes);
                file.write(content)?;
                *self = Self::File(Box::new(file));
                Ok(())
            }
        }
    }

    fn publish(self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError> {
        match *self {
            Self::File(file) => file.publish(sha256),
            small @ Self::Small { .. } => {
                wait_for(|done| Box::new(small).publish_then(sha256, done))
            }
        }
    }

    fn publish_then(self: Box<Self>, sha256: &Sha256, done: Done<BlobKey>) {
        match *self {
            Self::File(file) => done(file.publish(sha256)),
            Self::Small { store, content } => {
                let done = move |it: Result<Published, _>| done(it.map(|it| it.key));
                store.packs.append(*sha256, content, None, Box::new(done));
            }
        }
    }

    fn publish_noted(self: Box<Self>, sha256: &Sha256, note: Vec<u8>, done: Done<Published>) {
        match *self {
            Self::File(file) => {
                done(
                    file.publish(sha256)
                        .map(|key| Published { key, noted: None }),
                );
            }
            Self::Small { store, content } => {
                store.packs.append(*sha256, content, Some(note), done);
            }
        }
    }
}

pub(super) struct StagedFile {
    pub(super) store: Arc<Inner>,
    pub(super) file: Appender,
    pub(super) sums: SumsWriter,
    // None once the file has moved to its published name.
    pub(super) path: Option<PathBuf>,
    // When it was begun, where files are synced in groups.
    pub(super) since: Option<Since>,
}

impl StagedFile {
    pub(super) fn new(store: &Arc<Inner>) -> Result<Self, PortError> {
        let path = store.dir.staging().join(random_hex()?);
        let since = store.group.as_ref().map(GroupSync::now);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_failed("create", &path))?;
        Ok(Self {
            store: Arc::clone(store),
            file: Appender::new(file),
            sums: SumsWriter::new(sums::path_of(&path)),
            path: Some(path),
            since,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        self.file
            .append(bytes)
            .and_then(|()| self.sums.add(bytes))
            .map_err(io_failed("write", path))
    }

    fn publish(mut self, sha256: &Sha256) -> Result<BlobKey, PortError> {
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
        let by_itself = grouped.is_none() || skips(Skipped::Names);
        let own = (by_itself || is_large).then_some(file);
        let own_sums = sums.filter(|_| by_itself);
        let synced = own.into_iter().chain(own_sums);
        for file in synced.filter(|_| !skips(Skipped::Blobs)) {
            let synced = store.gate.sync(file);
            synced.map_err(sync_failed("sync", &staged))?;
        }
        store.make_shard(&shard)?;
        let published = self.move_to(&target).and_then(|()| {
            let synced = match grouped {
                _ if skips(Skipped::Names) || skips(Skipped::Blobs) => Ok(()),
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
pub(super) fn move_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_and_unlink(from, to),
        other => Ok(other?),
    }
}

pub(super) fn link_and_unlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

fn random_hex() -> Result<String, PortError> {
    Ok(format!("{:032x}", u128::from_be_bytes(random_bytes()?)))
}

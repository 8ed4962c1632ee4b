//! Small blobs, many to a file.
//!
//! A file of its own takes an i-node, a name and the sync of both, which for ten kilobytes is nearly
//! all of the cost. In a pack a small blob is a record behind others, and one sync makes a batch of
//! them durable ([`appender`]). What was acknowledged is never written again: records are only
//! appended, each from a block of its own, and every start begins a fresh pack, so that nobody has to
//! guess where an interrupted one ends. A removed record becomes a hole, which gives its room back;
//! a sealed pack without records is unlinked.

mod active;
mod appender;
mod format;
mod notes;
mod upkeep;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};

use kms_domain::files::{BlobKey, BlobReader, Published, Sha256};
use kms_domain::{Done, PortError, PortErrorKind};
use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use sha2::Digest as _;

use super::DataDir;
use super::error::io_failed;
use super::presence::expect_packs;
use super::sync::SyncGate;
use crate::threads::join;
use appender::{Append, Appender, Surplus, Work};
pub(super) use format::MAX_CONTENT;
use format::{BLOCK, PackId, Place, RECORD_HEAD, read_whole, walk};
pub(crate) use notes::{FoundNote, RedoLedger, read_notes};
pub(super) use upkeep::{inspect_record, list_records};

/// Most uploads and removals that wait for the thread; the next upload is refused as busy. They hold
/// what their connections held before, at most [`MAX_CONTENT`] bytes each.
const QUEUE: usize = 1024;

/// The packs of a data folder. Dropped, it finishes what was queued.
pub(super) struct Packs {
    shared: Arc<Shared>,
    // None where nothing is appended, and while it is dropped.
    queue: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    // Before the folder, hence dropped before it: it may be the last to hold the database.
    ledger: OnceLock<Arc<dyn RedoLedger>>,
    // Keeps the folder locked as long as the thread may write to it.
    _dir: DataDir,
    folder: PathBuf,
    gate: Arc<SyncGate>,
    active: Mutex<Option<PackId>>,
}

/// Why content was not taken.
#[derive(Debug, thiserror::Error)]
enum QueueError {
    #[error("too many small files wait to be stored")]
    Full,
    #[error("the thread that stores small files is gone")]
    Gone,
}

impl Packs {
    /// The packs in `dir`. Nothing is [appended](Self::may_append) to any where removed records would
    /// never give their room back, or where the thread could not be started.
    pub(super) fn of(dir: &DataDir, gate: &Arc<SyncGate>) -> Self {
        let mut packs = Self::only_read(dir, gate);
        if let Err(error) = packs.shared.try_hole() {
            tracing::warn!(%error, "small files get a file each: holes cannot be made here");
            return packs;
        }
        let (sender, receiver) = sync_channel(QUEUE);
        let appender = Appender::new(Arc::clone(&packs.shared));
        let thread = Builder::new()
            .name("kms-packs".to_owned())
            .spawn(move || appender.run(&receiver));
        match thread {
            Ok(thread) => {
                packs.queue = Some(sender);
                packs.thread = Some(thread);
            }
            Err(error) => {
                tracing::warn!(%error, "small files get a file each: no thread for packs");
            }
        }
        packs
    }

    /// The packs in `dir`, which are read and removed from, and never appended to.
    pub(super) fn only_read(dir: &DataDir, gate: &Arc<SyncGate>) -> Self {
        let shared = Arc::new(Shared {
            folder: dir.packs(),
            _dir: dir.clone(),
            gate: Arc::clone(gate),
            active: Mutex::default(),
            ledger: OnceLock::new(),
        });
        Self {
            shared,
            queue: None,
            thread: None,
        }
    }

    /// Whether small blobs become records. If not, each is to be a file of its own.
    pub(super) const fn may_append(&self) -> bool {
        self.queue.is_some()
    }

    /// Stores `content`, at most [`MAX_CONTENT`] bytes, and has `done` called with its key when it is
    /// durable, or, if the note was kept beside it, about to be. Does not block. A note is kept if there is
    /// room, and somebody who [carries notes out](Self::keep_notes_for).
    pub(super) fn append(
        &self,
        sha256: Sha256,
        content: Vec<u8>,
        note: Option<Vec<u8>>,
        done: Done<Published>,
    ) {
        let work = Work::Append(Append {
            sha256,
            content,
            note,
            done,
        });
        let refused = match &self.queue {
            Some(queue) => match queue.try_send(work) {
                Ok(()) => return,
                Err(TrySendError::Full(work)) => {
                    (work, PortErrorKind::Unavailable, QueueError::Full)
                }
                Err(TrySendError::Disconnected(work)) => {
                    (work, PortErrorKind::Internal, QueueError::Gone)
                }
            },
            None => (work, PortErrorKind::Internal, QueueError::Gone),
        };
        if let (Work::Append(append), kind, error) = refused {
            (append.done)(Err(PortError::new(kind, error)));
        }
    }

    /// Keeps notes from the next pack on, for `ledger`. Only the first one counts.
    pub(in crate::disk) fn keep_notes_for(&self, ledger: Arc<dyn RedoLedger>) {
        let _ = self.shared.ledger.set(ledger);
    }

    /// Opens the content under `key`. `None` if the key names nothing in a pack, or nothing that is
    /// there.
    pub(super) fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError> {
        let Some(place) = Place::parse(key) else {
            return Ok(None);
        };
        let path = self.shared.path(place.pack);
        let content = content_of(&path, &place).map_err(io_failed("read from", &path))?;
        if content.is_none() {
            expect_packs(&self.shared.folder)?;
        }
        Ok(content.map(|content| -> Box<dyn BlobReader> {
            Box::new(RecordReader::new(content, place.sha256))
        }))
    }

    /// How many bytes there are under `key`, by the head of the record alone. `None` as of
    /// [`open`](Self::open).
    pub(super) fn find_size(&self, key: &BlobKey) -> Result<Option<u64>, PortError> {
        let Some(place) = Place::parse(key) else {
            return Ok(None);
        };
        let path = self.shared.path(place.pack);
        if has_record(&path, &place).map_err(io_failed("look into", &path))? {
            return Ok(Some(place.length.into()));
        }
        expect_packs(&self.shared.folder)?;
        Ok(None)
    }

    /// Removes the content under `key`, if there is any.
    pub(super) fn remove(&self, key: &BlobKey) -> Result<(), PortError> {
        let Some(place) = Place::parse(key) else {
            return Ok(());
        };
        let path = self.shared.path(place.pack);
        remove_record(&self.shared, &place).map_err(io_failed("remove from", &path))
    }

    /// Removes the record under `key`, or else `files`, soon: the thread does it that appends. Does not
    /// block; what stays behind because too much waits is left to the collector.
    pub(super) fn discard(&self, key: &BlobKey, files: Option<[PathBuf; 2]>) {
        let surplus = match (Place::parse(key), files) {
            (Some(place), _) => Surplus::Record(place),
            (None, Some(files)) => Surplus::Files(files),
            (None, None) => return,
        };
        let work = Work::Discard(surplus);
        let is_queued = self
            .queue
            .as_ref()
            .map(|queue| queue.try_send(work).is_ok());
        if is_queued != Some(true) {
            tracing::warn!(%key, "a surplus copy stays behind: too much waits");
        }
    }

    /// Calls `each` with the key of every record.
    pub(super) fn keys(&self, each: &mut dyn FnMut(BlobKey)) -> Result<(), PortError> {
        let folder = &self.shared.folder;
        let failed = || io_failed("list", folder);
        for entry in fs::read_dir(folder).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            let Some(id) = name.to_str().and_then(PackId::parse) else {
                continue;
            };
            let path = self.shared.path(id);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(io_failed("open", &path)(e)),
            };
            let mut report = |place: Place| place.key().map(&mut *each);
            walk(id, &file, &mut report).map_err(io_failed("walk through", &path))?;
        }
        Ok(())
    }
}

impl Drop for Packs {
    fn drop(&mut self) {
        self.queue = None;
        join(self.thread.take(), "the thread that stores small files");
    }
}

impl Shared {
    fn path(&self, id: PackId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn active(&self) -> MutexGuard<'_, Option<PackId>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries whether holes can be made in this file system.
    fn try_hole(&self) -> io::Result<()> {
        let path = self.folder.join("probe");
        let tried = (|| {
            let file = File::create(&path)?;
            file.set_len(BLOCK)?;
            punch(&file, 0, BLOCK)
        })();
        let _ = fs::remove_file(&path);
        tried
    }
}

/// The content under `key` in the folder `packs`, for who need not own it. Not compared with its
/// digest. `None` as of [`Packs::open`].
pub(super) fn read_record(packs: &Path, key: &BlobKey) -> io::Result<Option<Vec<u8>>> {
    let Some(place) = Place::parse(key) else {
        return Ok(None);
    };
    content_of(&packs.join(place.pack.to_string()), &place)
}

fn open_pack(pack: &Path) -> io::Result<Option<File>> {
    match File::open(pack) {
        Ok(file) => {
            // What is read ahead would be other people's records, or space in which some are about to be
            // written past the page cache. It is advice: no matter what becomes of it.
            let _ = fadvise(&file, 0, None, Advice::Random);
            Ok(Some(file))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether the pack reaches to the end of a record, whose head is where it should be. A removal takes
/// the head first.
fn has_record(pack: &Path, place: &Place) -> io::Result<bool> {
    let Some(file) = open_pack(pack)? else {
        return Ok(false);
    };
    let end = place
        .offset()
        .saturating_add(u64::try_from(place.filled()).unwrap_or(u64::MAX));
    let mut head = [0; RECORD_HEAD];
    Ok(file.metadata()?.len() >= end
        && read_whole(&file, &mut head, place.offset())?
        && place.is_head_of(&head))
}

fn content_of(pack: &Path, place: &Place) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open_pack(pack)? else {
        return Ok(None);
    };
    // All of it, now: what is read later could meet the hole of a removal.
    let mut record = vec![0; place.filled()];
    let mut head = [0; RECORD_HEAD];
    // The head once more, after the rest: a removal while it was read may have taken some of it, and
    // takes the head first.
    let is_there = read_whole(&file, &mut record, place.offset())?
        && read_whole(&file, &mut head, place.offset())?
        && place.is_head_of(&record)
        && place.is_head_of(&head);
    if !is_there {
        return Ok(None);
    }
    record.drain(..RECORD_HEAD);
    Ok(Some(record))
}

/// Makes a hole of a record. Which bytes there are is not looked at: a key is never used again, so
/// they are this record's or a hole already.
fn remove_record(shared: &Shared, place: &Place) -> io::Result<()> {
    let path = shared.path(place.pack);
    let file = match OpenOptions::new().write(true).open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    punch(&file, place.offset(), place.span())?;
    let active = shared.active();
    if *active != Some(place.pack) {
        shared.unlink_if_empty(place.pack)?;
    }
    Ok(())
}

fn punch(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(file, hole, offset, length)?)
}

/// The content of a record.
struct RecordReader {
    content: Cursor<Vec<u8>>,
    sha256: Sha256,
    /// Whether it was compared with its digest, and what came of it.
    is_right: Option<bool>,
}

impl RecordReader {
    fn new(content: Vec<u8>, sha256: Sha256) -> Self {
        Self {
            content: Cursor::new(content),
            sha256,
            is_right: None,
        }
    }
}

impl Read for RecordReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (content, sha256) = (self.content.get_ref(), self.sha256);
        let is_right = *self
            .is_right
            .get_or_insert_with(|| sha2::Sha256::digest(content).as_slice() == sha256.as_bytes());
        if is_right {
            self.content.read(buffer)
        } else {
            let what = "a record is not what was written";
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        }
    }
}

impl Seek for RecordReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.seek(to)
    }
}

impl BlobReader for RecordReader {
    fn size(&self) -> u64 {
        u64::try_from(self.content.get_ref().len()).unwrap_or(u64::MAX)
    }

    fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.read(buffer).map(Some)
    }
}

#[cfg(test)]
mod tests;

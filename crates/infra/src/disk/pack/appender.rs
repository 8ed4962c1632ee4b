//! The one thread that writes to packs.
//!
//! It takes what has queued up, writes it behind one another in one go, syncs once, and only then
//! answers all of it, as the writer of the database does with rows. A thread that waits for each
//! would pay a sync for each.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use kms_domain::files::{BlobKey, Sha256};
use kms_domain::{Done, PortError, PortErrorKind};

use super::format::{BLOCK, Nonce, PackId, Place, is_empty, span_of, write_record};
use super::{Shared, remove_record};
use crate::disk::direct::{AlignedBytes, set_direct, write_direct_at};
use crate::disk::error::kind_of;
use crate::disk::store::remove_files;
use crate::disk::sync::SyncError;
use crate::random::random_bytes;
use crate::sabotage::{Skipped, skips};

/// Most records and bytes that share a sync: bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;
const MAX_BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes after which a pack is full. Small enough that walking one takes a blink, large enough that
/// a hundred million small files are some thousands of packs.
const PACK_BYTES: u64 = 256 * 1024 * 1024;

/// Space is written with zeros before records come, because a sync of bytes in space that a file has
/// had already takes no change of its size and its extents along, which is a third of the time of one
/// alone. That much at first, as much as there is in the pack later, and at most [`MAX_READY`], so
/// that who stores three small files does not pay for hundreds.
const MIN_READY: u64 = 256 * 1024;
const MAX_READY: u64 = 4 * 1024 * 1024;

/// A batch of so many bytes is not worth writing its space twice.
const LARGE_BATCH: u64 = 128 * 1024;

/// What the thread is asked to do.
pub(super) enum Work {
    Append(Append),
    /// Removes a copy when there is nothing more urgent.
    Discard(Surplus),
}

/// A copy that nothing refers to any more.
pub(super) enum Surplus {
    Record(Place),
    /// A file, and its checksums if it has some.
    Files([PathBuf; 2]),
}

/// Content to be made durable.
pub(super) struct Append {
    pub(super) sha256: Sha256,
    /// At most [`MAX_CONTENT`](super::MAX_CONTENT).
    pub(super) content: Vec<u8>,
    pub(super) done: Done<BlobKey>,
}

/// Why content is not in a pack. One failure is everybody's who shares a batch.
#[derive(Debug, thiserror::Error)]
#[error("a batch of small files could not be stored")]
struct BatchError(#[source] Arc<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("the pack could not be written")]
    Write(#[source] io::Error),
    #[error("the pack could not be made durable")]
    Sync(#[source] SyncError),
    #[error("the pack could not be named")]
    Port(#[source] PortError),
}

impl Cause {
    fn kind(&self) -> PortErrorKind {
        match self {
            Self::Write(error) | Self::Sync(SyncError::Failed(error)) => kind_of(error),
            Self::Sync(SyncError::Closed) => PortErrorKind::Internal,
            Self::Port(error) => error.kind(),
        }
    }
}

/// The pack that is appended to.
struct Active {
    id: PackId,
    nonce: Nonce,
    file: File,
    /// Where the next record begins. What lies before was acknowledged and is never written again.
    end: u64,
    /// Up to where space has been written with zeros.
    ready: u64,
    /// Whether writes go past the page cache.
    is_direct: bool,
}

impl Active {
    /// Writes whole blocks at their place. Past the page cache where that is possible: the copy into it
    /// and the first touch of its pages would be most of what a record costs here.
    fn write_at(&mut self, blocks: &[u8], at: u64) -> io::Result<()> {
        if self.is_direct {
            self.is_direct = write_direct_at(&self.file, blocks, at)?;
            return Ok(());
        }
        self.file.write_all_at(blocks, at)
    }
}

pub(super) struct Appender {
    shared: Arc<Shared>,
    active: Option<Active>,
    buffer: AlignedBytes,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            active: None,
            buffer: AlignedBytes::default(),
        }
    }

    /// Works until nobody can ask for anything any more.
    pub(super) fn run(mut self, queue: &Receiver<Work>) {
        while let Ok(first) = queue.recv() {
            let mut batch = Vec::new();
            let mut discarded = Vec::new();
            let mut bytes = 0_u64;
            let mut next = Some(first);
            while let Some(work) = next {
                match work {
                    Work::Append(append) => {
                        bytes = bytes.saturating_add(span_of(append.content.len()));
                        batch.push(append);
                    }
                    Work::Discard(surplus) => discarded.push(surplus),
                }
                let is_full = bytes >= MAX_BATCH_BYTES
                    || batch.len().saturating_add(discarded.len()) >= MAX_BATCH;
                next = if is_full { None } else { queue.try_recv().ok() };
            }
            if !batch.is_empty() {
                self.append(batch, bytes);
            }
            for surplus in discarded {
                self.discard(&surplus);
            }
        }
        self.seal();
    }

    /// What stays costs room until it is collected.
    fn discard(&self, surplus: &Surplus) {
        match surplus {
            Surplus::Record(place) => {
                if let Err(error) = remove_record(&self.shared, place) {
                    tracing::warn!(%error, key = place.name(), "a surplus copy stays behind");
                }
            }
            Surplus::Files(files) => {
                if let Err(error) = remove_files(files) {
                    tracing::warn!(%error, "a surplus copy stays behind");
                }
            }
        }
    }

    fn append(&mut self, batch: Vec<Append>, bytes: u64) {
        let result = self.write(&batch, bytes);
        if result.is_err() {
            // What the kernel thinks of the pages that could not be written is unknown, so nothing
            // is built on them.
            self.seal();
        }
        let result = result.map_err(Arc::new);
        let mut keys = result.iter().flatten();
        for append in batch {
            let answer = match (&result, keys.next()) {
                (Ok(_), Some(key)) => Ok(key.clone()),
                (Ok(_), None) => Err(PortError::internal("a record got no key")),
                (Err(cause), _) => Err(PortError::new(cause.kind(), BatchError(Arc::clone(cause)))),
            };
            let done = append.done;
            // The thread serves everybody else as well.
            if catch_unwind(AssertUnwindSafe(|| done(answer))).is_err() {
                tracing::error!("what waited for a small file to be stored panicked");
            }
        }
    }

    /// Writes a batch and syncs it, and answers the keys in its order.
    fn write(&mut self, batch: &[Append], bytes: u64) -> Result<Vec<BlobKey>, Cause> {
        self.shared.gate.check().map_err(Cause::Sync)?;
        let mut active = match self.active.take() {
            Some(active) if active.end.saturating_add(bytes) <= PACK_BYTES => active,
            full => {
                self.active = full;
                self.seal();
                self.begin()?
            }
        };
        if active.end.saturating_add(bytes) > active.ready && bytes < LARGE_BATCH {
            let made = make_ready(&self.shared, &mut active, &mut self.buffer);
            if let Err(cause) = made {
                // To be sealed.
                self.active = Some(active);
                return Err(cause);
            }
        }
        let buffer = self
            .buffer
            .begin(usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut keys = Vec::with_capacity(batch.len());
        let mut at = active.end;
        for append in batch {
            let place = Place {
                pack: active.id,
                block: u32::try_from(at / BLOCK).unwrap_or(u32::MAX),
                length: u16::try_from(append.content.len()).unwrap_or(u16::MAX),
                sha256: append.sha256,
            };
            write_record(buffer, &active.nonce, &place, &append.content);
            at = at.saturating_add(place.span());
            let key = place.key();
            keys.push(key.map_err(|error| Cause::Port(PortError::internal(error)))?);
        }
        let end = active.end;
        let written = active.write_at(self.buffer.bytes(), end);
        let synced = written.map_err(Cause::Write).and_then(|()| {
            if skips(Skipped::Packs) {
                return Ok(());
            }
            let gate = &self.shared.gate;
            gate.sync_data(&active.file).map_err(Cause::Sync)
        });
        if let Err(cause) = synced {
            // Nobody will learn the keys, so nothing would ever refer to what has got there.
            active.ready = active.end;
            self.active = Some(active);
            return Err(cause);
        }
        active.end = at;
        active.ready = active.ready.max(at);
        self.active = Some(active);
        Ok(keys)
    }

    /// Makes a pack whose name and head are durable.
    fn begin(&self) -> Result<Active, Cause> {
        let id = PackId::from_bytes(random_bytes().map_err(Cause::Port)?);
        let nonce = Nonce::from_bytes(random_bytes().map_err(Cause::Port)?);
        // Before it is there, so that nobody takes it away before it has a record.
        *self.shared.active() = Some(id);
        let file = OpenOptions::new()
            .write(true)
            .read(true)
            .create_new(true)
            .mode(0o600)
            .open(self.shared.path(id));
        let file = file.map_err(|error| {
            *self.shared.active() = None;
            Cause::Write(error)
        })?;
        let mut active = Active {
            id,
            nonce,
            file,
            end: BLOCK,
            ready: BLOCK,
            is_direct: false,
        };
        let head = active.file.write_all_at(&nonce.pack_head(), 0);
        let gate = &self.shared.gate;
        let durable = head
            .map_err(Cause::Write)
            .and_then(|()| gate.sync(&active.file).map_err(Cause::Sync))
            .and_then(|()| gate.sync_folder(&self.shared.folder).map_err(Cause::Sync));
        if let Err(cause) = durable {
            *self.shared.active() = None;
            let _ = fs::remove_file(self.shared.path(id));
            return Err(cause);
        }
        active.is_direct = set_direct(&active.file, true).is_ok();
        Ok(active)
    }

    /// Appends to the active pack no more.
    fn seal(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        *self.shared.active() = None;
        let cut = active.file.set_len(active.end);
        let emptied = cut.and_then(|()| self.shared.unlink_if_empty(active.id));
        if let Err(error) = emptied {
            tracing::warn!(%error, pack = %active.id, "unused space of a pack stays behind");
        }
    }
}

/// Writes zeros behind the end of the pack. When there is no room for that, there may still be room
/// for a record.
fn make_ready(
    shared: &Shared,
    active: &mut Active,
    buffer: &mut AlignedBytes,
) -> Result<(), Cause> {
    let to = active
        .end
        .saturating_add(active.end.clamp(MIN_READY, MAX_READY));
    let written = write_zeros(active, to, buffer)
        .map_err(SyncError::Failed)
        .and_then(|()| shared.gate.sync(&active.file));
    match written {
        Ok(()) => active.ready = to,
        Err(SyncError::Failed(error)) if kind_of(&error) == PortErrorKind::StorageFull => {
            // Nothing behind the end was ever acknowledged.
            active.file.set_len(active.end).map_err(Cause::Write)?;
            active.ready = active.end;
        }
        Err(error) => return Err(Cause::Sync(error)),
    }
    Ok(())
}

/// Writes zeros from the end of the pack up to `to`, in pieces, for the buffer's sake.
fn write_zeros(active: &mut Active, to: u64, buffer: &mut AlignedBytes) -> io::Result<()> {
    let mut at = active.end;
    while at < to {
        let piece = to.saturating_sub(at).min(MIN_READY);
        let room = usize::try_from(piece).unwrap_or_default();
        let zeros = buffer.begin(room);
        zeros.resize(zeros.len().saturating_add(room), 0);
        active.write_at(buffer.bytes(), at)?;
        at = at.saturating_add(piece);
    }
    Ok(())
}

impl Shared {
    /// Takes the file of a sealed pack away if no record is left in it.
    pub(super) fn unlink_if_empty(&self, id: PackId) -> io::Result<()> {
        let path = self.path(id);
        // Whoever was faster has done it.
        let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
        let emptied = match File::open(&path) {
            Ok(file) => is_empty(&file)?,
            Err(e) if gone(&e) => false,
            Err(e) => return Err(e),
        };
        match emptied.then(|| fs::remove_file(&path)) {
            Some(Err(e)) if !gone(&e) => Err(e),
            _ => Ok(()),
        }
    }
}

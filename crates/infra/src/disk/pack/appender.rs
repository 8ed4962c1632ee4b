//! The one thread that writes to packs.
//!
//! It takes what has queued up, writes it behind one another in one go, syncs once, and only then
//! answers all of it, as the writer of the database does with rows. A thread that waits for each
//! would pay a sync for each. Who has a note is answered before the sync, and waits for it where it
//! matters ([`Noted`]).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use kms_domain::files::{BlobKey, Noted, Published, RedoMark, Settling, Sha256};
use kms_domain::{Done, PortError, PortErrorKind};

use super::active::{Active, make_ready};
use super::format::{BLOCK, Nonce, PackId, Place, is_empty, span_of, write_record};
use super::{Shared, remove_record};
use crate::disk::direct::{AlignedBytes, set_direct};
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
    /// To be kept beside it.
    pub(super) note: Option<Vec<u8>>,
    pub(super) done: Done<Published>,
}

/// Why content is not in a pack. One failure is everybody's who shares a batch.
#[derive(Debug, thiserror::Error)]
#[error("a batch of small files could not be stored")]
struct BatchError(#[source] Arc<Cause>);

#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
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

impl BatchError {
    fn told(cause: &Arc<Cause>) -> PortError {
        PortError::new(cause.kind(), Self(Arc::clone(cause)))
    }
}

/// Where content was written.
struct Kept {
    key: BlobKey,
    /// Of its note, if that is beside it.
    mark: Option<RedoMark>,
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
        if let Some(ledger) = self.shared.ledger.get() {
            ledger.wait_for_room();
        }
        let (begin, kept) = match self.write(&batch, bytes) {
            Ok(kept) => kept,
            Err(cause) => {
                // What the kernel thinks of the pages that could not be written is unknown, so nothing
                // is built on them.
                self.seal();
                let cause = Arc::new(cause);
                for append in batch {
                    answer(append.done, Err(BatchError::told(&cause)));
                }
                return;
            }
        };
        let (settle, settling) = Settling::new();
        let mut others = Vec::new();
        for (append, Kept { key, mark }) in batch.into_iter().zip(kept) {
            let Some(mark) = mark else {
                others.push((append.done, key));
                continue;
            };
            // The row can be got ready while the record becomes durable.
            let settling = settling.clone();
            let noted = Some(Noted { mark, settling });
            answer(append.done, Ok(Published { key, noted }));
        }
        let synced = self.sync(begin);
        settle.tell(synced.as_ref().map(|_| ()).map_err(Cause::kind));
        if synced.is_err() {
            self.seal();
        }
        let synced = synced.map_err(Arc::new);
        for (done, key) in others {
            let published = match &synced {
                Ok(()) => Ok(Published { key, noted: None }),
                Err(cause) => Err(BatchError::told(cause)),
            };
            answer(done, published);
        }
    }

    /// Writes a batch, and answers where it begins and where each is, in its order. Nothing is durable yet.
    fn write(&mut self, batch: &[Append], bytes: u64) -> Result<(u64, Vec<Kept>), Cause> {
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
        let mut kept = Vec::with_capacity(batch.len());
        let mut at = active.end;
        for append in batch {
            let place = Place {
                pack: active.id,
                block: u32::try_from(at / BLOCK).unwrap_or(u32::MAX),
                length: u16::try_from(append.content.len()).unwrap_or(u16::MAX),
                sha256: append.sha256,
            };
            let note = append.note.as_deref().filter(|_| active.has_notes);
            let is_noted = write_record(buffer, &active.nonce, &place, &append.content, note);
            at = at.saturating_add(place.span());
            let key = place.key();
            kept.push(Kept {
                key: key.map_err(|error| Cause::Port(PortError::internal(error)))?,
                mark: is_noted.then(|| RedoMark {
                    log: active.id.to_string(),
                    position: at / BLOCK,
                }),
            });
        }
        let end = active.end;
        let written = active.write_at(self.buffer.bytes(), end);
        if let Err(error) = written {
            // Nobody will learn the keys, so nothing would ever refer to what has got there.
            active.ready = active.end;
            self.active = Some(active);
            return Err(Cause::Write(error));
        }
        active.end = at;
        active.ready = active.ready.max(at);
        self.active = Some(active);
        Ok((end, kept))
    }

    /// Makes durable what was written from `begin` on.
    fn sync(&mut self, begin: u64) -> Result<(), Cause> {
        let Some(active) = &mut self.active else {
            let none = io::Error::other("there is no pack");
            return Err(Cause::Sync(SyncError::Failed(none)));
        };
        if skips(Skipped::Packs) {
            return Ok(());
        }
        let gate = &self.shared.gate;
        gate.sync_data(&active.file).map_err(|error| {
            // Nothing will refer to it: it is cut off.
            active.end = begin;
            active.ready = begin;
            Cause::Sync(error)
        })
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
            has_notes: false,
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
        active.has_notes = self.shared.ledger.get().is_some_and(|ledger| {
            let begun = ledger.begin(&id.to_string());
            if let Err(error) = &begun {
                tracing::warn!(%error, "small files take two syncs each until the next pack");
            }
            begun.is_ok()
        });
        Ok(active)
    }

    /// Appends to the active pack no more.
    fn seal(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        let cut = active.file.set_len(active.end);
        // What was in it has been handed on, in front of this.
        if active.has_notes
            && let Some(ledger) = self.shared.ledger.get()
            && let Err(error) = ledger.end(&active.id.to_string())
        {
            // As long as it is called active, nobody takes it away: the next start looks for it.
            tracing::warn!(%error, pack = %active.id, "a pack will be looked through at the next start");
            return;
        }
        *self.shared.active() = None;
        let emptied = cut.and_then(|()| self.shared.unlink_if_empty(active.id));
        if let Err(error) = emptied {
            tracing::warn!(%error, pack = %active.id, "unused space of a pack stays behind");
        }
    }
}

/// Tells somebody. The thread serves everybody else as well.
fn answer(done: Done<Published>, published: Result<Published, PortError>) {
    if catch_unwind(AssertUnwindSafe(|| done(published))).is_err() {
        tracing::error!("what waited for a small file to be stored panicked");
    }
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

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::strays::for_each_stray;
use super::{BlobInventory, BlobTrash, Stored, StoredItem, UpkeepRepository};
use crate::files::{BlobId, BlobRef, BlobStore};
use crate::{Clock, PortError, Timestamp};

/// Contents looked at by one read.
const WINDOW: usize = 1000;
/// Rows changed by one transaction: uploads that wait behind it wait for a few milliseconds.
const BATCH: usize = 100;
/// Strays that are remembered from one collection to the next; others wait for their turn.
const REMEMBERED: usize = 10_000;

/// What the operator decides about collections, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct CollectionPolicy {
    /// Content that is younger is never doomed.
    pub grace: i64,
    /// What no row knows may be an upload in flight until it is so old.
    pub stray_age: i64,
    /// How long the trash is kept.
    pub trash_age: i64,
    /// Whether no upload can be in flight: this process owns the store and takes none.
    pub exclusive: bool,
}

/// What a collection did, or would do.
#[derive(Debug, Default)]
pub struct Collected {
    /// Contents that were doomed, because nothing refers to them.
    pub doomed: u64,
    /// Their bytes.
    pub doomed_bytes: u64,
    /// Doomed contents whose bytes and rows are gone. In a dry run, those that wait for it.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Whether doomed contents wait because somebody makes a backup. A dry run cannot tell.
    pub waits_for_backup: bool,
    /// Things that no row knows, moved to the trash.
    pub trashed: u64,
    /// Their bytes.
    pub trashed_bytes: u64,
    /// Things that no row knows and that are too young, or were seen for the first time.
    pub young: u64,
    /// Bytes of unused room that the store gave back.
    pub reclaimed: u64,
    /// Files deleted from the trash.
    pub emptied: u64,
    /// Things that could not be removed or moved, and parts of the collection that broke off: all of it
    /// is tried again next time.
    pub failed: u64,
    /// Why the first of these could not.
    pub failure: Option<PortError>,
}

/// Collects content that nothing refers to, and what crashes left behind.
///
/// Each step is safe by itself, so that it may end, fail or be killed anywhere:
///
/// - **Dooming** is one statement for each content, which says once more that nothing refers to it,
///   in the transaction that dooms it; the composite foreign key refuses it if that were wrong. An
///   upload or a claim of the same content is a transaction before it, whose reference keeps the
///   content alive, or behind it, where the content is not found any more: an upload makes a new row
///   then, and a claim stores nothing.
/// - **Unlinking** comes after a commit of its own, which makes durable that the row is doomed. A
///   power cut cannot bring a row back whose bytes went. Who had looked the entry up before and opens
///   it now finds neither the bytes nor, looking again, the entry.
/// - **Backups** copy the bytes of a state of the rows that has passed, which may refer to content that
///   was doomed since. While one is under way, nothing doomed is unlinked; it waits for the next time.
/// - **Forgetting** the row comes after the unlinking. If the process dies between, the bytes are gone
///   and the row waits for the next time, when removing what is not there succeeds.
/// - **Strays**: an upload gets its bytes a name before it gets a row, so a copy without a row may be
///   an upload's in flight. It is one only as long as the process that published it lives, and for
///   seconds. So a stray must be a day old by its own time, and, as clocks jump, an earlier collection
///   of this process must have seen it too, or there is nobody who could have an upload in flight. Just
///   before it is moved, rows are asked once more. And it is moved to the trash, from where it can
///   be taken back.
pub struct Collector {
    rows: Arc<dyn UpkeepRepository>,
    bytes: Option<(Arc<dyn BlobStore>, Arc<dyn BlobTrash>)>,
    inventory: Arc<dyn BlobInventory>,
    clock: Arc<dyn Clock>,
    policy: CollectionPolicy,
    seen: Mutex<HashSet<StoredItem>>,
}

impl Collector {
    /// A collector that has seen nothing yet. `bytes` are for the process that owns the store; without
    /// them it changes nothing, and its answers say what would be done.
    #[must_use]
    pub fn new(
        rows: Arc<dyn UpkeepRepository>,
        bytes: Option<(Arc<dyn BlobStore>, Arc<dyn BlobTrash>)>,
        inventory: Arc<dyn BlobInventory>,
        clock: Arc<dyn Clock>,
        policy: CollectionPolicy,
    ) -> Self {
        Self {
            rows,
            bytes,
            inventory,
            clock,
            policy,
            seen: Mutex::default(),
        }
    }

    /// Collects once. `go_on` is asked between two batches, and may break off. A part that fails keeps
    /// nobody from the others: each is safe by itself. What failed is in the answer.
    pub fn collect(&self, go_on: &mut dyn FnMut() -> ControlFlow<()>) -> Collected {
        let now = self.clock.now();
        let mut collected = Collected::default();
        let parts = [
            Self::doom,
            Self::remove_doomed,
            Self::strays,
            Self::reclaim,
            Self::empty_trash,
        ];
        for part in parts {
            match part(self, now, &mut collected, go_on) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(error) => collected.fail(error),
            }
        }
        collected
    }

    fn doom(
        &self,
        now: Timestamp,
        collected: &mut Collected,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let created_before = now.minus_millis(self.policy.grace);
        let mut after = None;
        loop {
            let page = self.rows.list_unreferenced(after, created_before, WINDOW)?;
            for batch in page.blobs.chunks(BATCH) {
                if go_on().is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                let doomed = match self.bytes {
                    None => batch.len(),
                    Some(_) => self.rows.doom(&ids(batch), created_before)?,
                };
                collected.doomed = collected.doomed.saturating_add(number(doomed));
                if doomed == batch.len() {
                    let bytes = batch
                        .iter()
                        .map(|blob| blob.size)
                        .fold(0, u64::saturating_add);
                    collected.doomed_bytes = collected.doomed_bytes.saturating_add(bytes);
                }
            }
            after = page.next;
            if after.is_none() || go_on().is_break() {
                return Ok(match after {
                    None => ControlFlow::Continue(()),
                    Some(_) => ControlFlow::Break(()),
                });
            }
        }
    }

    fn remove_doomed(
        &self,
        _: Timestamp,
        collected: &mut Collected,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let mut after = None;
        loop {
            let batch = self.rows.list_doomed(after, BATCH)?;
            let Some(last) = batch.last() else {
                return Ok(ControlFlow::Continue(()));
            };
            after = Some(last.key.clone());
            if go_on().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let gone = match &self.bytes {
                None => batch,
                Some((store, trash)) => {
                    // Batch by batch, so that a backup that begins waits for one and not for all.
                    let Some(_hold) = trash.hold_off_backups()? else {
                        collected.waits_for_backup = true;
                        return Ok(ControlFlow::Continue(()));
                    };
                    self.rows.confirm_doomed(&ids(&batch))?;
                    let gone = unlink(&**store, batch, collected);
                    self.rows.forget_doomed(&ids(&gone))?;
                    gone
                }
            };
            for blob in gone {
                collected.removed = collected.removed.saturating_add(1);
                collected.removed_bytes = collected.removed_bytes.saturating_add(blob.size);
            }
        }
    }

    fn strays(
        &self,
        now: Timestamp,
        collected: &mut Collected,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let before = now.minus_millis(self.policy.stray_age);
        let mut found = HashSet::new();
        let mut due = 0_usize;
        let mut is_due = |stored: &Stored| {
            // Most copies have a row; the young ones need not be looked up to be left alone.
            if stored.modified >= before {
                return ControlFlow::Continue(false);
            }
            if due > 0 && due.is_multiple_of(BATCH) && go_on().is_break() {
                return ControlFlow::Break(());
            }
            due = due.saturating_add(1);
            ControlFlow::Continue(true)
        };
        let flow = for_each_stray(
            &*self.rows,
            &*self.inventory,
            BATCH,
            &mut is_due,
            &mut |stray| self.sort_out(now, stray, &mut found, collected),
        );
        // Also after a failure: what was not seen then has to be seen twice more.
        if self.bytes.is_some() {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
        flow
    }

    fn reclaim(
        &self,
        now: Timestamp,
        collected: &mut Collected,
        _: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        if let Some((_, trash)) = &self.bytes {
            collected.reclaimed = trash.reclaim(now.minus_millis(self.policy.stray_age))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn empty_trash(
        &self,
        now: Timestamp,
        collected: &mut Collected,
        _: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        if let Some((_, trash)) = &self.bytes {
            collected.emptied = trash.empty(now.minus_millis(self.policy.trash_age))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Moves what no row knows. `found` is what has to be seen once more first.
    fn sort_out(
        &self,
        now: Timestamp,
        stray: Stored,
        found: &mut HashSet<StoredItem>,
        collected: &mut Collected,
    ) -> Result<(), PortError> {
        if let Some((_, trash)) = &self.bytes {
            if !self.is_settled(&stray.item) {
                collected.young = collected.young.saturating_add(1);
                if found.len() < REMEMBERED {
                    found.insert(stray.item);
                }
                return Ok(());
            }
            let key = stray.item.key();
            let again = self.rows.are_named(std::slice::from_ref(key))?;
            let is_copy = matches!(stray.item, StoredItem::Copy(_));
            if is_copy && again.first() != Some(&false) {
                return Ok(());
            }
            if let Err(error) = trash.trash(&stray.item, now) {
                collected.fail(error);
                return Ok(());
            }
        }
        collected.trashed = collected.trashed.saturating_add(1);
        collected.trashed_bytes = collected.trashed_bytes.saturating_add(stray.size);
        Ok(())
    }

    /// Whether no upload of `item` can be in flight.
    fn is_settled(&self, item: &StoredItem) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.policy.exclusive || seen.contains(item)
    }
}

impl Collected {
    /// Whether nothing was done, nothing waits for a backup, and nothing failed.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.doomed == 0
            && self.removed == 0
            && !self.waits_for_backup
            && self.trashed == 0
            && self.reclaimed == 0
            && self.emptied == 0
            && self.failed == 0
    }

    fn fail(&mut self, error: PortError) {
        self.failed = self.failed.saturating_add(1);
        self.failure.get_or_insert(error);
    }
}

/// Answers those whose bytes are gone.
fn unlink(store: &dyn BlobStore, batch: Vec<BlobRef>, collected: &mut Collected) -> Vec<BlobRef> {
    let mut gone = Vec::with_capacity(batch.len());
    for blob in batch {
        match store.remove(&blob.key) {
            Ok(()) => gone.push(blob),
            // The row stays doomed, so that it is tried again; the others need not wait for it.
            Err(error) => collected.fail(error),
        }
    }
    gone
}

fn ids(blobs: &[BlobRef]) -> Vec<BlobId> {
    blobs.iter().map(|blob| blob.id).collect()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

//! A collector whose bytes go before their row is durably doomed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kms_domain::files::{BlobId, BlobKey, BlobRef};
use kms_domain::upkeep::{Unreferenced, UpkeepRepository};
use kms_domain::{PortError, Timestamp};

/// Says of what is to be doomed that it is, so that its bytes go, and dooms it at the next collection: as
/// if the commit had returned without being on the disk.
///
/// What is uploaded meanwhile has another copy by then, so nothing is lost while the process lives.
pub struct DoomsLater {
    rows: Arc<dyn UpkeepRepository>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What nothing referred to, when it was listed.
    listed: Vec<BlobRef>,
    /// What is called doomed.
    called_doomed: Vec<BlobRef>,
    put_off: HashSet<i64>,
}

impl DoomsLater {
    /// In front of `rows`, if that was chosen.
    #[must_use]
    pub fn chosen(rows: Arc<dyn UpkeepRepository>) -> Arc<dyn UpkeepRepository> {
        if !super::on::dooms_later() {
            return rows;
        }
        Arc::new(Self {
            rows,
            state: Mutex::default(),
        })
    }
}

impl DoomsLater {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UpkeepRepository for DoomsLater {
    fn list_live(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.rows.list_live(after, limit)
    }

    fn find_live_by_id(&self, blob: BlobId) -> Result<Option<BlobRef>, PortError> {
        self.rows.find_live_by_id(blob)
    }

    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        window: usize,
    ) -> Result<Unreferenced, PortError> {
        let found = self.rows.list_unreferenced(after, created_before, window)?;
        self.lock().listed.clone_from(&found.blobs);
        Ok(found)
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        let due: Vec<_> = {
            let State {
                listed,
                called_doomed,
                put_off,
            } = &mut *self.lock();
            let is_new = |blob: &BlobId| put_off.insert(blob.as_i64());
            let (new, due): (Vec<_>, Vec<_>) = blobs.iter().copied().partition(is_new);
            let called = listed.iter().filter(|blob| new.contains(&blob.id));
            called_doomed.extend(called.cloned());
            due
        };
        self.rows.doom(&due, created_before)?;
        Ok(blobs.len())
    }

    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        let called = std::mem::take(&mut self.lock().called_doomed);
        if called.is_empty() {
            return self.rows.list_doomed(after, limit);
        }
        Ok(called)
    }

    fn confirm_doomed(&self, _: &[BlobId]) -> Result<(), PortError> {
        Ok(())
    }

    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        self.rows.forget_doomed(blobs)
    }

    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError> {
        self.rows.are_named(keys)
    }

    fn check(&self) -> Result<Vec<String>, PortError> {
        self.rows.check()
    }
}

use std::ops::ControlFlow;

use kms_domain::files::{BlobId, BlobKey, BlobRef};
use kms_domain::upkeep::{
    BlobInventory, BlobTrash, Inspection, RemovalHold, Stored, StoredItem, Unreferenced,
    UpkeepRepository,
};
use kms_domain::{PortError, Timestamp};

use super::decorator;

decorator! {
    /// An [`UpkeepRepository`] with pauses around its calls.
    PausingUpkeepRepository, UpkeepRepository
}

decorator! {
    /// A [`BlobInventory`] with pauses around its calls.
    PausingBlobInventory, BlobInventory
}

decorator! {
    /// A [`BlobTrash`] with pauses around its calls.
    PausingBlobTrash, BlobTrash
}

impl UpkeepRepository for PausingUpkeepRepository {
    fn list_live(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.pauses.around(|| self.inner.list_live(after, limit))
    }

    fn find_live_by_id(&self, blob: BlobId) -> Result<Option<BlobRef>, PortError> {
        self.pauses.around(|| self.inner.find_live_by_id(blob))
    }

    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        window: usize,
    ) -> Result<Unreferenced, PortError> {
        self.pauses
            .around(|| self.inner.list_unreferenced(after, created_before, window))
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        self.pauses
            .around(|| self.inner.doom(blobs, created_before))
    }

    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.pauses.around(|| self.inner.list_doomed(after, limit))
    }

    fn confirm_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.confirm_doomed(blobs))
    }

    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.forget_doomed(blobs))
    }

    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError> {
        self.pauses.around(|| self.inner.are_named(keys))
    }

    fn check(&self) -> Result<Vec<String>, PortError> {
        self.pauses.around(|| self.inner.check())
    }
}

impl BlobInventory for PausingBlobInventory {
    fn list(&self, each: &mut dyn FnMut(Stored) -> ControlFlow<()>) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.list(each))
    }

    fn inspect(
        &self,
        key: &BlobKey,
        bytes: bool,
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Inspection, PortError> {
        self.pauses.around(|| self.inner.inspect(key, bytes, read))
    }
}

impl BlobTrash for PausingBlobTrash {
    fn trash(&self, item: &StoredItem, now: Timestamp) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.trash(item, now))
    }

    fn hold_off_backups(&self) -> Result<Option<RemovalHold>, PortError> {
        self.pauses.around(|| self.inner.hold_off_backups())
    }

    fn reclaim(&self, before: Timestamp) -> Result<u64, PortError> {
        self.pauses.around(|| self.inner.reclaim(before))
    }

    fn empty(&self, before: Timestamp) -> Result<u64, PortError> {
        self.pauses.around(|| self.inner.empty(before))
    }
}

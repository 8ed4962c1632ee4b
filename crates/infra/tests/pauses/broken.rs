//! Adapters that are wrong on purpose.

use std::sync::Arc;

use kms_domain::files::{
    Attached, BlobId, BlobKey, BlobRef, BlobStore, ClaimCandidates, ClaimScope, Claimed, Detached,
    Edited, EntryChange, FileId, FileRepository, FileSummary, ListPosition, ListedFile, NewBlob,
    NewFile, OwnFilter, OwnOrder, StoredFile,
};
use kms_domain::upkeep::{Unreferenced, UpkeepRepository};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

/// Unlinks what nothing referred to when it was listed, without asking again, and dooms it then. What
/// was uploaded meanwhile is not doomed, but its bytes are gone.
pub(crate) struct UnlinksWithoutAskingAgain {
    pub(crate) rows: Arc<dyn UpkeepRepository>,
    pub(crate) store: Arc<dyn BlobStore>,
}

impl UpkeepRepository for UnlinksWithoutAskingAgain {
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
        self.rows.list_unreferenced(after, created_before, window)
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        for blob in blobs {
            if let Some(blob) = self.rows.find_live_by_id(*blob)? {
                self.store.remove(&blob.key)?;
            }
        }
        self.rows.doom(blobs, created_before)
    }

    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.rows.list_doomed(after, limit)
    }

    fn confirm_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        self.rows.confirm_doomed(blobs)
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

/// Names the copy that was just stored as the one that is surplus.
pub(crate) struct RemovesItsOwnCopy(pub(crate) Arc<dyn FileRepository>);

impl FileRepository for RemovesItsOwnCopy {
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError> {
        Ok(match self.0.attach(file, blob)? {
            other @ (Attached::Stored | Attached::OverQuota) => other,
            Attached::Replaced { .. } => Attached::Replaced {
                surplus: blob.key.clone(),
            },
        })
    }

    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError> {
        self.0.find_claimable(scope)
    }

    fn claim(
        &self,
        file: &NewFile,
        scope: &ClaimScope,
        blob: BlobId,
    ) -> Result<Claimed, PortError> {
        self.0.claim(file, scope, blob)
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        self.0.update(owner, id, change)
    }

    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.0.detach(owner, id)
    }

    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError> {
        self.0.find_readable(id, asker)
    }

    fn list_owned(
        &self,
        owner: UserId,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<FileSummary>, PortError> {
        self.0.list_owned(owner, after, limit)
    }

    fn list_sorted(
        &self,
        owner: UserId,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<Vec<ListedFile>, PortError> {
        self.0.list_sorted(owner, order, filter, limit)
    }
}

use kms_domain::files::{
    Attached, BlobId, BlobKey, BlobRef, BlobRepository, ClaimCandidates, ClaimScope, Claimed,
    Detached, Edited, EntryChange, FileId, FileRepository, FileSummary, ListPosition, ListedFile,
    NewBlob, NewFile, OwnFilter, OwnOrder, Sha256, StoredFile,
};
use kms_domain::users::UserId;
use kms_domain::{Done, PortError};

use super::decorator;

decorator! {
    /// A [`FileRepository`] with pauses around its calls.
    PausingFileRepository, FileRepository
}

decorator! {
    /// A [`BlobRepository`] with pauses around its calls.
    PausingBlobRepository, BlobRepository
}

impl FileRepository for PausingFileRepository {
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError> {
        self.pauses.around(|| self.inner.attach(file, blob))
    }

    fn attach_then(&self, file: NewFile, blob: NewBlob, done: Done<Attached>) {
        self.pauses.pause();
        let pauses = self.pauses.clone();
        let done = Box::new(move |attached| {
            pauses.pause();
            done(attached);
        });
        self.inner.attach_then(file, blob, done);
    }

    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError> {
        self.pauses.around(|| self.inner.find_claimable(scope))
    }

    fn claim(
        &self,
        file: &NewFile,
        scope: &ClaimScope,
        blob: BlobId,
    ) -> Result<Claimed, PortError> {
        self.pauses.around(|| self.inner.claim(file, scope, blob))
    }

    fn claim_then(&self, file: NewFile, scope: ClaimScope, blob: BlobId, done: Done<Claimed>) {
        self.pauses.pause();
        let pauses = self.pauses.clone();
        let done = Box::new(move |claimed| {
            pauses.pause();
            done(claimed);
        });
        self.inner.claim_then(file, scope, blob, done);
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        self.pauses.around(|| self.inner.update(owner, id, change))
    }

    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.pauses.around(|| self.inner.detach(owner, id))
    }

    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError> {
        self.pauses.around(|| self.inner.find_readable(id, asker))
    }

    fn list_owned(
        &self,
        owner: UserId,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<FileSummary>, PortError> {
        self.pauses
            .around(|| self.inner.list_owned(owner, after, limit))
    }

    fn list_sorted(
        &self,
        owner: UserId,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<Vec<ListedFile>, PortError> {
        self.pauses
            .around(|| self.inner.list_sorted(owner, order, filter, limit))
    }
}

impl BlobRepository for PausingBlobRepository {
    fn find_live(&self, sha256: &Sha256) -> Result<Option<BlobRef>, PortError> {
        self.pauses.around(|| self.inner.find_live(sha256))
    }

    fn flag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.flag_damaged(blob, key))
    }

    fn unflag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        self.pauses.around(|| self.inner.unflag_damaged(blob, key))
    }
}

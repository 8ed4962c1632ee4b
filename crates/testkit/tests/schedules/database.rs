//! The repositories over the shared rows: each method one transaction.

use std::sync::Arc;

use kms_domain::files::{
    Attached, BlobId, BlobKey, BlobRef, BlobRepository, ClaimCandidates, ClaimScope, Claimed,
    Detached, Edited, EntryChange, FileId, FileRepository, FileSummary, ListPosition, ListedFile,
    NewBlob, NewFile, OwnFilter, OwnOrder, Sha256, StoredFile,
};
use kms_domain::users::UserId;
use kms_domain::{Done, PortError};

use crate::Broken;
use crate::rows::Rows;
use crate::world::World;

pub(crate) struct Database(pub(crate) Arc<World>);

impl FileRepository for Database {
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError> {
        let (file, blob) = (file.clone(), blob.clone());
        self.0.write(move |rows| rows.attach(&file, &blob))
    }

    fn attach_then(&self, file: NewFile, blob: NewBlob, done: Done<Attached>) {
        self.0
            .write_then(move |rows| rows.attach(&file, &blob), done);
    }

    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError> {
        Ok(self.0.read(|rows| rows.candidates(scope)))
    }

    fn claim(
        &self,
        file: &NewFile,
        scope: &ClaimScope,
        blob: BlobId,
    ) -> Result<Claimed, PortError> {
        let (file, scope) = (file.clone(), *scope);
        self.0.write(move |rows| claim(rows, &file, &scope, blob))
    }

    fn claim_then(&self, file: NewFile, scope: ClaimScope, blob: BlobId, done: Done<Claimed>) {
        self.0
            .write_then(move |rows| claim(rows, &file, &scope, blob), done);
    }

    fn update(&self, _: UserId, _: FileId, _: &EntryChange) -> Result<Edited, PortError> {
        unreachable!("nobody changes anything")
    }

    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.0.write(move |rows| {
            let before = rows.files.len();
            rows.files
                .retain(|row| row.file.id != id || row.file.owner != owner);
            Ok(if rows.files.len() < before {
                Detached::Removed
            } else {
                Detached::NotFound
            })
        })
    }

    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError> {
        let entry = self.0.read(|rows| rows.entry(id));
        Ok(entry.filter(|entry| entry.owner == asker || entry.visibility.is_public()))
    }

    fn list_owned(
        &self,
        _: UserId,
        _: Option<ListPosition>,
        _: usize,
    ) -> Result<Vec<FileSummary>, PortError> {
        unreachable!("nobody lists")
    }

    fn list_sorted(
        &self,
        _: UserId,
        _: &OwnOrder,
        _: &OwnFilter,
        _: usize,
    ) -> Result<Vec<ListedFile>, PortError> {
        unreachable!("nobody lists")
    }
}

fn claim(
    rows: &mut Rows,
    file: &NewFile,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<Claimed, PortError> {
    let is_it = match rows.candidates(scope) {
        ClaimCandidates::One(found) => found.id == blob && !found.damaged,
        _ => false,
    };
    // Whoever asks only once, before the transaction, claims what may have gone since.
    if is_it || rows.broken == Broken::ClaimsWithoutAskingAgain {
        rows.refer(file, blob.as_i64())?;
        Ok(Claimed::Linked)
    } else {
        Ok(Claimed::NotEligible)
    }
}

impl BlobRepository for Database {
    fn find_live(&self, sha256: &Sha256) -> Result<Option<BlobRef>, PortError> {
        let found = |rows: &Rows| {
            let mut live = rows.live();
            live.find(|row| row.blob.sha256 == *sha256)
                .map(|row| row.blob.clone())
        };
        Ok(self.0.read(found))
    }

    fn flag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        let key = key.clone();
        self.0.write(move |rows| {
            let any_key = rows.broken == Broken::FlagsWhateverTheKey;
            if let Some(row) = rows.blobs.get_mut(&blob.as_i64()) {
                row.blob.damaged |= row.blob.key == key || any_key;
            }
            Ok(())
        })
    }

    fn unflag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        let key = key.clone();
        self.0.write(move |rows| {
            if let Some(row) = rows.blobs.get_mut(&blob.as_i64()) {
                row.blob.damaged &= row.blob.key != key;
            }
            Ok(())
        })
    }
}

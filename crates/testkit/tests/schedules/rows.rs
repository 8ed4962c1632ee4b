//! The rows of content and entries, with the constraints of `migrations/sqlite`.

use std::collections::BTreeMap;

use kms_domain::files::{
    Attached, BlobId, BlobRef, ClaimCandidates, ClaimScope, FileId, NewBlob, NewFile, StoredFile,
};
use kms_domain::{PortError, Timestamp};

use crate::Broken;

/// What a transaction reads and changes. Whoever runs one works on a copy, which takes the place of the original when it
/// is committed.
#[derive(Clone, Default)]
pub(crate) struct Rows {
    pub(crate) blobs: BTreeMap<i64, BlobRow>,
    pub(crate) files: Vec<FileRow>,
    pub(crate) last_blob: i64,
    pub(crate) broken: Broken,
}

#[derive(Clone)]
pub(crate) struct BlobRow {
    pub(crate) blob: BlobRef,
    pub(crate) doomed: bool,
    pub(crate) created_at: Timestamp,
}

#[derive(Clone)]
pub(crate) struct FileRow {
    pub(crate) file: NewFile,
    pub(crate) blob: i64,
}

impl Rows {
    pub(crate) fn live(&self) -> impl Iterator<Item = &BlobRow> {
        self.blobs.values().filter(|row| !row.doomed)
    }

    pub(crate) fn is_referred_to(&self, blob: i64) -> bool {
        self.files.iter().any(|file| file.blob == blob)
    }

    /// Whether nothing refers to a live content that was made before `created_before`.
    pub(crate) fn may_go(&self, blob: i64, created_before: Timestamp) -> bool {
        let row = self.blobs.get(&blob);
        row.is_some_and(|row| !row.doomed && row.created_at < created_before)
            && !self.is_referred_to(blob)
    }

    pub(crate) fn attach(&mut self, file: &NewFile, new: &NewBlob) -> Result<Attached, PortError> {
        let broken = self.broken;
        let known = self.blobs.values_mut().find(|row| {
            let is_found = !row.doomed || broken.finds_doomed();
            is_found && row.blob.sha256 == new.sha256
        });
        let Some(known) = known else {
            self.last_blob += 1;
            let blob = BlobRef {
                id: BlobId::from_i64(self.last_blob),
                sha256: new.sha256,
                size: new.size,
                key: new.key.clone(),
                damaged: false,
            };
            let row = BlobRow {
                blob,
                doomed: false,
                created_at: new.created_at,
            };
            self.blobs.insert(self.last_blob, row);
            self.refer(file, self.last_blob)?;
            return Ok(Attached::Stored);
        };
        if known.doomed && broken == Broken::DoomedLivesAgain {
            known.doomed = false;
        }
        known.blob.damaged = false;
        let old = std::mem::replace(&mut known.blob.key, new.key.clone());
        let id = known.blob.id.as_i64();
        if broken == Broken::RowKeepsTheCopyThatGoes {
            // What was offered is called surplus, and the row names it all the same.
            self.refer(file, id)?;
            return Ok(Attached::Replaced {
                surplus: new.key.clone(),
            });
        }
        self.refer(file, id)?;
        Ok(Attached::Replaced { surplus: old })
    }

    /// Inserts an entry: its id is unique, and its foreign key is `(blob_id, 'live')`.
    pub(crate) fn refer(&mut self, file: &NewFile, blob: i64) -> Result<(), PortError> {
        if self.files.iter().any(|row| row.file.id == file.id) {
            return Err(PortError::internal("UNIQUE (files.id)"));
        }
        let row = self.blobs.get(&blob);
        let may = row.is_some_and(|row| !row.doomed || !self.broken.has_key());
        if !may {
            return Err(PortError::internal("FOREIGN KEY (blob_id, blob_state)"));
        }
        let file = file.clone();
        self.files.push(FileRow { file, blob });
        Ok(())
    }

    /// `UPDATE blobs SET state = 'doomed'` by itself: what refuses it is the foreign key.
    pub(crate) fn doom(&mut self, blob: i64) -> Result<(), PortError> {
        if self.broken.has_key() && self.is_referred_to(blob) {
            return Err(PortError::internal("FOREIGN KEY (blob_id, blob_state)"));
        }
        if let Some(row) = self.blobs.get_mut(&blob) {
            row.doomed = true;
        }
        Ok(())
    }

    pub(crate) fn candidates(&self, scope: &ClaimScope) -> ClaimCandidates {
        let mut ids: Vec<i64> = self
            .files
            .iter()
            .filter(|row| row.file.md5 == scope.md5)
            .filter(|row| {
                let is_public = scope.include_public && row.file.visibility.is_public();
                row.file.owner == scope.owner || is_public
            })
            .map(|row| row.blob)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let blobs = ids.iter().filter_map(|id| self.blobs.get(id));
        let blobs = blobs.filter(|row| scope.sha256.is_none_or(|it| row.blob.sha256 == it));
        ClaimCandidates::from_distinct(blobs.map(|row| row.blob.clone()))
    }

    pub(crate) fn entry(&self, id: FileId) -> Option<StoredFile> {
        let row = self.files.iter().find(|row| row.file.id == id)?;
        Some(StoredFile {
            id,
            owner: row.file.owner,
            label: None,
            title: row.file.title.clone(),
            md5: row.file.md5,
            visibility: row.file.visibility,
            created_at: row.file.created_at,
            blob: self.blobs.get(&row.blob)?.blob.clone(),
        })
    }
}

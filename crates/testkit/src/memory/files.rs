use std::cmp::Reverse;
use std::collections::HashSet;

use kms_domain::PortError;
use kms_domain::files::{
    Attached, BlobId, ClaimCandidates, ClaimScope, Claimed, Detached, Edited, EntryChange, FileId,
    FileRepository, FileSummary, ListPosition, ListedFile, NewBlob, NewFile, OwnFilter, OwnOrder,
    StoredFile,
};
use kms_domain::users::UserId;

use super::MemoryDatabase;
use super::database::{FileRow, State};
use super::sorted;

impl FileRepository for MemoryDatabase {
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError> {
        if let Some(noted) = &blob.noted {
            let durable = noted.settling.wait();
            durable.map_err(|kind| PortError::new(kind, "the content is not durable"))?;
        }
        let mut state = self.lock();
        state.require_user(file.owner)?;
        if !state.has_room(file.owner, blob.size, file.quota) {
            return Ok(Attached::OverQuota);
        }
        state.check_file(file)?;
        let (id, attached) = state.adopt(blob);
        state.insert_file(file, id);
        Ok(attached)
    }

    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError> {
        Ok(self.lock().candidates(scope))
    }

    fn claim(
        &self,
        file: &NewFile,
        scope: &ClaimScope,
        blob: BlobId,
    ) -> Result<Claimed, PortError> {
        let mut state = self.lock();
        match state.candidates(scope) {
            ClaimCandidates::One(found) if found.id == blob && !found.damaged => {
                if !state.has_room(file.owner, found.size, file.quota) {
                    return Ok(Claimed::OverQuota);
                }
                state.check_file(file)?;
                state.insert_file(file, blob);
                Ok(Claimed::Linked)
            }
            _ => Ok(Claimed::NotEligible),
        }
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        let mut state = self.lock();
        let mut rows = state.files.iter_mut();
        let Some(row) = rows.find(|row| row.file.id == id && row.file.owner == owner) else {
            return Ok(Edited::NotFound);
        };
        if let Some(given) = &change.given
            && (given.title != row.file.title
                || given.visibility != row.file.visibility
                || given.label != row.label)
        {
            return Ok(Edited::Moved);
        }
        let visibility = change.visibility.unwrap_or(row.file.visibility);
        let was_seen = std::mem::replace(&mut row.file.visibility, visibility);
        let changed = put(&mut row.file.title, change.title.as_ref())
            | put(&mut row.label, change.label.as_ref())
            | (was_seen != visibility);
        if visibility.is_public() {
            state.withheld.remove(&id);
        } else if was_seen.is_public() {
            let mut favourites = state.favourites.iter();
            if favourites.any(|row| row.favourite.source == id) {
                state.withheld.insert(id);
            }
        }
        Ok(if changed {
            Edited::Changed
        } else {
            Edited::Unchanged
        })
    }

    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        let mut state = self.lock();
        let is_it = |row: &FileRow| row.file.id == id && row.file.owner == owner;
        let Some(at) = state.files.iter().position(is_it) else {
            return Ok(Detached::NotFound);
        };
        let row = state.files.remove(at);
        state.give_back(owner, row.blob);
        Ok(Detached::Removed)
    }

    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError> {
        let state = self.lock();
        let row = state.files.iter().find(|row| row.file.id == id);
        Ok(row
            .filter(|row| row.file.owner == asker || row.file.visibility.is_public())
            .map(|row| StoredFile {
                id,
                owner: row.file.owner,
                title: row.file.title.clone(),
                label: row.label.clone().filter(|_| row.file.owner == asker),
                md5: row.file.md5,
                visibility: row.file.visibility,
                created_at: row.file.created_at,
                blob: state.blob(row.blob),
            })
            .or_else(|| state.own_favourite(asker, id)))
    }

    fn list_owned(
        &self,
        owner: UserId,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<FileSummary>, PortError> {
        let state = self.lock();
        let own = state
            .newest_first()
            .into_iter()
            .filter(|row| row.file.owner == owner)
            .filter(|row| after.is_none_or(|after| position(row) < after));
        Ok(own.take(limit).map(summary).collect())
    }

    fn list_sorted(
        &self,
        owner: UserId,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<Vec<ListedFile>, PortError> {
        let state = self.lock();
        let visibility = filter.visibility;
        let own = state.files.iter().filter(|row| row.file.owner == owner);
        let own = own
            .filter(|row| visibility.is_none_or(|it| row.file.visibility == it))
            .filter(|row| filter.label.is_none() || row.label == filter.label);
        let all = own.map(|row| ListedFile {
            file: summary(row),
            size: state.blob(row.blob).size,
        });
        Ok(sorted::page(all.collect(), order, limit))
    }
}

impl State {
    fn candidates(&self, scope: &ClaimScope) -> ClaimCandidates {
        let mut seen = HashSet::new();
        let distinct = self
            .files
            .iter()
            .filter(|row| row.file.md5 == scope.md5)
            .filter(|row| {
                row.file.owner == scope.owner
                    || (scope.include_public && row.file.visibility.is_public())
            })
            .map(|row| self.blob(row.blob))
            .filter(|blob| scope.sha256.is_none_or(|sha256| blob.sha256 == sha256))
            .filter(|blob| seen.insert(blob.id));
        ClaimCandidates::from_distinct(distinct)
    }

    fn newest_first(&self) -> Vec<&FileRow> {
        let mut rows: Vec<_> = self.files.iter().collect();
        rows.sort_unstable_by_key(|row| Reverse(position(row)));
        rows
    }
}

/// Sets `field` and says whether that changes it.
pub(super) fn put<T: Clone + PartialEq>(field: &mut T, value: Option<&T>) -> bool {
    let Some(value) = value.filter(|value| *value != field) else {
        return false;
    };
    *field = value.clone();
    true
}

const fn position(row: &FileRow) -> ListPosition {
    ListPosition {
        created_at: row.file.created_at,
        seq: row.seq,
    }
}

pub(super) fn summary(row: &FileRow) -> FileSummary {
    FileSummary {
        id: row.file.id,
        title: row.file.title.clone(),
        label: row.label.clone(),
        visibility: row.file.visibility,
        position: position(row),
    }
}

use std::cmp::Reverse;

use kms_domain::files::{DatedPlace, Detached, FileId, TrashRepository, TrashedFile};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::MemoryDatabase;
use super::database::{FileRow, State};
use super::files::summary;

impl TrashRepository for MemoryDatabase {
    fn discard(&self, owner: UserId, id: FileId, at: Timestamp) -> Result<Detached, PortError> {
        let mut state = self.lock();
        let is_it = |row: &FileRow| row.file.id == id && row.file.owner == owner;
        let Some(found) = state.files.iter().position(is_it) else {
            return Ok(Detached::NotFound);
        };
        let row = state.files.remove(found);
        state.trash.push((row, at));
        Ok(Detached::Removed)
    }

    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<TrashedFile>, PortError> {
        let state = self.lock();
        let own = state
            .trash
            .iter()
            .filter(|(row, _)| row.file.owner == owner);
        let mut list: Vec<_> = own
            .map(|(row, deleted_at)| TrashedFile {
                file: summary(row),
                size: state.blob(row.blob).size,
                deleted_at: *deleted_at,
            })
            .filter(|it| after.is_none_or(|after| it.place() < after))
            .collect();
        list.sort_unstable_by_key(|it| Reverse(it.place()));
        list.truncate(limit);
        Ok(list)
    }

    fn restore(&self, owner: UserId, id: FileId) -> Result<bool, PortError> {
        let mut state = self.lock();
        let Some(found) = state.trashed(owner, id) else {
            return Ok(false);
        };
        let (row, _) = state.trash.remove(found);
        // In the order in which they were stored, as they stand in a table.
        let place = state.files.partition_point(|other| other.seq < row.seq);
        state.files.insert(place, row);
        Ok(true)
    }

    fn purge(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        let mut state = self.lock();
        let Some(found) = state.trashed(owner, id) else {
            return Ok(Detached::NotFound);
        };
        let (row, _) = state.trash.remove(found);
        state.give_back(owner, row.blob);
        Ok(Detached::Removed)
    }

    fn purge_before(&self, deleted_before: Timestamp, limit: usize) -> Result<usize, PortError> {
        let mut state = self.lock();
        state.trash.sort_by_key(|(row, at)| (*at, row.seq));
        let due = state.trash.partition_point(|(_, at)| *at < deleted_before);
        let gone: Vec<_> = state.trash.drain(..due.min(limit)).collect();
        for (row, _) in &gone {
            state.give_back(row.file.owner, row.blob);
        }
        Ok(gone.len())
    }
}

impl State {
    fn trashed(&self, owner: UserId, id: FileId) -> Option<usize> {
        let mut rows = self.trash.iter();
        rows.position(|(row, _)| row.file.id == id && row.file.owner == owner)
    }
}

//! What was deleted, for as long as it can be brought back.

use super::delete::despite_full_disk;
use super::{FileError, FileService, LIST_PAGE};
use crate::files::{DatedPlace, Detached, FileId, TrashedFile};
use crate::users::Actor;

/// What became of bringing an entry back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// It is back as it was.
    Restored,
    /// The caller's trash has no such entry.
    NotFound,
}

/// What became of removing an entry from the trash for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeOutcome {
    /// It is gone for good.
    Purged,
    /// The caller's trash has no such entry.
    NotFound,
}

/// A part of the caller's trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashPage {
    /// The entries, the last deleted first.
    pub files: Vec<TrashedFile>,
    /// What to ask for the next page with. `None`: the list ends here.
    pub next: Option<DatedPlace>,
}

impl FileService {
    /// The caller's trash, the last deleted first: the first page, or the one `after` another.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn list_trash(
        &self,
        actor: &Actor,
        after: Option<DatedPlace>,
    ) -> Result<TrashPage, FileError> {
        let files = self.trash.list(actor.user(), after, LIST_PAGE)?;
        let last = files.last().map(TrashedFile::place);
        let next = last.filter(|_| files.len() == LIST_PAGE);
        Ok(TrashPage { files, next })
    }

    /// Brings an entry of the caller's back from the trash.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn restore(&self, actor: &Actor, id: FileId) -> Result<RestoreOutcome, FileError> {
        Ok(if self.trash.restore(actor.user(), id)? {
            RestoreOutcome::Restored
        } else {
            RestoreOutcome::NotFound
        })
    }

    /// Removes an entry from the caller's trash for good.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn purge(&self, actor: &Actor, id: FileId) -> Result<PurgeOutcome, FileError> {
        Ok(
            match despite_full_disk(|| self.trash.purge(actor.user(), id))? {
                Detached::Removed => PurgeOutcome::Purged,
                Detached::NotFound => PurgeOutcome::NotFound,
            },
        )
    }
}

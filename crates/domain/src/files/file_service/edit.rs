//! Changing what an entry says of its content.

use super::{FileError, FileService};
use crate::files::{Edited, EntryChange, FileId};
use crate::users::Actor;

/// What became of changing an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditOutcome {
    /// At least one field has another value now.
    Changed,
    /// Nothing was asked for, or everything had that value already.
    Unchanged,
    /// The caller has no such entry: it does not exist, or it is somebody else's.
    NotFound,
    /// A favourite is its owner's alone: it cannot be made public.
    NotPublishable,
}

impl FileService {
    /// Changes an entry of the caller's own, or a favourite.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn edit(
        &self,
        actor: &Actor,
        id: FileId,
        change: &EntryChange,
    ) -> Result<EditOutcome, FileError> {
        let owner = actor.user();
        let edited = self.files.update(owner, id, change)?;
        if edited != Edited::NotFound {
            return Ok(edited.into());
        }
        if change.visibility.is_some_and(|it| it.is_public()) {
            let nothing = EntryChange::default();
            let is_favourite = self.favourites.update(owner, id, &nothing)? != Edited::NotFound;
            return Ok(if is_favourite {
                EditOutcome::NotPublishable
            } else {
                EditOutcome::NotFound
            });
        }
        Ok(self.favourites.update(owner, id, change)?.into())
    }
}

impl From<Edited> for EditOutcome {
    fn from(edited: Edited) -> Self {
        match edited {
            Edited::Changed => Self::Changed,
            Edited::Unchanged => Self::Unchanged,
            Edited::NotFound => Self::NotFound,
        }
    }
}

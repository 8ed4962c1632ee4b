//! Changing what an entry says of its content.

use super::{FileError, FileService, OPEN_ROUNDS};
use crate::files::{Edited, EntryChange, EntryState, FileId, StoredFile};
use crate::users::Actor;

/// What became of changing an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditOutcome {
    /// At least one field has another value now.
    Changed,
    /// Nothing was asked for, or everything had that value already.
    Unchanged,
    /// It is not what the caller takes it to be; it stays as it is.
    Moved,
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

    /// Changes it if `allow` says so of what it is then: nothing comes between being looked at and being
    /// changed.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn edit_if(
        &self,
        actor: &Actor,
        id: FileId,
        change: EntryChange,
        allow: impl Fn(&StoredFile) -> bool,
    ) -> Result<EditOutcome, FileError> {
        let mut change = change;
        for _ in 0..OPEN_ROUNDS {
            let Some(file) = self.find_own(actor, id)? else {
                return Ok(EditOutcome::NotFound);
            };
            if !allow(&file) {
                break;
            }
            change.given = Some(EntryState::from(&file));
            match self.edit(actor, id, &change)? {
                // Somebody else has changed it just now; that may make no difference.
                EditOutcome::Moved => {}
                other => return Ok(other),
            }
        }
        Ok(EditOutcome::Moved)
    }

    /// What is known of an entry of the caller's own, or of a favourite.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn find_own(&self, actor: &Actor, id: FileId) -> Result<Option<StoredFile>, FileError> {
        let found = self.find(actor, id)?;
        Ok(found.filter(|file| file.owner == actor.user()))
    }
}

impl From<Edited> for EditOutcome {
    fn from(edited: Edited) -> Self {
        match edited {
            Edited::Changed => Self::Changed,
            Edited::Unchanged => Self::Unchanged,
            Edited::Moved => Self::Moved,
            Edited::NotFound => Self::NotFound,
        }
    }
}

//! Deleting an entry.

use super::{FileError, FileService};
use crate::PortErrorKind;
use crate::files::{Detached, FileId};
use crate::users::Actor;

/// What became of deleting an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// The caller has no such entry: it does not exist, or it is somebody else's.
    NotFound,
}

impl FileService {
    /// Removes an entry of the caller's own. Its content stays for who else has an entry over it, and
    /// goes with a later collection if nobody has.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn delete(&self, actor: &Actor, id: FileId) -> Result<DeleteOutcome, FileError> {
        let first = self.files.detach(actor.user(), id);
        let detached = match first {
            // Who noticed that the disk is full has given back what is kept for this by now. Nothing
            // was changed, so it is no second try of something that may have happened.
            Err(error) if error.kind() == PortErrorKind::StorageFull => {
                self.files.detach(actor.user(), id)?
            }
            other => other?,
        };
        Ok(match detached {
            Detached::Removed => DeleteOutcome::Deleted,
            Detached::NotFound => DeleteOutcome::NotFound,
        })
    }
}

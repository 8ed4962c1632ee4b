//! Deleting an entry.

use super::{FileError, FileService};
use crate::files::{Detached, FileId};
use crate::users::Actor;
use crate::{PortError, PortErrorKind};

/// What became of deleting an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// The caller has no such entry: it does not exist, or it is somebody else's.
    NotFound,
}

impl FileService {
    /// Takes an entry of the caller's own out of every answer. It can be [restored](Self::restore) for as
    /// long as is configured. A favourite can be made again, so it is gone at once. Content stays for
    /// who else has an entry over it, and goes with a later collection if nobody has.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn delete(&self, actor: &Actor, id: FileId) -> Result<DeleteOutcome, FileError> {
        let owner = actor.user();
        let detached = despite_full_disk(|| {
            if self.config.trash_retention > 0 {
                self.trash.discard(owner, id, self.clock.now())
            } else {
                self.files.detach(owner, id)
            }
        })?;
        Ok(match detached {
            Detached::Removed => DeleteOutcome::Deleted,
            Detached::NotFound if despite_full_disk(|| self.favourites.remove(owner, id))? => {
                DeleteOutcome::Deleted
            }
            Detached::NotFound => DeleteOutcome::NotFound,
        })
    }
}

/// Does what makes room, once more if the disk was full: who noticed that has given back what is kept
/// for this by now. Nothing was changed, so it is no second try of something that may have happened.
pub(super) fn despite_full_disk<T>(
    work: impl Fn() -> Result<T, PortError>,
) -> Result<T, PortError> {
    match work() {
        Err(error) if error.kind() == PortErrorKind::StorageFull => work(),
        other => other,
    }
}

use super::{DatedPlace, Detached, FileId, FileSummary};
use crate::users::UserId;
use crate::{PortError, Timestamp};

/// Entries that were deleted and can still be brought back by their owners. They are in no answer but
/// those about the trash: nobody reads, lists or claims them. They count in their owner's usage, and
/// keep their content alive. Every method is one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait TrashRepository: Send + Sync {
    /// Moves an entry of `owner` to the trash, durably. Anybody else's entry is left alone.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry was moved.
    fn discard(&self, owner: UserId, id: FileId, at: Timestamp) -> Result<Detached, PortError>;

    /// At most `limit` entries in the trash of `owner` behind `after`, the last deleted first; of the
    /// same millisecond, the greater identity first.
    ///
    /// # Errors
    /// [`PortError`].
    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<TrashedFile>, PortError>;

    /// Brings an entry back as it was, with its identity, its date and its place in the lists, durably.
    /// `false`: there is none in the trash of `owner`. Its room has never been given back, so there is
    /// always enough.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry is back.
    fn restore(&self, owner: UserId, id: FileId) -> Result<bool, PortError>;

    /// Removes an entry from the trash of `owner` for good, durably.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the entry is gone.
    fn purge(&self, owner: UserId, id: FileId) -> Result<Detached, PortError>;

    /// Removes at most `limit` entries of anybody for good that were deleted before `deleted_before`,
    /// the longest deleted first, and answers how many.
    ///
    /// # Errors
    /// [`PortError`].
    fn purge_before(&self, deleted_before: Timestamp, limit: usize) -> Result<usize, PortError>;
}

/// An entry in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashedFile {
    /// What it was, and will be when it is brought back.
    pub file: FileSummary,
    /// Bytes of its content.
    pub size: u64,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

impl TrashedFile {
    /// Where it stands in the list.
    #[must_use]
    pub const fn place(&self) -> DatedPlace {
        DatedPlace {
            date: self.deleted_at,
            id: self.file.id,
        }
    }
}

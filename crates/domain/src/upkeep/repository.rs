use crate::files::{BlobId, BlobKey, BlobRef};
use crate::{PortError, Timestamp};

/// The rows of content, for who looks after all of them. Every method is one transaction and may
/// block. Lists come in pages, so that no read lasts long.
#[cfg_attr(test, mockall::automock)]
pub trait UpkeepRepository: Send + Sync {
    /// At most `limit` live contents behind `after`, in the order of their ids.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_live(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobRef>, PortError>;

    /// The live content with this id. `None`: there is none (any more).
    ///
    /// # Errors
    /// [`PortError`].
    fn find_live_by_id(&self, blob: BlobId) -> Result<Option<BlobRef>, PortError>;

    /// Looks at the `window` contents behind `after`, and answers those that nothing refers to and
    /// that were made before `created_before`.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        window: usize,
    ) -> Result<Unreferenced, PortError>;

    /// Dooms those of `blobs` that nothing refers to at this moment and that were made before
    /// `created_before`, durably, and answers how many. A doomed content is found and referred to by
    /// nobody any more, and never lives again.
    ///
    /// # Errors
    /// [`PortError`].
    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError>;

    /// At most `limit` doomed contents whose keys come behind `after`, in the order of their keys.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError>;

    /// Returns when it is durable that `blobs` are doomed: what is seen after a crash need not be.
    ///
    /// # Errors
    /// [`PortError`].
    fn confirm_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError>;

    /// Deletes the rows of those of `blobs` that are doomed. To be called when their bytes are gone.
    ///
    /// # Errors
    /// [`PortError`].
    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError>;

    /// Which of `keys` a row names, live or doomed, in their order.
    ///
    /// # Errors
    /// [`PortError`].
    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError>;

    /// What is wrong with the rows themselves: broken pages and indexes, references that lead nowhere,
    /// also if they are so broken that not all of it can be found out. Takes as long as reading all of
    /// them.
    ///
    /// # Errors
    /// [`PortError`] when that could not be found out.
    fn check(&self) -> Result<Vec<String>, PortError>;
}

/// What [`UpkeepRepository::list_unreferenced`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreferenced {
    /// Contents that nothing refers to.
    pub blobs: Vec<BlobRef>,
    /// What to go on behind. `None`: all contents were looked at.
    pub next: Option<BlobId>,
}

use std::collections::HashMap;

use super::{HotPosition, Interaction, Item};
use crate::PortError;
use crate::files::{BlobId, PublicFile};
use crate::users::UserId;

/// What feeds are made of. Every method is one read and may block. Whether something is public, and whether
/// the asker has it, is what the entries say at that moment; nothing about private entries shows anywhere. So
/// a favourite that is withheld counts as none.
#[cfg_attr(test, mockall::automock)]
pub trait FeedRepository: Send + Sync {
    /// At most `limit` interactions of `user`, those with the greatest ordinals first.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_interactions(&self, user: UserId, limit: usize) -> Result<Vec<Interaction>, PortError>;

    /// What is counted about `contents`, as far as anything is.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_items(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, Item>, PortError>;

    /// The masses of the items of `contents`, as far as there are any.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_masses(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, u64>, PortError>;

    /// For each of `contents` in their order, the newest public entry over it, if there is one and `asker` has
    /// no entry over the content and no favourite.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_offers(&self, asker: UserId, contents: &[BlobId]) -> Result<Vec<Offer>, PortError>;

    /// Looks at the `window` public entries behind `after`, the hottest first, and answers those of them
    /// that are the newest over their content; with `asker`, only those over content that `asker` neither
    /// has an entry over nor a favourite. The second value is the place of the last entry looked at: go on
    /// behind it. `None`: there is nothing more. Where the entry of `after` is not public any more, those of
    /// exactly its heat are behind it no more.
    ///
    /// # Errors
    /// [`PortError`].
    fn list_hot(
        &self,
        asker: Option<UserId>,
        after: Option<HotPosition>,
        window: usize,
    ) -> Result<(Vec<HotFile>, Option<HotPosition>), PortError>;
}

/// A public entry that is offered to somebody, and what is under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The entry. Its owner's label is not in it.
    pub file: PublicFile,
    /// Its content.
    pub content: BlobId,
}

/// An offer and its place in the hot list.
#[derive(Clone, Debug, PartialEq)]
pub struct HotFile {
    /// The entry.
    pub offer: Offer,
    /// Its place.
    pub position: HotPosition,
}

use super::{DatedPlace, Edited, EntryChange, FileId, Label, Quota, Title};
use crate::users::{DisplayName, UserId};
use crate::{PortError, Timestamp};

/// Favourites: entries over the bytes of an entry that their owner may read, the *source*. A favourite has
/// an identity, a title and a label of its own, is read by its owner alone, counts in the owner's usage
/// and keeps its content alive.
///
/// It outlives its source: when that is deleted, or removed for good, the favourite stays as it is. But
/// it is *withheld* while the source is private and somebody else's: then it is in no answer, as if it
/// were not there; and for ever if the source was private when it was removed for good. Every method is
/// one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait FavouriteRepository: Send + Sync {
    /// Makes a favourite of an entry, all or nothing and durably. Of any number of simultaneous calls
    /// for one owner and source exactly one adds.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the favourite is there.
    fn add(&self, favourite: &NewFavourite) -> Result<Favoured, PortError>;

    /// Removes a favourite of `owner`, named by its own identity or by that of its source, durably. One that
    /// is withheld is found by its own identity alone: what counts in somebody's usage can be given up.
    /// `false`: there is none.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the favourite is gone.
    fn remove(&self, owner: UserId, id: FileId) -> Result<bool, PortError>;

    /// Changes a favourite of `owner`, named by its own identity. The visibility in `change` is not looked
    /// at: a favourite has none, and is always private.
    ///
    /// # Errors
    /// [`PortError`]; when its kind is internal, it is unknown whether the favourite is changed.
    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError>;

    /// At most `limit` favourites of `owner` behind `after` that are not withheld, the last added first; of
    /// the same millisecond, the greater identity first.
    ///
    /// # Errors
    /// [`PortError`].
    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<Favourite>, PortError>;

    /// The first source behind `after`, of at most `window` that are looked at, whose favourites are withheld
    /// for ever; and where to go on. Walked to its end, it finds each of them once.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_lost(&self, after: Option<FileId>, window: usize) -> Result<LostSource, PortError>;

    /// Removes at most `limit` favourites of a source that are withheld for ever, durably. `false`: none is
    /// left, and the source is forgotten, or they are not withheld for ever.
    ///
    /// # Errors
    /// [`PortError`].
    fn remove_withheld(&self, source: FileId, limit: usize) -> Result<bool, PortError>;
}

/// A favourite to be made.
#[derive(Clone, Debug)]
pub struct NewFavourite {
    /// Fresh identity.
    pub id: FileId,
    /// Whose it is.
    pub owner: UserId,
    /// The entry that it is made of. If that is a favourite of the same owner, there is one already.
    pub source: FileId,
    /// When it is made.
    pub created_at: Timestamp,
    /// What its owner may hold, as in [`NewFile`](super::NewFile).
    pub quota: Quota,
}

/// What became of [`FavouriteRepository::add`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Favoured {
    /// It is there.
    Added,
    /// The owner has a favourite of this entry already, which is this one.
    Already(FileId),
    /// There is no such entry, or none that this owner may read.
    NotFound,
    /// The owner has no room for it.
    OverQuota,
}

/// What a step of the walk has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostSource {
    /// A source that is gone for good.
    pub found: Option<FileId>,
    /// Behind which to go on. `None`: this was the end.
    pub next: Option<FileId>,
}

/// A favourite as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Favourite {
    /// Its identity.
    pub id: FileId,
    /// Identity of the entry that it was made of, whether or not that is still there.
    pub source: FileId,
    /// Its title.
    pub title: Title,
    /// What its owner files it under.
    pub label: Option<Label>,
    /// Bytes of its content.
    pub size: u64,
    /// Whose the source is or was.
    pub source_owner: UserId,
    /// What that account is called now.
    pub source_owner_name: DisplayName,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Favourite {
    /// Where it stands in the list.
    #[must_use]
    pub const fn place(&self) -> DatedPlace {
        DatedPlace {
            date: self.created_at,
            id: self.id,
        }
    }
}

//! Favourites: entries of one's own over the bytes of others' entries.

use super::delete::despite_full_disk;
use super::{FileError, FileService, LIST_PAGE};
use crate::files::{DatedPlace, Favoured, Favourite, FileId, NewFavourite};
use crate::users::Actor;

/// What became of making a favourite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FavouriteOutcome {
    /// It is there, with this identity.
    Added(FileId),
    /// It was there before, with this identity.
    Already(FileId),
    /// There is no such entry, or none that the caller may read.
    NotFound,
    /// The account has no room; nothing was stored.
    OverQuota,
}

/// What became of giving a favourite up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It is gone.
    Cancelled,
    /// The caller has no such favourite.
    NotFavourite,
}

/// A part of the list of the caller's favourites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FavouritePage {
    /// The favourites, the last added first.
    pub favourites: Vec<Favourite>,
    /// What to ask for the next page with. `None`: the list ends here.
    pub next: Option<DatedPlace>,
}

impl FileService {
    /// Makes a favourite of an entry that the caller may read.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn add_favourite(
        &self,
        actor: &Actor,
        source: FileId,
    ) -> Result<FavouriteOutcome, FileError> {
        let favourite = NewFavourite {
            id: FileId::from_uuid(self.ids.new_id()?),
            owner: actor.user(),
            source,
            created_at: self.clock.now(),
            quota: self.config.quota,
        };
        Ok(match self.favourites.add(&favourite)? {
            Favoured::Added => FavouriteOutcome::Added(favourite.id),
            Favoured::Already(id) => FavouriteOutcome::Already(id),
            Favoured::NotFound => FavouriteOutcome::NotFound,
            Favoured::OverQuota => FavouriteOutcome::OverQuota,
        })
    }

    /// Gives up a favourite, named by its own identity or by that of the entry it was made of.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn cancel_favourite(&self, actor: &Actor, id: FileId) -> Result<CancelOutcome, FileError> {
        let removed = despite_full_disk(|| self.favourites.remove(actor.user(), id))?;
        Ok(if removed {
            CancelOutcome::Cancelled
        } else {
            CancelOutcome::NotFavourite
        })
    }

    /// The caller's favourites, the last added first: the first page, or the one `after` another.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn list_favourites(
        &self,
        actor: &Actor,
        after: Option<DatedPlace>,
    ) -> Result<FavouritePage, FileError> {
        let favourites = self.favourites.list(actor.user(), after, LIST_PAGE)?;
        let last = favourites.last().map(Favourite::place);
        let next = last.filter(|_| favourites.len() == LIST_PAGE);
        Ok(FavouritePage { favourites, next })
    }
}

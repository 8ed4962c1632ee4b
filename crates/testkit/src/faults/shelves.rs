use std::fmt;
use std::sync::Arc;

use kms_domain::files::{
    DatedPlace, Detached, Edited, EntryChange, Favoured, Favourite, FavouriteRepository, FileId,
    LostSource, NewFavourite, TrashRepository, TrashedFile,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::FailNth;
use super::repositories::decorator;

decorator! {
    /// A [`TrashRepository`] whose calls (`trash.discard`, …) fail as planned.
    FaultyTrashRepository, TrashRepository
}

decorator! {
    /// A [`FavouriteRepository`] whose calls (`favourites.add`, …) fail as planned.
    FaultyFavouriteRepository, FavouriteRepository
}

impl TrashRepository for FaultyTrashRepository {
    fn discard(&self, owner: UserId, id: FileId, at: Timestamp) -> Result<Detached, PortError> {
        self.plan
            .run("trash.discard", || self.inner.discard(owner, id, at))
    }

    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<TrashedFile>, PortError> {
        self.plan
            .run("trash.list", || self.inner.list(owner, after, limit))
    }

    fn restore(&self, owner: UserId, id: FileId) -> Result<bool, PortError> {
        self.plan
            .run("trash.restore", || self.inner.restore(owner, id))
    }

    fn purge(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.plan.run("trash.purge", || self.inner.purge(owner, id))
    }

    fn purge_before(&self, deleted_before: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.plan.run("trash.purge_before", || {
            self.inner.purge_before(deleted_before, limit)
        })
    }
}

impl FavouriteRepository for FaultyFavouriteRepository {
    fn add(&self, favourite: &NewFavourite) -> Result<Favoured, PortError> {
        self.plan
            .run("favourites.add", || self.inner.add(favourite))
    }

    fn remove(&self, owner: UserId, id: FileId) -> Result<bool, PortError> {
        self.plan
            .run("favourites.remove", || self.inner.remove(owner, id))
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        self.plan
            .run("favourites.update", || self.inner.update(owner, id, change))
    }

    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<Favourite>, PortError> {
        self.plan
            .run("favourites.list", || self.inner.list(owner, after, limit))
    }

    fn find_lost(&self, after: Option<FileId>, window: usize) -> Result<LostSource, PortError> {
        self.plan.run("favourites.find_lost", || {
            self.inner.find_lost(after, window)
        })
    }

    fn remove_withheld(&self, source: FileId, limit: usize) -> Result<bool, PortError> {
        self.plan.run("favourites.remove_withheld", || {
            self.inner.remove_withheld(source, limit)
        })
    }
}

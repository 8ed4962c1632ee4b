use std::cmp::Reverse;

use kms_domain::PortError;
use kms_domain::files::{
    DatedPlace, Edited, EntryChange, Favoured, Favourite, FavouriteRepository, FileId, LostSource,
    NewFavourite, StoredFile, Visibility,
};
use kms_domain::users::UserId;

use super::MemoryDatabase;
use super::database::{FavouriteRow, State};
use super::files::put;

impl FavouriteRepository for MemoryDatabase {
    fn add(&self, favourite: &NewFavourite) -> Result<Favoured, PortError> {
        let mut state = self.lock();
        let owner = favourite.owner;
        if let Some(known) = state.named(owner, favourite.source) {
            return Ok(Favoured::Already(state.favourites[known].favourite.id));
        }
        let mut files = state.files.iter();
        let Some(source) = files.find(|row| {
            row.file.id == favourite.source
                && (row.file.owner == owner || row.file.visibility.is_public())
        }) else {
            return Ok(Favoured::NotFound);
        };
        let (blob, source) = (source.blob, source.file.clone());
        state.require_user(owner)?;
        let size = state.blob(blob).size;
        if !state.has_room(owner, size, favourite.quota) {
            return Ok(Favoured::OverQuota);
        }
        if state
            .favourites
            .iter()
            .any(|row| row.favourite.id == favourite.id)
        {
            return Err(PortError::internal(format!(
                "favourite {} exists",
                favourite.id
            )));
        }
        state.charge(owner, size);
        let seq = state.next_seq();
        state.favourites.push(FavouriteRow {
            favourite: favourite.clone(),
            source_owner: source.owner,
            title: source.title,
            label: None,
            md5: source.md5,
            blob,
            seq,
        });
        Ok(Favoured::Added)
    }

    fn remove(&self, owner: UserId, id: FileId) -> Result<bool, PortError> {
        let mut state = self.lock();
        let mut rows = state.favourites.iter();
        let own = rows.position(|row| row.favourite.id == id && row.favourite.owner == owner);
        let Some(found) = own.or_else(|| state.named(owner, id)) else {
            return Ok(false);
        };
        let row = state.favourites.remove(found);
        state.give_back(owner, row.blob);
        Ok(true)
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        let mut state = self.lock();
        let found = state.named(owner, id);
        let Some(row) = found.and_then(|found| state.favourites.get_mut(found)) else {
            return Ok(Edited::NotFound);
        };
        if row.favourite.id != id {
            return Ok(Edited::NotFound);
        }
        if let Some(given) = &change.given
            && (given.title != row.title || given.label != row.label)
        {
            return Ok(Edited::Moved);
        }
        let changed =
            put(&mut row.title, change.title.as_ref()) | put(&mut row.label, change.label.as_ref());
        Ok(if changed {
            Edited::Changed
        } else {
            Edited::Unchanged
        })
    }

    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<Favourite>, PortError> {
        let state = self.lock();
        let own = state
            .favourites
            .iter()
            .filter(|row| row.favourite.owner == owner);
        let mut list: Vec<_> = own
            .filter(|row| state.is_visible(row))
            .map(|row| state.listed(row))
            .filter(|it| after.is_none_or(|after| it.place() < after))
            .collect();
        list.sort_unstable_by_key(|it| Reverse(it.place()));
        list.truncate(limit);
        Ok(list)
    }

    fn find_lost(&self, after: Option<FileId>, window: usize) -> Result<LostSource, PortError> {
        let state = self.lock();
        let mut seen: Vec<_> = state.withheld.iter().copied().collect();
        seen.sort_unstable();
        seen.retain(|source| after.is_none_or(|after| *source > after));
        seen.truncate(window);
        let found = seen.iter().copied().find(|source| state.is_lost(source));
        let is_end = found.is_none() && seen.len() < window;
        let last = found.or(seen.last().copied());
        Ok(LostSource {
            found,
            next: last.filter(|_| !is_end),
        })
    }

    fn remove_withheld(&self, source: FileId, limit: usize) -> Result<bool, PortError> {
        let mut state = self.lock();
        if !state.withheld.contains(&source) || !state.is_lost(&source) {
            return Ok(false);
        }
        for _ in 0..limit {
            let mut rows = state.favourites.iter();
            let of_it = |row: &FavouriteRow| {
                row.favourite.source == source && row.favourite.owner != row.source_owner
            };
            let Some(found) = rows.position(of_it) else {
                state.withheld.remove(&source);
                return Ok(false);
            };
            let row = state.favourites.remove(found);
            state.give_back(row.favourite.owner, row.blob);
        }
        Ok(true)
    }
}

impl State {
    /// Whether a source can never come back.
    fn is_lost(&self, source: &FileId) -> bool {
        !self.files.iter().any(|row| row.file.id == *source)
            && !self.trash.iter().any(|(row, _)| row.file.id == *source)
    }

    pub(super) fn is_visible(&self, row: &FavouriteRow) -> bool {
        row.favourite.owner == row.source_owner || !self.withheld.contains(&row.favourite.source)
    }

    /// A favourite that can be seen, by its own identity or by that of its source.
    fn named(&self, owner: UserId, id: FileId) -> Option<usize> {
        let mut rows = self.favourites.iter();
        rows.position(|row| {
            let favourite = &row.favourite;
            favourite.owner == owner
                && (favourite.id == id || favourite.source == id)
                && self.is_visible(row)
        })
    }

    /// A favourite as its owner reads it.
    pub(super) fn own_favourite(&self, owner: UserId, id: FileId) -> Option<StoredFile> {
        let row = self.favourites.get(self.named(owner, id)?)?;
        (row.favourite.id == id).then(|| StoredFile {
            id,
            owner,
            title: row.title.clone(),
            label: row.label.clone(),
            md5: row.md5,
            visibility: Visibility::Private,
            created_at: row.favourite.created_at,
            blob: self.blob(row.blob),
        })
    }

    fn listed(&self, row: &FavouriteRow) -> Favourite {
        Favourite {
            id: row.favourite.id,
            source: row.favourite.source,
            title: row.title.clone(),
            label: row.label.clone(),
            size: self.blob(row.blob).size,
            source_owner: row.source_owner,
            source_owner_name: self.users[&row.source_owner].user.name.clone(),
            created_at: row.favourite.created_at,
        }
    }
}

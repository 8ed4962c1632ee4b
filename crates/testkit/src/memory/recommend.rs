use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use kms_domain::PortError;
use kms_domain::files::{BlobId, ListPosition, PublicFile};
use kms_domain::recommend::{
    Event, FeedRepository, Heat, HotFile, HotPosition, Interaction, InteractionRepository, Item,
    Kind, Learning, Offer,
};
use kms_domain::users::UserId;

use super::MemoryDatabase;
use super::database::{FavouriteRow, FileRow, State};

impl FeedRepository for MemoryDatabase {
    fn list_interactions(&self, user: UserId, limit: usize) -> Result<Vec<Interaction>, PortError> {
        Ok(self.lock().interactions.newest_of(user, limit))
    }

    fn find_items(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, Item>, PortError> {
        let state = self.lock();
        let all = state.interactions.items();
        let found = contents.iter().filter_map(|id| all.get_key_value(id));
        Ok(found.map(|(id, item)| (*id, item.clone())).collect())
    }

    fn find_masses(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, u64>, PortError> {
        let found = self.find_items(contents)?;
        Ok(found.iter().map(|(id, item)| (*id, item.mass)).collect())
    }

    fn list_offers(&self, asker: UserId, contents: &[BlobId]) -> Result<Vec<Offer>, PortError> {
        let state = self.lock();
        let had = state.had_by(asker);
        Ok(contents
            .iter()
            .filter(|content| !had.contains(content))
            .filter_map(|content| state.newest_public(*content))
            .map(|row| state.offer(row))
            .collect())
    }

    fn list_hot(
        &self,
        asker: Option<UserId>,
        after: Option<HotPosition>,
        window: usize,
    ) -> Result<(Vec<HotFile>, Option<HotPosition>), PortError> {
        let state = self.lock();
        let had = asker.map_or_else(HashSet::new, |asker| state.had_by(asker));
        let mut all: Vec<_> = state
            .files
            .iter()
            .filter(|row| row.file.visibility.is_public())
            .map(|row| (state.hot_position(row), row))
            .filter(|(position, row)| {
                after.is_none_or(|after| state.is_behind(after, *position, row))
            })
            .collect();
        let place = |(position, row): &(HotPosition, &FileRow)| (position.heat, row.seq);
        all.sort_unstable_by(|a, b| place(b).partial_cmp(&place(a)).expect("heat is a number"));
        let looked_at: Vec<_> = all.into_iter().take(window).collect();
        let last = looked_at.last().map(|(position, _)| *position);
        let is_full = looked_at.len() >= window;
        let files = looked_at
            .into_iter()
            .filter(|(_, row)| state.is_newest(row) && !had.contains(&row.blob))
            .map(|(position, row)| HotFile {
                offer: state.offer(row),
                position,
            });
        Ok((files.collect(), last.filter(|_| is_full)))
    }
}

impl InteractionRepository for MemoryDatabase {
    fn is_behind(&self) -> Result<bool, PortError> {
        let state = self.lock();
        Ok(state.to_learn().next().is_some()
            || state.favourites_to_learn().next().is_some()
            || state.to_forget().next().is_some())
    }

    fn learn_next(&self, most: usize) -> Result<usize, PortError> {
        let mut state = self.lock();
        let forgotten: Vec<_> = state.to_forget().take(most).collect();
        for content in &forgotten {
            let mut learning = Learning::new(&mut state.interactions);
            let Ok(_) = learning.forget(*content, usize::MAX);
            let Ok(()) = learning.finish();
        }
        let mut entries: Vec<_> = state.to_learn().map(|row| row.seq).collect();
        entries.sort_unstable();
        entries.truncate(most);
        for seq in &entries {
            let row = state.files.iter().find(|row| row.seq == *seq);
            let event = row.map(|row| Event {
                user: row.file.owner,
                content: row.blob,
                kind: Kind::Own,
                at: row.file.created_at,
            });
            state.interactions.learn(event.as_slice());
            state.learned.insert(*seq);
        }
        let favourites: Vec<_> = state.favourites_to_learn().take(most).collect();
        for (seq, event) in &favourites {
            state.interactions.learn(event.as_slice());
            state.learned.insert(*seq);
        }
        Ok(entries.len() + favourites.len() + forgotten.len())
    }

    fn learn(&self, events: &[Event]) -> Result<(), PortError> {
        let mut state = self.lock();
        for event in events {
            if state.newest_public(event.content).is_some() {
                state.interactions.learn(&[*event]);
            }
        }
        Ok(())
    }
}

impl State {
    /// Public entries that were never learned of: stored or published since.
    fn to_learn(&self) -> impl Iterator<Item = &FileRow> {
        let public = self
            .files
            .iter()
            .filter(|row| row.file.visibility.is_public());
        public.filter(|row| !self.learned.contains(&row.seq))
    }

    /// Contents that have gone.
    fn to_forget(&self) -> impl Iterator<Item = BlobId> {
        let known = self.interactions.contents().into_iter();
        known.filter(|content| !self.blobs.contains_key(&content.as_i64()))
    }

    fn had_by(&self, user: UserId) -> HashSet<BlobId> {
        let own = self.files.iter().filter(|row| row.file.owner == user);
        let favourites = self.favourites.iter();
        let favourites =
            favourites.filter(|row| row.favourite.owner == user && self.is_visible(row));
        own.map(|row| row.blob)
            .chain(favourites.map(|row| row.blob))
            .collect()
    }

    fn newest_public(&self, content: BlobId) -> Option<&FileRow> {
        let over = self.files.iter().filter(|row| row.blob == content);
        let public = over.filter(|row| row.file.visibility.is_public());
        public.min_by_key(|row| Reverse((row.file.created_at, row.seq)))
    }

    fn is_newest(&self, row: &FileRow) -> bool {
        let newest = self.newest_public(row.blob);
        newest.is_some_and(|newest| newest.seq == row.seq)
    }

    fn hot_position(&self, row: &FileRow) -> HotPosition {
        let at = row.file.created_at;
        let item = self.interactions.items().get(&row.blob);
        let learned = match item.and_then(|item| item.heat) {
            Some(_) if !self.is_newest(row) => Some(Heat::sunk(at)),
            heat => heat,
        };
        let heat = learned.filter(|_| self.learned.contains(&row.seq));
        HotPosition {
            heat: heat.unwrap_or_else(|| Heat::of_upload(at)),
            entry: row.file.id,
        }
    }

    fn is_behind(&self, after: HotPosition, position: HotPosition, row: &FileRow) -> bool {
        let mut files = self.files.iter();
        let entry =
            files.find(|other| other.file.id == after.entry && other.file.visibility.is_public());
        position.heat < after.heat
            || position.heat == after.heat && entry.is_some_and(|entry| row.seq < entry.seq)
    }

    fn offer(&self, row: &FileRow) -> Offer {
        Offer {
            file: PublicFile {
                id: row.file.id,
                title: row.file.title.clone(),
                owner: row.file.owner,
                owner_name: self.users[&row.file.owner].user.name.clone(),
                position: ListPosition {
                    created_at: row.file.created_at,
                    seq: row.seq,
                },
            },
            content: row.blob,
        }
    }

    /// Favourites that were never looked at, and what each tells: nothing, if its source is not public now or
    /// is its owner's.
    fn favourites_to_learn(&self) -> impl Iterator<Item = (i64, Option<Event>)> {
        let is_public = |row: &FavouriteRow| {
            let mut all = self.files.iter();
            all.any(|file| file.file.id == row.favourite.source && file.file.visibility.is_public())
        };
        let new = self.favourites.iter();
        let new = new.filter(|row| !self.learned.contains(&row.seq));
        new.map(move |row| {
            let event = Event {
                user: row.favourite.owner,
                content: row.blob,
                kind: Kind::Favourite,
                at: row.favourite.created_at,
            };
            let counts = row.favourite.owner != row.source_owner && is_public(row);
            (row.seq, counts.then_some(event))
        })
    }
}

use std::collections::HashMap;

use super::{Event, Heat, Interaction, Item};
use crate::files::BlobId;
use crate::users::UserId;

/// How far apart two contents may be in a user's order to be neighbours.
pub const WINDOW: i64 = 50;

/// Users from whom on a content has neighbours. A pair is shown only if as many stand behind it, so below
/// there is nothing to count; and most contents are one person's alone, for whom an event is two short rows
/// and no more.
const COUNTED_FROM: u64 = 3;

/// Items that are kept in memory before they are stored, which is some 10 MB: one has 24 bytes for each of its 400
/// neighbours. An event comes to 303 more at most, three users with 101 each.
const HELD: usize = 1_024;

/// The rows that learning changes, within a transaction of whoever implements it.
pub trait InteractionRows {
    /// Why they could not be read or written.
    type Error;

    /// What `user` did with `content`.
    ///
    /// # Errors
    /// As the adapter has them.
    fn find(&mut self, user: UserId, content: BlobId) -> Result<Option<Interaction>, Self::Error>;

    /// The greatest ordinal that `user` has given.
    ///
    /// # Errors
    /// As the adapter has them.
    fn last_ordinal(&mut self, user: UserId) -> Result<Option<i64>, Self::Error>;

    /// The interactions of `user` with ordinals from `first` to `last`, both included, in their order.
    ///
    /// # Errors
    /// As the adapter has them.
    fn between(
        &mut self,
        user: UserId,
        first: i64,
        last: i64,
    ) -> Result<Vec<Interaction>, Self::Error>;

    /// At most `limit` interactions with `content`, whoever's.
    ///
    /// # Errors
    /// As the adapter has them.
    fn with(
        &mut self,
        content: BlobId,
        limit: usize,
    ) -> Result<Vec<(UserId, Interaction)>, Self::Error>;

    /// Stores an interaction, in the place of the one of the same user and content.
    ///
    /// # Errors
    /// As the adapter has them.
    fn put(&mut self, user: UserId, interaction: &Interaction) -> Result<(), Self::Error>;

    /// Removes an interaction.
    ///
    /// # Errors
    /// As the adapter has them.
    fn remove(&mut self, user: UserId, interaction: &Interaction) -> Result<(), Self::Error>;

    /// What is counted about `content`.
    ///
    /// # Errors
    /// As the adapter has them.
    fn find_item(&mut self, content: BlobId) -> Result<Option<Item>, Self::Error>;

    /// Stores what is counted about `content`.
    ///
    /// # Errors
    /// As the adapter has them.
    fn put_item(&mut self, content: BlobId, item: &Item) -> Result<(), Self::Error>;

    /// Forgets what is counted about `content`.
    ///
    /// # Errors
    /// As the adapter has them.
    fn remove_item(&mut self, content: BlobId) -> Result<(), Self::Error>;
}

/// Takes events in and keeps the counters.
///
/// Two contents of a user are neighbours if their ordinals are at most [`WINDOW`] apart and each of them has
/// at least three users. Then this user counts 1 and weighs the product of both interactions' weights. So
/// the counters follow from the interactions alone, in whatever order these came to be, and every change
/// of an interaction changes them by the difference.
///
/// Items are kept in memory until [`finish`](Self::finish), because the events of one batch mostly have
/// their neighbours in common; but not more than about a thousand, whatever the batch.
pub struct Learning<'a, R: InteractionRows> {
    rows: &'a mut R,
    items: HashMap<BlobId, Held>,
}

struct Held {
    item: Item,
    is_changed: bool,
}

impl<'a, R: InteractionRows> Learning<'a, R> {
    /// Begins a batch over `rows`.
    pub fn new(rows: &'a mut R) -> Self {
        Self {
            rows,
            items: HashMap::new(),
        }
    }

    /// The rows, for what else is to be read in the same transaction.
    pub fn rows(&mut self) -> &mut R {
        self.rows
    }

    /// The heat of `content` as it is now.
    ///
    /// # Errors
    /// Those of the rows.
    pub fn heat(&mut self, content: BlobId) -> Result<Option<Heat>, R::Error> {
        Ok(self.held(content)?.item.heat)
    }

    /// Takes in an event. `false`: there was one of its kind by this user on that day, and nothing changes.
    ///
    /// # Errors
    /// Those of the rows.
    pub fn learn(&mut self, event: Event) -> Result<bool, R::Error> {
        let Event {
            user,
            content,
            kind,
            at,
        } = event;
        self.make_room()?;
        let known = self.rows.find(user, content)?;
        let mut interaction = match known {
            Some(known) => known,
            None => Interaction {
                content,
                ordinal: self.next_ordinal(user)?,
                first_at: at,
                days: super::Days::default(),
            },
        };
        let before = known.map_or(0, |known| known.halves());
        if !interaction.days.note(kind, at) {
            return Ok(false);
        }
        self.rows.put(user, &interaction)?;
        let is_first = known.is_none();
        let item = self.change(content)?;
        item.warm(Heat::of_event(kind.halves(), at));
        if is_first {
            item.users = item.users.saturating_add(1);
        }
        let users = item.users;
        if users < COUNTED_FROM {
            return Ok(true);
        }
        if is_first && users == COUNTED_FROM {
            // Its neighbours begin to count, those of the earlier users as well.
            let limit = usize::try_from(COUNTED_FROM).unwrap_or(usize::MAX);
            for (user, interaction) in self.rows.with(content, limit)? {
                self.pair(user, &interaction, 1, interaction.halves())?;
            }
            return Ok(true);
        }
        let more = interaction.halves().saturating_sub(before);
        if more > 0 {
            self.pair(user, &interaction, u64::from(is_first), more)?;
        }
        Ok(true)
    }

    /// Forgets a content that nobody has any more, about `most` rows at a time. `true`: nothing of it is left.
    /// What it counted is taken back from everything it was near to, interaction by interaction, because its own
    /// list of neighbours may have forgotten some.
    ///
    /// # Errors
    /// Those of the rows.
    pub fn forget(&mut self, content: BlobId, most: usize) -> Result<bool, R::Error> {
        self.make_room()?;
        let interactions = self.rows.with(content, most)?;
        let are_all = interactions.len() < most;
        let mut left = most;
        for (user, interaction) in interactions {
            if left == 0 {
                return Ok(false);
            }
            let near = self.unpair(user, &interaction)?;
            self.rows.remove(user, &interaction)?;
            left = left.saturating_sub(near.saturating_add(1));
        }
        // Not before: as long as it has interactions, these count and are counted with.
        if are_all {
            self.items.remove(&content);
            self.rows.remove_item(content)?;
        }
        Ok(are_all)
    }

    /// Stores what has changed.
    ///
    /// # Errors
    /// Those of the rows.
    pub fn finish(mut self) -> Result<(), R::Error> {
        self.store()
    }

    fn make_room(&mut self) -> Result<(), R::Error> {
        if self.items.len() < HELD {
            return Ok(());
        }
        self.store()
    }

    /// Stores what has changed and keeps nothing.
    fn store(&mut self) -> Result<(), R::Error> {
        let items = std::mem::take(&mut self.items).into_iter();
        let mut changed: Vec<_> = items.filter(|(_, held)| held.is_changed).collect();
        changed.sort_unstable_by_key(|(content, _)| *content);
        for (content, held) in changed {
            self.rows.put_item(content, &held.item)?;
        }
        Ok(())
    }

    fn next_ordinal(&mut self, user: UserId) -> Result<i64, R::Error> {
        let last = self.rows.last_ordinal(user)?;
        Ok(last.map_or(0, |last| last.saturating_add(1)))
    }

    /// Counts `interaction` of `user` with all that are near to it: `users` more, and `halves` more of its own
    /// weight.
    fn pair(
        &mut self,
        user: UserId,
        interaction: &Interaction,
        users: u64,
        halves: u64,
    ) -> Result<(), R::Error> {
        let content = interaction.content;
        for near in self.counted_near(user, interaction)? {
            let weight = halves.saturating_mul(near.halves());
            self.count(content, near.content, users, weight)?;
            self.count(near.content, content, users, weight)?;
        }
        Ok(())
    }

    /// Takes back what `interaction` of `user` counts for all that are near to it, and says how many.
    fn unpair(&mut self, user: UserId, interaction: &Interaction) -> Result<usize, R::Error> {
        let content = interaction.content;
        if self.held(content)?.item.users < COUNTED_FROM {
            return Ok(0);
        }
        let all = self.counted_near(user, interaction)?;
        for near in &all {
            let weight = interaction.halves().saturating_mul(near.halves());
            let item = self.change(near.content)?;
            item.mass = item.mass.saturating_sub(weight);
            item.neighbours.remove(content);
        }
        Ok(all.len())
    }

    /// The interactions near to one of `user` whose contents have enough users to count.
    fn counted_near(
        &mut self,
        user: UserId,
        interaction: &Interaction,
    ) -> Result<Vec<Interaction>, R::Error> {
        let first = interaction.ordinal.saturating_sub(WINDOW);
        let last = interaction.ordinal.saturating_add(WINDOW);
        let mut all = self.rows.between(user, first, last)?;
        all.retain(|near| near.content != interaction.content);
        let mut counted = Vec::with_capacity(all.len());
        for near in all {
            if self.held(near.content)?.item.users >= COUNTED_FROM {
                counted.push(near);
            }
        }
        Ok(counted)
    }

    fn count(
        &mut self,
        content: BlobId,
        neighbour: BlobId,
        users: u64,
        weight: u64,
    ) -> Result<(), R::Error> {
        let item = self.change(content)?;
        item.mass = item.mass.saturating_add(weight);
        item.neighbours.add(neighbour, users, weight);
        Ok(())
    }

    fn change(&mut self, content: BlobId) -> Result<&mut Item, R::Error> {
        let held = self.held(content)?;
        held.is_changed = true;
        Ok(&mut held.item)
    }

    fn held(&mut self, content: BlobId) -> Result<&mut Held, R::Error> {
        use std::collections::hash_map::Entry;
        match self.items.entry(content) {
            Entry::Occupied(held) => Ok(held.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(Held {
                item: self.rows.find_item(content)?.unwrap_or_default(),
                is_changed: false,
            })),
        }
    }
}

#[cfg(test)]
mod tests;

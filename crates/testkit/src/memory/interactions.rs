use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;

use kms_domain::files::BlobId;
use kms_domain::recommend::{Event, Interaction, InteractionRows, Item, Learning};
use kms_domain::users::UserId;

/// Interactions and counters in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryInteractions {
    interactions: BTreeMap<(UserId, i64), Interaction>,
    ordinals: BTreeMap<(BlobId, UserId), i64>,
    items: HashMap<BlobId, Item>,
}

impl MemoryInteractions {
    /// Learns `events` in one batch.
    pub fn learn(&mut self, events: &[Event]) {
        let mut learning = Learning::new(self);
        for event in events {
            let Ok(_) = learning.learn(*event);
        }
        let Ok(()) = learning.finish();
    }

    /// The interactions of `user`, the greatest ordinals first.
    #[must_use]
    pub fn newest_of(&self, user: UserId, limit: usize) -> Vec<Interaction> {
        let own = self.interactions.range((user, i64::MIN)..=(user, i64::MAX));
        own.rev().map(|(_, one)| *one).take(limit).collect()
    }

    /// What is counted about each content.
    #[must_use]
    pub const fn items(&self) -> &HashMap<BlobId, Item> {
        &self.items
    }

    /// All contents of which anything is known.
    #[must_use]
    pub fn contents(&self) -> BTreeSet<BlobId> {
        let interactions = self.ordinals.keys().map(|(content, _)| *content);
        interactions.chain(self.items.keys().copied()).collect()
    }
}

impl InteractionRows for MemoryInteractions {
    type Error = Infallible;

    fn find(&mut self, user: UserId, content: BlobId) -> Result<Option<Interaction>, Infallible> {
        let ordinal = self.ordinals.get(&(content, user));
        Ok(ordinal.map(|ordinal| self.interactions[&(user, *ordinal)]))
    }

    fn last_ordinal(&mut self, user: UserId) -> Result<Option<i64>, Infallible> {
        Ok(self.newest_of(user, 1).first().map(|one| one.ordinal))
    }

    fn between(
        &mut self,
        user: UserId,
        first: i64,
        last: i64,
    ) -> Result<Vec<Interaction>, Infallible> {
        let own = self.interactions.range((user, first)..=(user, last));
        Ok(own.map(|(_, one)| *one).collect())
    }

    fn with(
        &mut self,
        content: BlobId,
        limit: usize,
    ) -> Result<Vec<(UserId, Interaction)>, Infallible> {
        let lowest = UserId::from_uuid(uuid::Uuid::nil());
        let with = self.ordinals.range((content, lowest)..);
        Ok(with
            .take_while(|((of, _), _)| *of == content)
            .map(|((_, user), ordinal)| (*user, self.interactions[&(*user, *ordinal)]))
            .take(limit)
            .collect())
    }

    fn put(&mut self, user: UserId, interaction: &Interaction) -> Result<(), Infallible> {
        let ordinal = interaction.ordinal;
        self.ordinals.insert((interaction.content, user), ordinal);
        self.interactions.insert((user, ordinal), *interaction);
        Ok(())
    }

    fn remove(&mut self, user: UserId, interaction: &Interaction) -> Result<(), Infallible> {
        self.ordinals.remove(&(interaction.content, user));
        self.interactions.remove(&(user, interaction.ordinal));
        Ok(())
    }

    fn find_item(&mut self, content: BlobId) -> Result<Option<Item>, Infallible> {
        Ok(self.items.get(&content).cloned())
    }

    fn put_item(&mut self, content: BlobId, item: &Item) -> Result<(), Infallible> {
        self.items.insert(content, item.clone());
        Ok(())
    }

    fn remove_item(&mut self, content: BlobId) -> Result<(), Infallible> {
        self.items.remove(&content);
        Ok(())
    }
}

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use kms_domain::PortError;
use kms_domain::files::BlobId;
use kms_domain::recommend::{
    Event, FeedRepository, HotFile, HotPosition, Interaction, InteractionRepository, Item, Offer,
};
use kms_domain::users::UserId;

use super::FailNth;
use super::repositories::decorator;

decorator! {
    /// A [`FeedRepository`] whose calls (`feed.list_hot`, …) fail as planned.
    FaultyFeedRepository, FeedRepository
}

decorator! {
    /// An [`InteractionRepository`] whose calls (`interactions.learn`, …) fail as planned.
    FaultyInteractionRepository, InteractionRepository
}

impl FeedRepository for FaultyFeedRepository {
    fn list_interactions(&self, user: UserId, limit: usize) -> Result<Vec<Interaction>, PortError> {
        self.plan.run("feed.list_interactions", || {
            self.inner.list_interactions(user, limit)
        })
    }

    fn find_items(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, Item>, PortError> {
        self.plan
            .run("feed.find_items", || self.inner.find_items(contents))
    }

    fn find_masses(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, u64>, PortError> {
        self.plan
            .run("feed.find_masses", || self.inner.find_masses(contents))
    }

    fn list_offers(&self, asker: UserId, contents: &[BlobId]) -> Result<Vec<Offer>, PortError> {
        self.plan.run("feed.list_offers", || {
            self.inner.list_offers(asker, contents)
        })
    }

    fn list_hot(
        &self,
        asker: Option<UserId>,
        after: Option<HotPosition>,
        window: usize,
    ) -> Result<(Vec<HotFile>, Option<HotPosition>), PortError> {
        self.plan.run("feed.list_hot", || {
            self.inner.list_hot(asker, after, window)
        })
    }
}

impl InteractionRepository for FaultyInteractionRepository {
    fn is_behind(&self) -> Result<bool, PortError> {
        self.plan
            .run("interactions.is_behind", || self.inner.is_behind())
    }

    fn learn_next(&self, most: usize) -> Result<usize, PortError> {
        self.plan
            .run("interactions.learn_next", || self.inner.learn_next(most))
    }

    fn learn(&self, events: &[Event]) -> Result<(), PortError> {
        self.plan
            .run("interactions.learn", || self.inner.learn(events))
    }
}

use std::collections::HashSet;
use std::sync::Arc;

use super::{FeedRepository, HotPosition, Mix, PROFILE, Profile, REFINED};
use crate::PortError;
use crate::files::{BlobId, PublicFile};
use crate::users::Actor;

/// Contents looked up at once: most of a list, so that one look is mostly enough.
const LOOK: usize = 64;
/// Entries of the hot list looked at in one read. Many may be older entries over one content, so a page is
/// no measure of them.
const WINDOW: usize = 256;
/// Reads for one page; what is behind them comes with the next one. And for one list that they fill.
const WINDOWS: usize = 8;
/// Reads for a list that is not full before: so many that what the caller has, and older entries over what
/// others have, hide everything else only where they are more than 100,000.
const MOST_WINDOWS: usize = 400;

/// Why a list could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RecommendError {
    /// The database could not answer.
    #[error("the list could not be read")]
    Port(#[from] PortError),
}

/// What somebody may like, and what everybody likes.
#[derive(Clone)]
pub struct RecommendService {
    /// What lists are made of.
    pub feed: Arc<dyn FeedRepository>,
    /// Most files in one list, or on one page.
    pub limit: usize,
}

/// A page of the hot list.
#[derive(Clone, Debug, PartialEq)]
pub struct HotPage {
    /// The hottest first. May be shorter than the limit, and even empty, though there is a next page.
    pub files: Vec<PublicFile>,
    /// Behind which the next page begins. `None`: this is the last one.
    pub next: Option<HotPosition>,
}

impl RecommendService {
    /// Public files of others over content that the caller neither has an entry over nor a favourite, at
    /// most as many as configured: what stands near to what the caller cares about, then what is hot, which
    /// ends in what is new. Of any ten in a row at most three are one uploader's, as long as there are
    /// others.
    ///
    /// # Errors
    /// [`RecommendError`].
    pub fn for_user(&self, actor: &Actor) -> Result<Vec<PublicFile>, RecommendError> {
        let mut mix = Mix::new(self.limit);
        let mut shown = HashSet::new();
        for contents in self.near(actor)?.chunks(LOOK) {
            if mix.is_full() {
                break;
            }
            for offer in self.feed.list_offers(actor.user(), contents)? {
                shown.insert(offer.content);
                mix.offer(offer.file);
            }
        }
        let mut after = None;
        for round in 0..MOST_WINDOWS {
            if mix.is_full() || round >= WINDOWS && mix.has_enough() {
                break;
            }
            let (files, next) = self.feed.list_hot(Some(actor.user()), after, WINDOW)?;
            for hot in files {
                if !shown.contains(&hot.offer.content) {
                    mix.offer(hot.offer.file);
                }
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        Ok(mix.finish())
    }

    /// The contents that fit the caller, the best first.
    fn near(&self, actor: &Actor) -> Result<Vec<BlobId>, RecommendError> {
        let interactions = self.feed.list_interactions(actor.user(), PROFILE)?;
        let profile = Profile::new(&interactions);
        let contents: Vec<_> = profile.contents().collect();
        if contents.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.feed.find_items(&contents)?;
        let candidates = profile.candidates(&items);
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let masses = self.feed.find_masses(&candidates)?;
        let scores = profile.scores(&items, &masses);
        let best: Vec<_> = scores.iter().take(REFINED).map(|one| one.content).collect();
        let looked_at = self.feed.find_items(&best)?;
        let scores = profile.refined(scores, &items, &looked_at, &masses);
        Ok(scores.into_iter().map(|one| one.content).collect())
    }

    /// A page of the hot list, for whoever asks: public files, the hottest first, each content once.
    ///
    /// # Errors
    /// [`RecommendError`].
    pub fn hot(&self, after: Option<HotPosition>, limit: usize) -> Result<HotPage, RecommendError> {
        let limit = limit.min(self.limit);
        let mut page = HotPage {
            files: Vec::new(),
            next: after,
        };
        if limit == 0 {
            return Ok(page);
        }
        for _ in 0..WINDOWS {
            let (found, next) = self.feed.list_hot(None, page.next, WINDOW)?;
            for hot in found {
                page.files.push(hot.offer.file);
                if page.files.len() == limit {
                    // Whether there is more is what the next page will find out.
                    page.next = Some(hot.position);
                    return Ok(page);
                }
            }
            page.next = next;
            if next.is_none() {
                break;
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
pub(super) mod doubles {
    use uuid::Uuid;

    use super::*;
    use crate::Timestamp;
    use crate::files::{FileId, ListPosition, Title};
    use crate::users::{DisplayName, UserId};

    /// The file with this number.
    pub(in crate::recommend) fn public_file(n: u32, owner: u32) -> PublicFile {
        PublicFile {
            id: FileId::from_uuid(Uuid::from_u128(u128::from(n))),
            title: Title::parse("title").unwrap(),
            position: ListPosition {
                created_at: Timestamp::from_millis(i64::from(n)),
                seq: i64::from(n),
            },
            owner: UserId::from_uuid(Uuid::from_u128(u128::from(owner))),
            owner_name: DisplayName::parse("name").unwrap(),
        }
    }
}

#[cfg(test)]
mod tests;

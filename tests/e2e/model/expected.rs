//! What should be there.

use std::collections::{BTreeMap, BTreeSet};

use super::USERS;

/// An entry as it was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) owner: usize,
    pub(super) content: usize,
    pub(super) public: bool,
}

/// A favourite as it was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Favourite {
    pub(super) owner: usize,
    pub(super) source: String,
    pub(super) source_owner: usize,
    pub(super) content: usize,
}

/// What should be there.
#[derive(Default)]
pub(super) struct Model {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) trash: BTreeMap<String, Entry>,
    pub(super) favourites: BTreeMap<String, Favourite>,
    /// What was private when it was removed for good.
    pub(super) lost: BTreeSet<String>,
    pub(super) avatars: [Option<usize>; USERS],
    /// Every fid there has ever been, in order.
    pub(super) ever: Vec<String>,
}

impl Model {
    pub(super) fn stored(&mut self, fid: String, entry: Entry) {
        self.ever.push(fid.clone());
        assert!(
            self.entries.insert(fid, entry).is_none(),
            "a fid was given twice"
        );
    }

    /// What `user` may read under a fid.
    pub(super) fn readable(&self, user: usize, fid: &str) -> Option<usize> {
        if let Some(favourite) = self.favourites.get(fid) {
            let is_seen = favourite.owner == user && self.is_seen(favourite);
            return is_seen.then_some(favourite.content);
        }
        let entry = self.entries.get(fid)?;
        (entry.owner == user || entry.public).then_some(entry.content)
    }

    /// Whether the owner of a favourite may see it.
    pub(super) fn is_seen(&self, favourite: &Favourite) -> bool {
        let source = &favourite.source;
        let source = self.entries.get(source).or_else(|| self.trash.get(source));
        favourite.owner == favourite.source_owner
            || source.map_or(!self.lost.contains(&favourite.source), |it| it.public)
    }

    /// The favourite that `user` has of an entry, or that has this fid.
    pub(super) fn favourite_of(&self, user: usize, fid: &str) -> Option<String> {
        let mut all = self.favourites.iter();
        let found = all.find(|(own, favourite)| {
            favourite.owner == user
                && (*own == fid || favourite.source == fid)
                && self.is_seen(favourite)
        });
        found.map(|(own, _)| own.clone())
    }

    /// One that is withheld can be given up by its own fid.
    pub(super) fn favourite_to_give_up(&self, user: usize, fid: &str) -> Option<String> {
        let own = self.favourites.get(fid).filter(|it| it.owner == user);
        own.map(|_| fid.to_owned())
            .or_else(|| self.favourite_of(user, fid))
    }

    pub(super) fn is_own(&self, user: usize, fid: &str) -> bool {
        self.entries.get(fid).is_some_and(|it| it.owner == user)
    }

    pub(super) fn is_own_trash(&self, user: usize, fid: &str) -> bool {
        self.trash.get(fid).is_some_and(|it| it.owner == user)
    }

    /// Favourites that nobody can ever see again go before a collection.
    pub(super) fn forget_lost(&mut self) {
        let lost = &self.lost;
        self.favourites
            .retain(|_, it| it.owner == it.source_owner || !lost.contains(&it.source));
    }

    /// How many contents something refers to.
    pub(super) fn contents(&self) -> usize {
        let entries = self.entries.values().chain(self.trash.values());
        let entries = entries.map(|entry| entry.content);
        let favourites = self.favourites.values().map(|it| it.content);
        let entries = entries.chain(favourites);
        let avatars = self.avatars.iter().flatten().copied();
        entries.chain(avatars).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn may_claim(&self, user: usize, content: usize) -> bool {
        let mut entries = self.entries.values();
        entries.any(|entry| entry.content == content && (entry.owner == user || entry.public))
    }
}

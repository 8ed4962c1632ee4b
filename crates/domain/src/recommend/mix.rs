use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::files::PublicFile;
use crate::users::UserId;

/// Files in a row among which nobody has more than [`MOST_OF_ONE`].
const ROW: usize = 10;
/// See [`ROW`].
const MOST_OF_ONE: usize = 3;

/// Puts files into a list so that of any ten in a row at most three are one uploader's. One that would be the
/// fourth waits until its turn has come; only where nothing of anybody else is left, the rest follows.
#[derive(Debug)]
pub struct Mix {
    limit: usize,
    listed: Vec<PublicFile>,
    waiting: Waiting,
}

/// Files that wait, by their owners. At most three owners are not let in at a time, with three of the last nine
/// places each, so of all that wait only the first of each of a few owners is ever looked at.
#[derive(Debug, Default)]
struct Waiting {
    /// In the order of arrival, as their numbers say. None of the queues is empty.
    by_owner: HashMap<UserId, VecDeque<(usize, PublicFile)>>,
    count: usize,
    /// The number of the next one.
    next: usize,
}

impl Mix {
    /// An empty list for at most `limit` files.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            listed: Vec::new(),
            waiting: Waiting::default(),
        }
    }

    /// Whether nothing more can come in.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.listed.len() >= self.limit
    }

    /// Whether the list can be filled, be it with more than three of one uploader in ten.
    #[must_use]
    pub fn has_enough(&self) -> bool {
        self.listed.len().saturating_add(self.waiting.count) >= self.limit
    }

    /// Offers the next best file.
    pub fn offer(&mut self, file: PublicFile) {
        self.settle();
        if self.is_full() {
            return;
        }
        if self.fits(file.owner) {
            self.listed.push(file);
        } else if self.waiting.count < self.limit {
            self.waiting.push(file);
        }
    }

    /// The list.
    #[must_use]
    pub fn finish(mut self) -> Vec<PublicFile> {
        self.settle();
        let room = self.limit.saturating_sub(self.listed.len());
        self.listed.extend(self.waiting.all().take(room));
        self.listed
    }

    /// Lets in who has waited, the best first.
    fn settle(&mut self) {
        while !self.is_full()
            && let Some(owner) = self.waiting.first(|owner| self.fits(owner))
            && let Some(file) = self.waiting.pop(owner)
        {
            self.listed.push(file);
        }
    }

    fn fits(&self, owner: UserId) -> bool {
        let before = self.listed.iter().rev().take(ROW - 1);
        before.filter(|file| file.owner == owner).count() < MOST_OF_ONE
    }
}

impl Waiting {
    fn push(&mut self, file: PublicFile) {
        let of_owner = self.by_owner.entry(file.owner).or_default();
        of_owner.push_back((self.next, file));
        self.next = self.next.saturating_add(1);
        self.count = self.count.saturating_add(1);
    }

    /// Whose file has waited longest among those whose turn it is.
    fn first(&self, has_turn: impl Fn(UserId) -> bool) -> Option<UserId> {
        let firsts = self.by_owner.iter();
        let firsts = firsts.filter_map(|(owner, files)| Some((files.front()?.0, *owner)));
        let in_turn = firsts.filter(|(_, owner)| has_turn(*owner));
        in_turn.min_by_key(|(number, _)| *number).map(|it| it.1)
    }

    fn pop(&mut self, owner: UserId) -> Option<PublicFile> {
        let Entry::Occupied(mut files) = self.by_owner.entry(owner) else {
            return None;
        };
        let (_, file) = files.get_mut().pop_front()?;
        if files.get().is_empty() {
            files.remove();
        }
        self.count = self.count.saturating_sub(1);
        Some(file)
    }

    /// All that wait, in the order of arrival.
    fn all(self) -> impl Iterator<Item = PublicFile> {
        let mut all: Vec<_> = self.by_owner.into_values().flatten().collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, file)| file)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recommend::service::doubles::public_file;

    /// The list of files by their numbers, whose owner is the number modulo `owners`.
    fn mixed(limit: usize, files: &[(u32, u32)]) -> Vec<(u32, u32)> {
        let mut mix = Mix::new(limit);
        for (n, owner) in files {
            mix.offer(public_file(*n, *owner));
        }
        let list = mix.finish();
        let number = |file: &PublicFile| {
            *files
                .iter()
                .find(|(n, owner)| public_file(*n, *owner) == *file)
                .unwrap()
        };
        list.iter().map(number).collect()
    }

    #[test]
    fn of_ten_in_a_row_at_most_three_are_one_uploaders() {
        // The first uploader has the 20 best, six others have five each.
        let files: Vec<_> = (0..20)
            .map(|n| (n, 0))
            .chain((20..50).map(|n| (n, 1 + n % 6)))
            .collect();
        let list = mixed(30, &files);
        assert_eq!(list.len(), 30);
        for row in list.windows(ROW) {
            for owner in 0..7 {
                let of_one = row.iter().filter(|(_, whose)| *whose == owner).count();
                assert!(of_one <= MOST_OF_ONE, "{row:?}");
            }
        }
        // Whose turn has come is let in, the best first.
        assert_eq!(&list[..3], [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(list[10], (3, 0));
    }

    #[test]
    fn who_is_alone_is_shown_all_the_same_and_in_order() {
        let files: Vec<_> = (0..8).map(|n| (n, 0)).collect();
        assert_eq!(mixed(100, &files), files);
        assert_eq!(mixed(5, &files), files[..5]);
        assert!(mixed(0, &files).is_empty());
    }

    #[test]
    fn who_waits_does_not_get_in_front_of_a_place_that_others_can_fill() {
        let list = mixed(5, &[(0, 0), (1, 0), (2, 0), (3, 0), (4, 1), (5, 2)]);
        assert_eq!(list, [(0, 0), (1, 0), (2, 0), (4, 1), (5, 2)]);
    }

    /// The same without any thought of time: everything that waits is looked at each time.
    fn plainly(limit: usize, files: &[(u32, u32)]) -> Vec<(u32, u32)> {
        let (mut listed, mut waiting) = (Vec::new(), Vec::new());
        let fits = |listed: &[(u32, u32)], whose: u32| {
            let before = listed.iter().rev().take(9);
            before.filter(|(_, owner)| *owner == whose).count() < 3
        };
        let settle = |listed: &mut Vec<(u32, u32)>, waiting: &mut Vec<(u32, u32)>| {
            while listed.len() < limit
                && let Some(place) = waiting.iter().position(|(_, owner)| fits(listed, *owner))
            {
                listed.push(waiting.remove(place));
            }
        };
        for file in files {
            settle(&mut listed, &mut waiting);
            if listed.len() < limit {
                if fits(&listed, file.1) {
                    listed.push(*file);
                } else if waiting.len() < limit {
                    waiting.push(*file);
                }
            }
        }
        settle(&mut listed, &mut waiting);
        listed.extend(waiting);
        listed.truncate(limit);
        listed
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_looking_at_everything(
            limit in 0..60_usize,
            owners in proptest::collection::vec(prop_oneof![0..3_u32, 0..8_u32], 0..120)
        ) {
            let files: Vec<_> = (0..).zip(owners).collect();
            prop_assert_eq!(mixed(limit, &files), plainly(limit, &files));
        }
    }

    #[test]
    fn of_those_who_wait_no_more_are_looked_at_than_can_be_kept_out() {
        let mut mix = Mix::new(100_000);
        for n in 0..50_000 {
            // Four uploaders, the first with nearly everything.
            let owner = if n % 100 == 0 { n / 100 % 3 + 1 } else { 0 };
            mix.offer(public_file(n, owner));
            assert!(mix.waiting.by_owner.len() <= 4);
        }
        assert_eq!(mix.waiting.count + mix.listed.len(), 50_000);
        assert_eq!(mix.finish().len(), 50_000);
    }
}

use std::collections::VecDeque;

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
    waiting: VecDeque<PublicFile>,
}

impl Mix {
    /// An empty list for at most `limit` files.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            listed: Vec::new(),
            waiting: VecDeque::new(),
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
        self.listed.len().saturating_add(self.waiting.len()) >= self.limit
    }

    /// Offers the next best file.
    pub fn offer(&mut self, file: PublicFile) {
        self.settle();
        if self.is_full() {
            return;
        }
        if self.fits(file.owner) {
            self.listed.push(file);
        } else if self.waiting.len() < self.limit {
            self.waiting.push_back(file);
        }
    }

    /// The list.
    #[must_use]
    pub fn finish(mut self) -> Vec<PublicFile> {
        self.settle();
        let room = self.limit.saturating_sub(self.listed.len());
        self.listed.extend(self.waiting.into_iter().take(room));
        self.listed
    }

    /// Lets in who has waited, the best first.
    fn settle(&mut self) {
        while !self.is_full()
            && let Some(place) = self.waiting.iter().position(|file| self.fits(file.owner))
            && let Some(file) = self.waiting.remove(place)
        {
            self.listed.push(file);
        }
    }

    fn fits(&self, owner: UserId) -> bool {
        let before = self.listed.iter().rev().take(ROW - 1);
        before.filter(|file| file.owner == owner).count() < MOST_OF_ONE
    }
}

#[cfg(test)]
mod tests {
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
}

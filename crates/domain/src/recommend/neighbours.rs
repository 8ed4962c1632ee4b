use crate::files::BlobId;

/// Neighbours kept for one content. One more makes room: the weakest go until `KEPT` are left.
pub const MOST_NEIGHBOURS: usize = 400;
/// What is left then. Each time room is made, so many new ones come in before it is made again.
const KEPT: usize = 300;

/// A content that the same people care about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Which one.
    pub content: BlobId,
    /// How many people care about both.
    pub users: u64,
    /// How much: for each of them, the product of the weights of both, in quarters.
    pub weight: u64,
}

/// The neighbours of one content, in the order of their ids.
///
/// At most [`MOST_NEIGHBOURS`]. While there were never more, they are exactly what counting all
/// interactions anew would find. Of more, the weakest are forgotten: those with the fewest users, then the
/// least weight, then the oldest content. One that was forgotten and comes back begins anew, so no
/// neighbour ever counts more than it should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours(Vec<Neighbour>);

impl Neighbours {
    /// From what was stored. `None`: not in order, too many, or with one that nobody cares about.
    #[must_use]
    pub fn from_stored(stored: Vec<Neighbour>) -> Option<Self> {
        let in_order = stored.is_sorted_by(|a, b| a.content < b.content);
        let counted = stored.iter().all(|one| one.users > 0);
        (in_order && counted && stored.len() <= MOST_NEIGHBOURS).then_some(Self(stored))
    }

    /// All of them, in the order of their ids.
    #[must_use]
    pub fn as_slice(&self) -> &[Neighbour] {
        &self.0
    }

    /// Counts `users` more and `weight` more for `content`.
    pub fn add(&mut self, content: BlobId, users: u64, weight: u64) {
        match self.0.binary_search_by_key(&content, |one| one.content) {
            Ok(found) => {
                if let Some(one) = self.0.get_mut(found) {
                    one.users = one.users.saturating_add(users);
                    one.weight = one.weight.saturating_add(weight);
                }
            }
            Err(_) if users == 0 => {
                // More weight for one that was forgotten. It comes back with its next user.
            }
            Err(place) => {
                let one = Neighbour {
                    content,
                    users,
                    weight,
                };
                self.0.insert(place, one);
                if self.0.len() > MOST_NEIGHBOURS {
                    self.make_room();
                }
            }
        }
    }

    /// Takes one out, and says how much it weighed.
    pub fn remove(&mut self, content: BlobId) -> Option<Neighbour> {
        let found = self.0.binary_search_by_key(&content, |one| one.content);
        found.ok().map(|place| self.0.remove(place))
    }

    fn make_room(&mut self) {
        let strength = |one: &Neighbour| (one.users, one.weight, one.content);
        self.0
            .sort_unstable_by_key(|one| std::cmp::Reverse(strength(one)));
        self.0.truncate(KEPT);
        self.0.sort_unstable_by_key(|one| one.content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> BlobId {
        BlobId::from_i64(n as i64)
    }

    #[test]
    fn what_is_added_is_counted_in_the_order_of_ids() {
        let mut list = Neighbours::default();
        list.add(id(7), 1, 4);
        list.add(id(3), 1, 2);
        list.add(id(7), 0, 5);
        list.add(id(7), 1, 1);
        let seven = Neighbour {
            content: id(7),
            users: 2,
            weight: 10,
        };
        assert_eq!(list.as_slice().last(), Some(&seven));
        assert_eq!(list.as_slice().len(), 2);
        assert_eq!(list.remove(id(7)), Some(seven));
        assert_eq!(list.remove(id(7)), None);
        // Weight alone makes no neighbour.
        list.add(id(9), 0, 5);
        assert_eq!(list.as_slice().len(), 1);
    }

    #[test]
    fn the_weakest_make_room_and_never_more_than_that() {
        let mut list = Neighbours::default();
        for n in 0..MOST_NEIGHBOURS {
            list.add(id(n), 1, 1);
        }
        list.add(id(0), 1, 0);
        list.add(id(1), 0, 1);
        assert_eq!(list.as_slice().len(), MOST_NEIGHBOURS);
        list.add(id(1_000), 1, 1);
        assert_eq!(list.as_slice().len(), KEPT);
        // Kept: the strong ones, and of equally weak ones the contents that came last.
        let kept: Vec<_> = list.as_slice().iter().map(|one| one.content).collect();
        assert_eq!(&kept[..3], [id(0), id(1), id(MOST_NEIGHBOURS + 3 - KEPT)]);
        assert_eq!(kept.last(), Some(&id(1_000)));
        // One that comes back begins anew.
        list.add(id(5), 1, 3);
        let back = list.remove(id(5)).unwrap();
        assert_eq!((back.users, back.weight), (1, 3));
    }

    #[test]
    fn what_was_stored_wrongly_is_refused() {
        let one = |n| Neighbour {
            content: id(n),
            users: 1,
            weight: 1,
        };
        assert!(Neighbours::from_stored(vec![one(1), one(2)]).is_some());
        assert!(Neighbours::from_stored(vec![one(2), one(1)]).is_none());
        assert!(Neighbours::from_stored(vec![one(1), one(1)]).is_none());
        let nobody = Neighbour { users: 0, ..one(1) };
        assert!(Neighbours::from_stored(vec![nobody]).is_none());
        let full: Vec<_> = (0..MOST_NEIGHBOURS).map(one).collect();
        assert!(Neighbours::from_stored(full.clone()).is_some());
        let more = full.into_iter().chain([one(9_999)]).collect();
        assert!(Neighbours::from_stored(more).is_none());
    }
}

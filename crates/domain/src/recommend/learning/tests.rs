use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::Timestamp;
use crate::recommend::{Kind, MOST_NEIGHBOURS};

/// Rows in memory.
#[derive(Clone, Default)]
struct Rows {
    interactions: BTreeMap<(UserId, i64), Interaction>,
    items: HashMap<BlobId, Item>,
}

impl InteractionRows for Rows {
    type Error = Infallible;

    fn find(&mut self, user: UserId, content: BlobId) -> Result<Option<Interaction>, Infallible> {
        let own = self.interactions.range((user, i64::MIN)..=(user, i64::MAX));
        Ok(own.map(|(_, one)| *one).find(|one| one.content == content))
    }

    fn last_ordinal(&mut self, user: UserId) -> Result<Option<i64>, Infallible> {
        let own = self.interactions.range((user, i64::MIN)..=(user, i64::MAX));
        Ok(own.last().map(|((_, ordinal), _)| *ordinal))
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
        let all = self.interactions.iter();
        let with = all.filter(|(_, one)| one.content == content);
        Ok(with
            .map(|((user, _), one)| (*user, *one))
            .take(limit)
            .collect())
    }

    fn put(&mut self, user: UserId, interaction: &Interaction) -> Result<(), Infallible> {
        let key = (user, interaction.ordinal);
        self.interactions.insert(key, *interaction);
        Ok(())
    }

    fn remove(&mut self, user: UserId, interaction: &Interaction) -> Result<(), Infallible> {
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

/// The counters as the documentation of [`Learning`] has them, counted from the interactions alone.
fn recount(rows: &Rows) -> HashMap<BlobId, Item> {
    let mut items: HashMap<BlobId, Item> = HashMap::new();
    for one in rows.interactions.values() {
        items.entry(one.content).or_default().users += 1;
    }
    let users: HashMap<_, _> = items.iter().map(|(id, item)| (*id, item.users)).collect();
    for ((user, ordinal), one) in &rows.interactions {
        for ((other_user, other_ordinal), other) in &rows.interactions {
            let near = user == other_user
                && ordinal != other_ordinal
                && ordinal.abs_diff(*other_ordinal) <= 50;
            if near && users[&one.content] >= 3 && users[&other.content] >= 3 {
                let item = items.get_mut(&one.content).unwrap();
                let weight = one.halves() * other.halves();
                item.mass += weight;
                item.neighbours.add(other.content, 1, weight);
            }
        }
    }
    items
}

/// What was learned, without heat, which is no sum of integers.
fn counted(rows: &Rows) -> HashMap<BlobId, Item> {
    let cold = |item: &Item| Item {
        heat: None,
        ..item.clone()
    };
    rows.items
        .iter()
        .map(|(id, item)| (*id, cold(item)))
        .collect()
}

fn event(user: u128, content: i64, kind: usize, day: i64) -> Event {
    Event {
        user: UserId::from_uuid(Uuid::from_u128(user)),
        content: BlobId::from_i64(content),
        kind: Kind::ALL[kind],
        at: Timestamp::from_millis(day * 86_400_000 + 5),
    }
}

fn learn(rows: &mut Rows, events: &[Event]) -> Vec<bool> {
    let mut learning = Learning::new(rows);
    let Ok(learned) = events.iter().map(|one| learning.learn(*one)).collect();
    let Ok(()) = learning.finish();
    learned
}

fn forget(rows: &mut Rows, content: i64, most: usize) -> bool {
    let mut learning = Learning::new(rows);
    let Ok(is_done) = learning.forget(BlobId::from_i64(content), most);
    let Ok(()) = learning.finish();
    is_done
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Few users and contents, so that everything happens to everything; batches of any size; contents are
    /// forgotten in between, step by step, while other things happen.
    #[test]
    fn counters_are_what_counting_anew_finds(
        batches in vec((vec((0..6_u128, 0..12_i64, 0..3_usize, 0..4_i64), 0..40), 0..12_i64), 1..6)
    ) {
        let mut rows = Rows::default();
        for (batch, forgotten) in batches {
            let events: Vec<_> = batch.iter().map(|(u, c, k, d)| event(*u, *c, *k, *d)).collect();
            learn(&mut rows, &events);
            prop_assert_eq!(counted(&rows), recount(&rows));
            let others: Vec<_> = batch
                .iter()
                .filter(|(_, content, ..)| *content != forgotten)
                .map(|(user, content, kind, day)| event(5 - user, *content, *kind, day + 1))
                .collect();
            let mut others = others.chunks(3);
            while !forget(&mut rows, forgotten, 3) {
                learn(&mut rows, others.next().unwrap_or_default());
            }
            prop_assert_eq!(counted(&rows), recount(&rows));
        }
    }

    /// Orders that are longer than the window.
    #[test]
    fn what_is_further_apart_than_the_window_is_no_neighbour(
        orders in vec((any::<u64>(), 0..90_usize), 3..5)
    ) {
        let mut rows = Rows::default();
        for (user, (seed, length)) in orders.iter().enumerate() {
            let mut contents: Vec<i64> = (0..90).collect();
            contents.sort_by_key(|n| (*n as u64 + 1).wrapping_mul(seed | 1));
            let events: Vec<_> = contents
                .into_iter()
                .take(*length)
                .map(|content| event(user as u128, content, 0, 0))
                .collect();
            learn(&mut rows, &events);
        }
        prop_assert_eq!(counted(&rows), recount(&rows));
    }
}

#[test]
fn an_event_counts_once_a_day_and_a_kind_once_at_all() {
    let mut rows = Rows::default();
    let learned = learn(
        &mut rows,
        &[
            event(1, 1, 0, 0),
            event(1, 1, 0, 0),
            event(1, 1, 0, 1),
            event(1, 1, 2, 1),
        ],
    );
    assert_eq!(learned, [true, false, true, true]);
    let item = &rows.items[&BlobId::from_i64(1)];
    assert_eq!(item.users, 1);
    let halves: Vec<_> = rows
        .interactions
        .values()
        .map(Interaction::halves)
        .collect();
    assert_eq!(halves, [3]);
}

#[test]
fn a_large_batch_is_not_kept_in_memory_and_comes_to_the_same() {
    // 15 groups of three with 100 contents each, one group after the other.
    let events: Vec<_> = (0..45_u128)
        .flat_map(|user| {
            let own = (user / 3) as i64 * 100;
            (own..own + 100).map(move |content| event(user, content, 0, 0))
        })
        .collect();
    let (mut at_once, mut one_by_one) = (Rows::default(), Rows::default());
    let mut learning = Learning::new(&mut at_once);
    let mut most = 0;
    for one in &events {
        let Ok(_) = learning.learn(*one);
        most = most.max(learning.items.len());
    }
    let Ok(()) = learning.finish();
    assert!(most < HELD + 303, "{most} items");
    for group in events.chunks(300) {
        learn(&mut one_by_one, group);
    }
    assert_eq!(at_once.items.len(), 1_500);
    assert_eq!(at_once.items, one_by_one.items);
}

#[test]
fn two_users_make_no_neighbours_and_the_third_brings_in_the_first_two() {
    let mut rows = Rows::default();
    for user in 1..=2 {
        learn(&mut rows, &[event(user, 1, 0, 0), event(user, 2, 1, 0)]);
    }
    assert!(
        rows.items
            .values()
            .all(|item| item.neighbours.as_slice().is_empty())
    );
    learn(&mut rows, &[event(3, 1, 0, 0), event(3, 2, 1, 0)]);
    let item = &rows.items[&BlobId::from_i64(1)];
    let [neighbour] = item.neighbours.as_slice() else {
        panic!("{item:?}");
    };
    assert_eq!((neighbour.users, neighbour.weight), (3, 3 * 2 * 4));
    assert_eq!(item.mass, neighbour.weight);
}

/// Every pair that counts, as users and weight, however many there are of one content.
fn untrimmed(rows: &Rows) -> HashMap<(BlobId, BlobId), (u64, u64)> {
    let mut users: HashMap<BlobId, u64> = HashMap::new();
    for one in rows.interactions.values() {
        *users.entry(one.content).or_default() += 1;
    }
    let mut pairs: HashMap<_, (u64, u64)> = HashMap::new();
    for ((user, ordinal), one) in &rows.interactions {
        let near = (*user, ordinal - 50)..=(*user, ordinal + 50);
        for (_, other) in rows.interactions.range(near) {
            let is_pair = one.content != other.content;
            if is_pair && users[&one.content] >= 3 && users[&other.content] >= 3 {
                let pair = pairs.entry((one.content, other.content)).or_default();
                *pair = (pair.0 + 1, pair.1 + one.halves() * other.halves());
            }
        }
    }
    pairs
}

/// Six groups of three people. Each group has 100 contents of its own, and content 0 in their middle, which so
/// comes to 600 neighbours.
fn groups() -> Rows {
    let mut rows = Rows::default();
    for user in 0..18_u128 {
        let own = (user / 3) as i64 * 100;
        let order = (own + 1..=own + 50).chain([0]).chain(own + 51..=own + 100);
        let events: Vec<_> = order.map(|content| event(user, content, 0, 0)).collect();
        learn(&mut rows, &events);
    }
    rows
}

/// No mass is other than it should be, and no pair counts more. Answers how many pairs there are that count as
/// much as they should, and less, and not at all.
fn compare(rows: &Rows) -> (usize, usize, usize) {
    let mut pairs = untrimmed(rows);
    let all = pairs.len();
    let mut masses: HashMap<BlobId, u64> = HashMap::new();
    for ((content, _), (_, weight)) in &pairs {
        *masses.entry(*content).or_default() += weight;
    }
    let (mut equal, mut less) = (0, 0);
    for (content, item) in &rows.items {
        assert_eq!(
            item.mass,
            masses.remove(content).unwrap_or(0),
            "{content:?}"
        );
        assert!(item.neighbours.as_slice().len() <= MOST_NEIGHBOURS);
        for one in item.neighbours.as_slice() {
            let (users, weight) = pairs.remove(&(*content, one.content)).unwrap();
            assert!(one.users <= users && one.weight <= weight);
            if (one.users, one.weight) == (users, weight) {
                equal += 1;
            } else {
                less += 1;
            }
        }
    }
    assert!(masses.is_empty());
    (equal, less, all - equal - less)
}

#[test]
fn more_neighbours_than_are_kept_never_count_more_than_they_should() {
    let rows = groups();
    let middle = &rows.items[&BlobId::from_i64(0)];
    let pairs = untrimmed(&rows);
    let of_middle = pairs.keys().filter(|(content, _)| content.as_i64() == 0);
    assert_eq!(of_middle.count(), 600);
    let (equal, less, gone) = compare(&rows);
    // All others know content 0. It has forgotten some of them, and of some it has forgotten the beginning.
    assert_eq!(gone, 600 - middle.neighbours.as_slice().len());
    assert!(gone >= 200 && less > 0, "{equal} {less} {gone}");
    assert_eq!(equal + less + gone, pairs.len());
}

#[test]
fn what_is_forgotten_leaves_nothing_where_lists_were_too_long() {
    let mut rows = groups();
    // One that the middle has forgotten, the middle, and one that has forgotten nothing.
    let known = rows.items[&BlobId::from_i64(0)].neighbours.clone();
    let lost = (1..=600).find(|n| known.clone().remove(BlobId::from_i64(*n)).is_none());
    for content in [lost.unwrap(), 0, 600] {
        let mut steps = 0;
        while !forget(&mut rows, content, 7) {
            steps += 1;
            assert!(steps < 100, "it never ends");
        }
        let content = BlobId::from_i64(content);
        assert!(!rows.items.contains_key(&content));
        assert!(rows.interactions.values().all(|one| one.content != content));
        for item in rows.items.values() {
            assert_eq!(item.neighbours.clone().remove(content), None);
        }
        compare(&rows);
    }
    assert_eq!(counted(&rows), recount(&rows));
}

use std::collections::{HashMap, HashSet};

use super::float::of_u64;
use super::{Interaction, Item, Neighbour};
use crate::files::BlobId;

/// Interactions of a user that say what to recommend, the newest ones.
pub const PROFILE: usize = 200;

/// People who must stand behind a pair before it is shown: with fewer, one of them could tell what another
/// has.
pub const LEAST_USERS: u64 = 3;

/// Contents whose counters are looked up for one feed.
pub const CANDIDATES: usize = 4_000;

/// The neighbours of each content in the profile that count, the nearest ones.
const NEAREST: usize = 100;

/// Candidates that are looked at from their own side as well, the best ones.
pub const REFINED: usize = 300;

/// The neighbours of such a candidate among which a content of the profile must be.
const NEAREST_OF_CANDIDATE: usize = 50;

/// How much of its weight an interaction loses with each sitting after it.
const FADING: f64 = 0.95;

/// A pause that ends a sitting: half an hour.
const PAUSE_MILLIS: i64 = 30 * 60 * 1000;

/// Added to what a similarity is divided by, in quarters: a few shared users among contents with few
/// neighbours are no more than chance.
const DAMPING: f64 = 64.0;

/// What a user cares about.
///
/// An interaction counts by its weight and by `0.95^rank`, where the rank tells how recent it is. What belongs
/// to one sitting has one rank: who uploads a hundred photos in a minute cares about the first as much as
/// about the last, and their order is that of file names.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    weights: Vec<(BlobId, f64)>,
}

/// How well a content fits a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The content.
    pub content: BlobId,
    /// More is better; means nothing by itself.
    pub score: f64,
}

impl Profile {
    /// From interactions of one user, the newest first. Those behind the first [`PROFILE`] do not count.
    #[must_use]
    pub fn new(newest_first: &[Interaction]) -> Self {
        let mut fading = 1.0;
        let mut later = None;
        let mut weights = Vec::with_capacity(newest_first.len().min(PROFILE));
        for interaction in newest_first.iter().take(PROFILE) {
            let at = interaction.first_at.as_millis();
            if later.is_some_and(|later: i64| later.saturating_sub(at) > PAUSE_MILLIS) {
                fading *= FADING;
            }
            later = Some(at);
            let weight = of_u64(interaction.halves()) / 2.0;
            weights.push((interaction.content, weight * fading));
        }
        Self { weights }
    }

    /// The contents in it.
    pub fn contents(&self) -> impl Iterator<Item = BlobId> {
        self.weights.iter().map(|(content, _)| *content)
    }

    /// Neighbours of what is in it, the most promising ones, at most [`CANDIDATES`]: whose mass
    /// [`scores`](Self::scores) wants to know. `items` are those of the contents in the profile.
    #[must_use]
    pub fn candidates(&self, items: &HashMap<BlobId, Item>) -> Vec<BlobId> {
        let mut promise: HashMap<BlobId, f64> = HashMap::new();
        self.each(items, |weight, item, shown| {
            let norm = of_u64(item.mass).sqrt().max(1.0);
            for one in shown {
                *promise.entry(one.content).or_default() += weight * of_u64(one.weight) / norm;
            }
        });
        let mut best = in_order(promise);
        best.truncate(CANDIDATES);
        best.into_iter().map(|one| one.content).collect()
    }

    /// All candidates, the best first: the sum over the profile of weight times similarity, which is the
    /// cosine of two contents by their counters, damped:
    /// `weight(a, b) / (√(mass(a) · mass(b)) + damping)`. Of each content in the profile, its 100 most similar
    /// neighbours count.
    #[must_use]
    pub fn scores(
        &self,
        items: &HashMap<BlobId, Item>,
        masses: &HashMap<BlobId, u64>,
    ) -> Vec<Scored> {
        let roots: HashMap<BlobId, f64> = masses
            .iter()
            .map(|(content, mass)| (*content, of_u64(*mass).sqrt()))
            .collect();
        let mut scores: HashMap<BlobId, f64> = HashMap::new();
        let mut similar: Vec<(f64, BlobId)> = Vec::new();
        self.each(items, |weight, item, shown| {
            let own = of_u64(item.mass).sqrt();
            similar.clear();
            similar.extend(shown.filter_map(|one| {
                let other = roots.get(&one.content)?;
                Some((similarity(one, own, *other), one.content))
            }));
            similar.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
            for (similarity, content) in similar.iter().take(NEAREST) {
                *scores.entry(*content).or_default() += weight * similarity;
            }
        });
        in_order(scores)
    }

    /// Looks at the best [`REFINED`] of `scores` once more, from their own side: of the profile, only what is
    /// among the 50 nearest neighbours of a candidate speaks for it. That keeps back what is a little
    /// similar to everything. `candidates` are the items of these, `masses` those that
    /// [`scores`](Self::scores) was given; neighbours whose mass is not among them do not count.
    #[must_use]
    pub fn refined(
        &self,
        scores: Vec<Scored>,
        items: &HashMap<BlobId, Item>,
        candidates: &HashMap<BlobId, Item>,
        masses: &HashMap<BlobId, u64>,
    ) -> Vec<Scored> {
        let weights: HashMap<BlobId, f64> = self.weights.iter().copied().collect();
        let mass = |content: &BlobId| {
            let of_profile = items.get(content).map(|item| item.mass);
            masses.get(content).copied().or(of_profile)
        };
        let mut refined: HashMap<BlobId, f64> = HashMap::new();
        let mut similar: Vec<(f64, BlobId)> = Vec::new();
        for (content, item) in candidates {
            let own = of_u64(item.mass).sqrt();
            let shown = item.neighbours.as_slice().iter();
            similar.clear();
            similar.extend(
                shown
                    .filter(|one| one.users >= LEAST_USERS)
                    .filter_map(|one| {
                        let other = of_u64(mass(&one.content)?).sqrt();
                        Some((similarity(one, own, other), one.content))
                    }),
            );
            similar.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
            let nearest = similar.iter().take(NEAREST_OF_CANDIDATE);
            let score = nearest
                .filter_map(|(similarity, of)| Some(weights.get(of)? * similarity))
                .sum();
            refined.insert(*content, score);
        }
        let is_refined = |one: &Scored| refined.contains_key(&one.content);
        let rest: Vec<_> = scores.into_iter().filter(|one| !is_refined(one)).collect();
        let mut all = in_order(refined);
        all.extend(rest);
        all
    }

    /// Calls `look` for each content of the profile with those of its neighbours that may be shown.
    fn each<'a>(
        &self,
        items: &'a HashMap<BlobId, Item>,
        mut look: impl FnMut(f64, &Item, &mut dyn Iterator<Item = &'a Neighbour>),
    ) {
        let known: HashSet<BlobId> = self.contents().collect();
        for (content, weight) in &self.weights {
            if let Some(item) = items.get(content) {
                let mut shown = item
                    .neighbours
                    .as_slice()
                    .iter()
                    .filter(|one| one.users >= LEAST_USERS && !known.contains(&one.content));
                look(*weight, item, &mut shown);
            }
        }
    }
}

/// The damped cosine, from the roots of both masses.
fn similarity(pair: &Neighbour, own: f64, other: f64) -> f64 {
    of_u64(pair.weight) / (own * other + DAMPING)
}

/// The best first; of equally good ones the content that came last.
fn in_order(scores: HashMap<BlobId, f64>) -> Vec<Scored> {
    let mut all: Vec<_> = scores
        .into_iter()
        .map(|(content, score)| Scored { content, score })
        .collect();
    all.sort_unstable_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score.then(b.content.cmp(&a.content))
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::recommend::{Days, Kind};

    fn id(n: i64) -> BlobId {
        BlobId::from_i64(n)
    }

    fn interaction(content: i64, millis: i64, kinds: &[Kind]) -> Interaction {
        let at = Timestamp::from_millis(millis);
        let mut days = Days::default();
        for kind in kinds {
            days.note(*kind, at);
        }
        Interaction {
            content: id(content),
            ordinal: content,
            first_at: at,
            days,
        }
    }

    fn item(mass: u64, neighbours: &[(i64, u64, u64)]) -> Item {
        let mut item = Item {
            users: 9,
            mass,
            ..Item::default()
        };
        for (content, users, weight) in neighbours {
            item.neighbours.add(id(*content), *users, *weight);
        }
        item
    }

    fn scores(profile: &Profile, items: &HashMap<BlobId, Item>, mass: u64) -> Vec<(i64, f64)> {
        let masses = profile
            .candidates(items)
            .into_iter()
            .map(|content| (content, mass))
            .collect();
        let scored = profile.scores(items, &masses);
        scored
            .into_iter()
            .map(|one| (one.content.as_i64(), one.score))
            .collect()
    }

    #[test]
    fn a_sitting_has_one_rank_and_an_earlier_one_counts_less() {
        let own = [Kind::Own];
        let profile = Profile::new(&[
            interaction(4, 2 * PAUSE_MILLIS + 2, &own),
            interaction(3, PAUSE_MILLIS + 2, &own),
            interaction(2, 1, &[Kind::Own, Kind::Favourite]),
            interaction(1, 0, &[Kind::Download]),
        ]);
        let weights: Vec<_> = profile.weights.iter().map(|(_, weight)| *weight).collect();
        assert_eq!(weights, [1.0, 1.0, 3.0 * FADING, 0.5 * FADING]);
    }

    #[test]
    fn no_more_than_the_newest_interactions_count() {
        let many: Vec<_> = (0..300).map(|n| interaction(n, -n, &[Kind::Own])).collect();
        assert_eq!(Profile::new(&many).contents().count(), PROFILE);
    }

    #[test]
    fn a_pair_behind_which_two_people_stand_is_not_shown() {
        let profile = Profile::new(&[interaction(1, 0, &[Kind::Own])]);
        let items = HashMap::from([(id(1), item(100, &[(7, 2, 50), (8, 3, 1)]))]);
        let found = scores(&profile, &items, 100);
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [8]);
    }

    #[test]
    fn the_score_is_the_damped_cosine_and_adds_up() {
        let both = [
            interaction(2, 1, &[Kind::Own]),
            interaction(1, 0, &[Kind::Own]),
        ];
        let profile = Profile::new(&both);
        let items = HashMap::from([
            (id(1), item(100, &[(2, 5, 20), (7, 5, 20), (8, 5, 10)])),
            (id(2), item(400, &[(1, 5, 20), (8, 5, 30)])),
        ]);
        let found = scores(&profile, &items, 100);
        let seven = 20.0 / (100.0 + DAMPING);
        let eight = 10.0 / (100.0 + DAMPING) + 30.0 / (200.0 + DAMPING);
        // What is in the profile itself is not among them.
        let [(7, a), (8, b)] = found[..] else {
            let [(8, b), (7, a)] = found[..] else {
                panic!("{found:?}");
            };
            assert!((a - seven).abs() < 1e-12 && (b - eight).abs() < 1e-12);
            return;
        };
        panic!("7 has {a}, 8 has {b}");
    }

    #[test]
    fn a_candidate_with_fifty_nearer_neighbours_loses_what_is_far() {
        let profile = Profile::new(&[interaction(1, 0, &[Kind::Own])]);
        let items = HashMap::from([(id(1), item(100, &[(7, 3, 9), (8, 3, 5)]))]);
        // 7 is near to everything, and to 1 least of all; 8 to 1 alone.
        let mut crowd: Vec<_> = (100..150).map(|n| (n, 3, 10)).collect();
        crowd.push((1, 3, 9));
        let candidates = HashMap::from([
            (id(7), item(100, &crowd)),
            (id(8), item(100, &[(1, 3, 5), (100, 2, 900)])),
        ]);
        let masses: HashMap<_, _> = (2..150).map(|n| (id(n), 100)).collect();
        let scores = profile.scores(&items, &masses);
        assert_eq!(scores.first().map(|one| one.content), Some(id(7)));
        let refined = profile.refined(scores, &items, &candidates, &masses);
        let found: Vec<_> = refined.iter().map(|one| one.content).collect();
        assert_eq!(found, [id(8), id(7)]);
        assert_eq!(refined.last().map(|one| one.score), Some(0.0));
    }

    #[test]
    fn of_each_content_the_hundred_nearest_neighbours_count() {
        let profile = Profile::new(&[interaction(1_000, 0, &[Kind::Own])]);
        let many: Vec<_> = (1..=200_i64).map(|n| (n, 3, n.unsigned_abs())).collect();
        let items = HashMap::from([(id(1_000), item(100, &many))]);
        let found = scores(&profile, &items, 100);
        assert_eq!(found.len(), NEAREST);
        assert_eq!(found.first().unwrap().0, 200);
        assert_eq!(found.last().unwrap().0, 101);
    }
}

//! How good the recommended list is, measured on ratings: `cargo xtask eval-recommend` runs it.
//!
//! For each user, one rated item of chance is held out, and the others, in the order of their times, are what the
//! user has. All items that the user has not got are ranked, and counted is how often the held-out one is
//! among the first ten (HR@10), and how far in front (nDCG@10). The counters and the scores are the server's
//! own, [`kms_domain::recommend`]; beside them, in the same run, what everybody could do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a program for developers, which may stop at whatever is wrong with its input"
)]

use std::collections::{BTreeMap, HashMap, HashSet};

use kms_domain::Timestamp;
use kms_domain::files::BlobId;
use kms_domain::recommend::{Event, Kind, PROFILE, Profile, REFINED};
use kms_domain::users::UserId;
use kms_testkit::memory::MemoryInteractions;
use uuid::Uuid;

const SEEDS: u64 = 5;
const TOP: usize = 10;
/// Neighbours of a candidate that count in the item-kNN to compare with.
const NEIGHBOURS: usize = 20;

/// A user's items with their times in milliseconds, the oldest first.
type History = Vec<(i64, i64)>;

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let ratings = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("usage: eval_recommend <ml-100k.inter>: {path:?}: {error}"));
    let users = histories(&ratings);
    let rankers: [(&str, Ranker); 5] = [
        ("KMS Server", server),
        (
            "the same, every rating a sitting of its own",
            without_sittings,
        ),
        ("popularity", popularity),
        ("raw co-occurrence", co_occurrence),
        ("item-kNN, cosine, k = 20", item_knn),
    ];
    let mut sums = [[0.0; 2]; 5];
    for seed in 0..SEEDS {
        let (train, held_out) = split(&users, seed);
        for ((_, ranker), sum) in rankers.iter().zip(&mut sums) {
            let [hits, gain] = measure(&ranker(&train), &train, &held_out);
            sum[0] += hits / SEEDS as f64;
            sum[1] += gain / SEEDS as f64;
        }
    }
    println!("{} users, {SEEDS} seeds, all items ranked", users.len());
    println!("\n| ranked by | HR@10 | nDCG@10 |\n|---|---|---|");
    for ((name, _), [hits, gain]) in rankers.iter().zip(sums) {
        println!("| {name} | {hits:.4} | {gain:.4} |");
    }
    let [hits, gain] = sums[0];
    if hits < 0.27 || gain < 0.155 {
        println!("\nbelow the target: HR@10 0.27, nDCG@10 0.155");
        std::process::exit(1);
    }
}

fn histories(ratings: &str) -> Vec<History> {
    let mut users: BTreeMap<u32, Vec<(i64, usize, i64)>> = BTreeMap::new();
    for (line, text) in ratings.lines().enumerate().skip(1) {
        let [user, item, _, seconds] = text.split('\t').collect::<Vec<_>>()[..] else {
            panic!("line {line} has not four columns");
        };
        let seconds: f64 = seconds.parse().unwrap();
        let rating = (seconds as i64 * 1000, line, item.parse().unwrap());
        users.entry(user.parse().unwrap()).or_default().push(rating);
    }
    let ordered = |mut all: Vec<(i64, usize, i64)>| {
        all.sort_unstable();
        all.into_iter().map(|(at, _, item)| (item, at)).collect()
    };
    users.into_values().map(ordered).collect()
}

fn split(users: &[History], seed: u64) -> (Vec<History>, Vec<i64>) {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let one_out = |history: &History| {
        let mut rest = history.clone();
        let (item, _) = rest.remove((next() % history.len() as u64) as usize);
        (rest, item)
    };
    users.iter().map(one_out).unzip()
}

/// Scores all items for one history; an item without a score is behind all others.
type Scores<'a> = Box<dyn Fn(&History) -> HashMap<i64, f64> + 'a>;
type Ranker = for<'a> fn(&'a [History]) -> Scores<'a>;

fn measure(scores: &Scores<'_>, train: &[History], held_out: &[i64]) -> [f64; 2] {
    let popular = counts(train);
    let (mut hits, mut gain) = (0.0, 0.0);
    for (history, wanted) in train.iter().zip(held_out) {
        let had: HashSet<i64> = history.iter().map(|(item, _)| *item).collect();
        let scores = scores(history);
        // Equally good ones by their popularity, so that nobody gains by the order of ids.
        let key = |item: i64| {
            let score = scores.get(&item).copied().unwrap_or_default();
            (score, popular.get(&item).copied().unwrap_or_default(), item)
        };
        let best = key(*wanted);
        let rivals = popular.keys().filter(|item| !had.contains(item));
        let rank = rivals
            .filter(|item| *item != wanted && key(**item) > best)
            .count();
        if rank < TOP {
            hits += 1.0;
            gain += 1.0 / (rank as f64 + 2.0).log2();
        }
    }
    [hits, gain].map(|sum| sum / train.len() as f64)
}

fn counts(train: &[History]) -> HashMap<i64, usize> {
    let mut counts = HashMap::new();
    for (item, _) in train.iter().flatten() {
        *counts.entry(*item).or_default() += 1;
    }
    counts
}

fn user(n: usize) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n as u128 + 1))
}

/// What the server does, from events to scores.
fn server(train: &[History]) -> Scores<'_> {
    with_gaps(train, 0)
}

/// The same if a pause lay between any two ratings of a user.
fn without_sittings(train: &[History]) -> Scores<'_> {
    with_gaps(train, 3_600_000)
}

fn with_gaps(train: &[History], gap: i64) -> Scores<'_> {
    let mut learned = MemoryInteractions::default();
    let spaced = move |history: &History| -> Vec<(BlobId, Timestamp)> {
        let event = |(n, (item, at)): (usize, &(i64, i64))| {
            let at = at + gap * n as i64;
            (BlobId::from_i64(*item), Timestamp::from_millis(at))
        };
        history.iter().enumerate().map(event).collect()
    };
    for (n, history) in train.iter().enumerate() {
        let events: Vec<_> = spaced(history)
            .into_iter()
            .map(|(content, at)| Event {
                user: user(n),
                content,
                kind: Kind::Own,
                at,
            })
            .collect();
        learned.learn(&events);
    }
    let by_begin: HashMap<&History, usize> =
        train.iter().enumerate().map(|(n, all)| (all, n)).collect();
    Box::new(move |history| {
        let profile = Profile::new(&learned.newest_of(user(by_begin[history]), PROFILE));
        let items = learned.items();
        let masses = profile
            .candidates(items)
            .into_iter()
            .filter_map(|content| Some((content, items.get(&content)?.mass)))
            .collect();
        let scores = profile.scores(items, &masses);
        let best = scores.iter().take(REFINED).map(|one| one.content);
        let looked_at = best
            .filter_map(|content| Some((content, items.get(&content)?.clone())))
            .collect();
        let scores = profile.refined(scores, items, &looked_at, &masses);
        scores
            .into_iter()
            .map(|one| (one.content.as_i64(), one.score))
            .collect()
    })
}

fn popularity(train: &[History]) -> Scores<'_> {
    let counts = counts(train);
    Box::new(move |_| counts.iter().map(|(item, n)| (*item, *n as f64)).collect())
}

/// How often two items were rated by the same user.
fn pairs(train: &[History]) -> HashMap<i64, HashMap<i64, f64>> {
    let mut pairs: HashMap<i64, HashMap<i64, f64>> = HashMap::new();
    for history in train {
        for (item, _) in history {
            let row = pairs.entry(*item).or_default();
            for (other, _) in history.iter().filter(|(other, _)| other != item) {
                *row.entry(*other).or_default() += 1.0;
            }
        }
    }
    pairs
}

fn co_occurrence(train: &[History]) -> Scores<'_> {
    let pairs = pairs(train);
    Box::new(move |history| sum(&pairs, history))
}

/// Each candidate by those of its 20 most similar items that the user has.
fn item_knn(train: &[History]) -> Scores<'_> {
    let counts = counts(train);
    let mut nearest: HashMap<i64, HashMap<i64, f64>> = HashMap::new();
    for (item, row) in pairs(train) {
        let cosine = |(other, n): (i64, f64)| {
            let norm = (counts[&item] as f64 * counts[&other] as f64).sqrt();
            (n / norm, other)
        };
        let mut similar: Vec<_> = row.into_iter().map(cosine).collect();
        similar.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (similarity, other) in similar.into_iter().take(NEIGHBOURS) {
            nearest.entry(other).or_default().insert(item, similarity);
        }
    }
    Box::new(move |history| sum(&nearest, history))
}

fn sum(rows: &HashMap<i64, HashMap<i64, f64>>, history: &History) -> HashMap<i64, f64> {
    let mut scores = HashMap::new();
    for (item, _) in history {
        for (other, value) in rows.get(item).into_iter().flatten() {
            *scores.entry(*other).or_default() += value;
        }
    }
    scores
}

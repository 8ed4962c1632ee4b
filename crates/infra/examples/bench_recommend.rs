//! How long learning an event and making a feed take, over 10^6 public files:
//! `cargo run --release -p kms-infra --example bench_recommend`. The number of files may be given.
//!
//! 20,000 people have 50 files each, of 200,000 contents, of which a few are everybody's and most are few
//! people's. Everything is learned by the server's own code first.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a program for developers, which measures time and may stop at whatever is wrong"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use kms_domain::recommend::{
    FeedRepository, InteractionRepository, Mix, PROFILE, Profile, REFINED,
};
use kms_infra::sqlite::{
    SqliteConfig, SqliteDatabase, SqliteFeedRepository, SqliteInteractionRepository,
};
use kms_testkit::builders::{NOON, user_id};

const EACH: u64 = 50;

fn main() {
    let files: u64 = std::env::args()
        .nth(1)
        .map_or(1_000_000, |n| n.parse().unwrap());
    let users = files / EACH;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kms.db");
    drop(SqliteDatabase::open(SqliteConfig::new(&path)).unwrap());
    seed(path.to_str().unwrap(), users, files / 5);
    let db = SqliteDatabase::open(SqliteConfig::new(&path)).unwrap();
    let interactions = SqliteInteractionRepository::new(&db);
    let begun = Instant::now();
    // All but the last, which are learned one by one.
    let mut left = files - 2_000;
    while left > 0 {
        let most = left.min(32) as usize;
        left -= interactions.learn_next(most).unwrap() as u64;
    }
    let rate = (files - 2_000) as f64 / begun.elapsed().as_secs_f64();
    let size = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    println!("{files} files, {users} users; learned {rate:.0}/s; the database has {size} MB");
    let events: Vec<_> = (0..2_000)
        .map(|_| time(|| assert_eq!(interactions.learn_next(1).unwrap(), 1)))
        .collect();
    tell("event, with its commit", events);
    let feed: Arc<dyn FeedRepository> = Arc::new(SqliteFeedRepository::new(&db));
    let feeds = (0..500)
        .map(|n| time(|| make_feed(&*feed, (n * 37 % users) as u32)))
        .collect();
    tell("feed of 100", feeds);
    let pages = (0..500).map(|_| time(|| drop(feed.list_hot(None, None, 256).unwrap())));
    tell("256 of the hot list", pages.collect());
}

/// What `RecommendService::for_user` does, for which nobody has signed in here.
fn make_feed(feed: &dyn FeedRepository, n: u32) {
    let user = user_id(n);
    let profile = Profile::new(&feed.list_interactions(user, PROFILE).unwrap());
    let contents: Vec<_> = profile.contents().collect();
    let items = feed.find_items(&contents).unwrap();
    let masses = feed.find_masses(&profile.candidates(&items)).unwrap();
    let scores = profile.scores(&items, &masses);
    let best: Vec<_> = scores.iter().take(REFINED).map(|one| one.content).collect();
    let looked_at = feed.find_items(&best).unwrap();
    let scores = profile.refined(scores, &items, &looked_at, &masses);
    let contents: Vec<_> = scores.iter().map(|one| one.content).collect();
    let mut mix = Mix::new(100);
    for some in contents.chunks(64) {
        if mix.is_full() {
            break;
        }
        for offer in feed.list_offers(user, some).unwrap() {
            mix.offer(offer.file);
        }
    }
    let mut after = None;
    for _ in 0..8 {
        if mix.is_full() {
            break;
        }
        let (hot, next) = feed.list_hot(Some(user), after, 256).unwrap();
        hot.into_iter().for_each(|hot| mix.offer(hot.offer.file));
        after = next;
    }
    assert!(!mix.finish().is_empty());
}

fn seed(path: &str, users: u64, contents: u64) {
    let mut conn = SqliteConnection::establish(path).unwrap();
    let count = |n: u64| {
        format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {n})")
    };
    let rows: Vec<String> = (0..users)
        .map(|n| {
            let id = user_id(n as u32).as_uuid().simple().to_string();
            format!("(x'{id}', '138{n:08}', 'user', 'x', 0)")
        })
        .collect();
    let into = "INSERT INTO users (id, phone, name, password_hash, created_at) VALUES";
    for some in rows.chunks(1_000) {
        conn.batch_execute(&format!("{into} {}", some.join(",")))
            .unwrap();
    }
    conn.batch_execute(&format!(
        "BEGIN IMMEDIATE; CREATE TEMP TABLE people AS \
         SELECT row_number() OVER (ORDER BY id) - 1 AS n, id FROM users; \
         CREATE UNIQUE INDEX temp.people_n ON people (n); \
         {} INSERT INTO blobs (sha256, size, store_key, created_at, md5) \
         SELECT randomblob(32), 1, hex(randomblob(32)), 0, randomblob(16) FROM n;",
        count(contents)
    ))
    .unwrap();
    // Everybody belongs to one of 100 circles with contents of its own; the square makes a few of these
    // common. A third of what somebody has is from anywhere.
    let circles = 100;
    conn.batch_execute(&format!(
        "{} INSERT INTO files (id, owner, title, md5, blob_id, public, created_at) \
         SELECT randomblob(16), p.id, 'a title of usual length', randomblob(16), \
         1 + CAST(CASE WHEN abs(random()) % 3 = 0 THEN abs(random()) % {contents} \
             ELSE (n.i % {users} % {circles}) * ({contents} / {circles}) + \
                 ({contents} / {circles} - 1) * ((abs(random()) % 10000) / 10000.0) * ((abs(random()) % 10000) / 10000.0) \
             END AS INTEGER), \
         1, {NOON} + n.i * 100 FROM n JOIN temp.people AS p ON p.n = n.i % {users}; COMMIT; ANALYZE;",
        count(users * EACH)
    ))
    .unwrap();
}

fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "{what}: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        at(50),
        at(95),
        at(99)
    );
}

//! Requests a second over loopback, beside actix-web answering a constant in the same run.
//!
//! `cargo xtask bench requests loaded upkeep` (or `cargo bench -p kms-api --bench http`) runs three
//! parts; named as arguments, only those. `requests` starts two servers as processes of their own: the
//! real `kms-server` on a temporary folder, and a constant answer on the same version of actix-web.
//! `loaded` compares a server on a data folder with a million files with one on an empty folder.
//! `upkeep` measures the commands that look after as many files. Rounds alternate between all rows, so
//! that a noisy machine disturbs each of them; the tables show medians and the spread.
//!
//! Environment: `KMS_BENCH_ROUNDS` (5), `KMS_BENCH_SECONDS` (2) a round, `KMS_BENCH_CONNECTIONS`
//! (64), `KMS_BENCH_UPKEEP_FILES` (1000000).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark is a program for its author: it stops at the first surprise"
)]

#[path = "http/baseline.rs"]
mod baseline;
#[path = "http/bodies.rs"]
mod bodies;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/kms.rs"]
mod kms;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/load.rs"]
mod load;
#[path = "http/loaded.rs"]
mod loaded;
#[path = "common/parts.rs"]
mod parts;
#[path = "http/requests.rs"]
mod requests;
#[path = "http/seed.rs"]
mod seed;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/server.rs"]
mod server;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/summary.rs"]
mod summary;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/table.rs"]
mod table;
#[path = "http/upkeep.rs"]
mod upkeep;

use std::time::Duration;

use load::{Case, Measured};
use parts::Part;
use table::{Contestant, Results};

/// How long, how often, and over how many connections.
struct Settings {
    rounds: usize,
    time: Duration,
    connections: usize,
}

impl Settings {
    /// Rounds of all `cases`, one after the other in each.
    fn alternate(&self, part: &str, cases: &[Case]) -> Vec<Results<Measured>> {
        let mut contestants: Vec<_> = cases
            .iter()
            .map(|case| {
                Contestant::new(case.name, |_| load::run(case, self.connections, self.time))
            })
            .collect();
        table::alternate(part, self.rounds, &mut contestants)
    }
}

const PARTS: [(&str, Part<Settings>); 3] = [
    ("requests", requests::run),
    ("loaded", loaded::run),
    ("upkeep", upkeep::run),
];

fn main() {
    if server::is_baseline_child() {
        baseline::serve();
        return;
    }
    let settings = Settings {
        rounds: server::setting("KMS_BENCH_ROUNDS", 5),
        time: Duration::from_secs(server::setting("KMS_BENCH_SECONDS", 2) as u64),
        connections: server::setting("KMS_BENCH_CONNECTIONS", 64),
    };
    assert!(settings.rounds > 0, "KMS_BENCH_ROUNDS must be 1 or more");
    parts::run(&settings, describe, &PARTS);
}

fn describe(settings: &Settings) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned());
    println!(
        "Load before the run {}; {} connections, medians of {} rounds of {} s; client and servers share the cores.",
        load.trim(),
        settings.connections,
        settings.rounds,
        settings.time.as_secs()
    );
}

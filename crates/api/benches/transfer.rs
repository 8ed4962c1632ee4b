//! Moving bytes over loopback: large uploads and downloads, memory, and small files, each beside
//! what bounds it or does the same job, measured in the same run.
//!
//! `cargo xtask bench-transfer` (or `cargo bench -p kms-api --bench transfer`) runs four parts,
//! `uploads`, `downloads`, `memory` and `small`; named as arguments, only those. `docs/BENCHMARKS.md`
//! says what is compared with what, and why. Every server is a process of its own on a temporary
//! folder. Rounds alternate between the contestants, and the first one is not counted.
//!
//! Environment: `KMS_BENCH_ROUNDS` (5), `KMS_BENCH_SIZE` (1GiB) of a large file,
//! `KMS_BENCH_SECONDS` (2) a round of small files, `TMPDIR` for all files.
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

#[path = "transfer/baseline.rs"]
mod baseline;
#[path = "transfer/client.rs"]
mod client;
#[path = "transfer/digests.rs"]
mod digests;
#[path = "transfer/downloads.rs"]
mod downloads;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/kms.rs"]
mod kms;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/load.rs"]
mod load;
#[path = "transfer/machine.rs"]
mod machine;
#[path = "transfer/memory.rs"]
mod memory;
#[path = "transfer/nginx.rs"]
mod nginx;
#[path = "common/parts.rs"]
mod parts;
#[path = "transfer/payload.rs"]
mod payload;
#[path = "transfer/requests.rs"]
mod requests;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/server.rs"]
mod server;
#[path = "transfer/settings.rs"]
mod settings;
#[path = "transfer/small.rs"]
mod small;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/summary.rs"]
mod summary;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/table.rs"]
mod table;
#[path = "transfer/uploads.rs"]
mod uploads;

use parts::Part;
use settings::Settings;

/// `small` leaves hundreds of thousands of files to be removed, which slows the file system down
/// for what comes after it: it is the last one.
const PARTS: [(&str, Part<Settings>); 4] = [
    ("downloads", downloads::run),
    ("uploads", uploads::run),
    ("memory", memory::run),
    ("small", small::run),
];

fn main() {
    if server::is_baseline_child() {
        baseline::serve();
        return;
    }
    parts::run(&Settings::read(), machine::describe, &PARTS);
}

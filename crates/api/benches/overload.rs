//! What becomes of a server that is asked for more than it can do, as ratios to itself unloaded.
//!
//! `cargo xtask overload` (or `cargo bench -p kms-api --bench overload`) runs two parts; named as arguments,
//! only those. `goodput` asks for twice and ten times what the server can do, at a fixed rate whatever
//! becomes of the answers, and counts what succeeds, how quickly the rest is refused, and how far memory
//! grows. `crowd` holds thousands of connections open that send their heads or bodies a byte at a time or
//! nothing at all, and measures what other clients notice, and when the last of them has been closed.
//!
//! The requests come from this process: one thread for `goodput`, two for `crowd`. It shares the cores
//! with the server, so a figure is the least that the server would do with the machine to itself.
//!
//! Environment: `KMS_BENCH_SECONDS` (10) a row.
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

#[path = "overload/cores.rs"]
mod cores;
#[path = "overload/crowd.rs"]
mod crowd;
#[path = "overload/goodput.rs"]
mod goodput;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/kms.rs"]
mod kms;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/load.rs"]
mod load;
#[path = "overload/open.rs"]
mod open;
#[path = "common/parts.rs"]
mod parts;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/server.rs"]
mod server;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/summary.rs"]
mod summary;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/table.rs"]
mod table;

use std::time::Duration;

use parts::Part;

/// How long each row is measured.
struct Settings {
    time: Duration,
}

const PARTS: [(&str, Part<Settings>); 2] = [("goodput", goodput::run), ("crowd", crowd::run)];

fn main() {
    let settings = Settings {
        time: Duration::from_secs(server::setting("KMS_BENCH_SECONDS", 10) as u64),
    };
    parts::run(&settings, describe, &PARTS);
}

fn describe(settings: &Settings) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "Load before the run {}; {cores} cores, shared by the server and the process that sends; {} s a row.",
        load.trim(),
        settings.time.as_secs()
    );
}

/// The most memory that a process has had at once, in MiB.
fn peak_memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<f64>().unwrap() / 1024.0
}

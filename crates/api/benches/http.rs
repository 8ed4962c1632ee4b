//! Requests a second over loopback, beside actix-web answering a constant in the same run.
//!
//! `cargo xtask bench` (or `cargo bench -p kms-api --bench http`) starts two servers as processes
//! of their own: the real `kms-server` on a temporary folder, and a constant answer on the same
//! version of actix-web. Rounds alternate between them, so that a noisy machine disturbs both; the
//! table shows medians, the spread, and each figure as a share of the constant's.
//!
//! Environment: `KMS_BENCH_ROUNDS` (5), `KMS_BENCH_SECONDS` (2) a round, `KMS_BENCH_CONNECTIONS`
//! (64).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a benchmark is a program for its author: it stops at the first surprise"
)]

#[path = "http/baseline.rs"]
mod baseline;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/kms.rs"]
mod kms;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/load.rs"]
mod load;
#[path = "http/requests.rs"]
mod requests;
#[allow(dead_code, reason = "each benchmark uses a part of what they share")]
#[path = "common/server.rs"]
mod server;

use std::time::Duration;

use kms::Kms;
use load::{Case, Measured};
use server::Server;

fn main() {
    if server::is_baseline_child() {
        baseline::serve();
        return;
    }
    let rounds = server::setting("KMS_BENCH_ROUNDS", 5);
    let seconds = server::setting("KMS_BENCH_SECONDS", 2);
    let connections = server::setting("KMS_BENCH_CONNECTIONS", 64);
    let baseline = Server::start(&mut server::baseline());
    let constant = baseline.address();
    let kms = Kms::start(&[]);
    let cases = [
        Case::new(
            "constant answer",
            constant,
            server::post(constant, "/", "{}"),
        ),
        Case::new("info", kms.address(), requests::info(&kms)),
        Case::new(
            "instant upload",
            kms.address(),
            requests::instant_upload(&kms),
        ),
        Case::new("login", kms.address(), requests::login(&kms)),
    ];
    let round = Duration::from_secs(seconds as u64);
    let mut results: Vec<Vec<Measured>> = cases.iter().map(|_| Vec::new()).collect();
    for number in 0..=rounds {
        for (case, results) in cases.iter().zip(&mut results) {
            let measured = load::run(case, connections, round);
            // The first round only warms up: the first touch of memory is several times slower.
            if number > 0 {
                results.push(measured);
            }
        }
    }
    print_table(&cases, &results, connections, rounds, seconds);
}

fn print_table(
    cases: &[Case],
    results: &[Vec<Measured>],
    connections: usize,
    rounds: usize,
    seconds: usize,
) {
    println!(
        "{connections} connections, medians of {rounds} rounds of {seconds} s; client and servers share the cores\n"
    );
    println!("| request | req/s | lowest to highest | p50 ms | p99 ms | of constant |");
    println!("|---|---|---|---|---|---|");
    let constant = median(&results[0], |m| m.per_second);
    for (case, results) in cases.iter().zip(results) {
        let per_second = median(results, |m| m.per_second);
        let lowest = results
            .iter()
            .map(|m| m.per_second)
            .fold(f64::MAX, f64::min);
        let highest = results.iter().map(|m| m.per_second).fold(0.0, f64::max);
        println!(
            "| {} | {per_second:.0} | {lowest:.0} to {highest:.0} | {:.2} | {:.2} | {:.4} |",
            case.name,
            median(results, |m| m.p50_millis),
            median(results, |m| m.p99_millis),
            per_second / constant,
        );
    }
}

fn median(results: &[Measured], of: impl Fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = results.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

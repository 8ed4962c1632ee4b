//! `cargo xtask bench`: the HTTP benchmark of kms-api.

use crate::{Failure, Outcome, process};

/// Runs the benchmark in release form; `args` are its own.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let root = process::root()?;
    let mut command = process::cargo(&root);
    command
        .args([
            "bench", "--locked", "-p", "kms-api", "--bench", "http", "--",
        ])
        .args(args);
    process::run(&mut command, "cargo bench -p kms-api --bench http").map(|()| Outcome::Done)
}

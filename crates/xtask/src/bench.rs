//! `cargo xtask bench` and `cargo xtask bench-transfer`: the benchmarks of kms-api.

use crate::{Failure, Outcome, process};

/// Requests a second, in release form; `args` are its own.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    bench("http", args)
}

/// Large and small files, in release form; `args` are its parts.
pub(crate) fn run_transfer(args: &[String]) -> Result<Outcome, Failure> {
    bench("transfer", args)
}

fn bench(name: &str, args: &[String]) -> Result<Outcome, Failure> {
    let root = process::root()?;
    let mut command = process::cargo(&root);
    command
        .args(["bench", "--locked", "-p", "kms-api", "--bench", name, "--"])
        .args(args);
    let shown = format!("cargo bench -p kms-api --bench {name}");
    process::run(&mut command, &shown).map(|()| Outcome::Done)
}

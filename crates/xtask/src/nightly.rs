//! `cargo xtask nightly [fuzz seconds]`: the long versions of all that has a short one in `ci`.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::{Failure, Outcome, fuzz, powercut, process};

const FUZZ_SECONDS: &str = "600";
const POWER_CUTS: &str = "300";
const KILLS: &str = "500";

/// Runs all of it, whatever fails, and ends with what passed, failed and was skipped.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let seconds = match args {
        [] => FUZZ_SECONDS,
        [seconds] if seconds.parse::<u32>().is_ok() => seconds.as_str(),
        _ => {
            let what = "takes the seconds for each fuzz target";
            return Err(Failure::Usage(what.to_owned()));
        }
    };
    let root = process::root()?;
    let mut report = String::new();
    let mut failed = Vec::new();
    for name in ["kills", "system calls", "power cuts", "fuzz"] {
        println!("\n=== nightly: {name}");
        let start = Instant::now();
        let ended = match name {
            "kills" => rig(&root, "crash::kills::", ("KMS_KILL_CYCLES", KILLS)),
            "system calls" => system_calls(&root),
            "power cuts" => powercut::run(&[POWER_CUTS.to_owned()]),
            _ => fuzz_targets(&root, seconds),
        };
        let result = match ended {
            Ok(Outcome::Done) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("SKIPPED: {why}"),
            Err(Failure::Failed(why) | Failure::Usage(why)) => {
                failed.push(name);
                format!("FAILED: {why}")
            }
        };
        let took = start.elapsed().as_secs();
        report.push_str(&format!("{name:<14}{took:>6} s  {result}\n"));
    }
    println!("\n{report}");
    if failed.is_empty() {
        return Ok(Outcome::Done);
    }
    Err(Failure::Failed(format!("FAILED: {}", failed.join(", "))))
}

fn system_calls(root: &Path) -> Result<Outcome, Failure> {
    if !is_there(root, "strace", "--version") {
        return Ok(Outcome::Skipped("there is no strace".to_owned()));
    }
    // 0 is all of them.
    rig(root, "crash::syscalls::", ("KMS_SYSCALL_POINTS", "0"))
}

fn fuzz_targets(root: &Path, seconds: &str) -> Result<Outcome, Failure> {
    let mut nightly = process::program("rustc", root);
    nightly.arg("--version").env("RUSTUP_TOOLCHAIN", "nightly");
    let is_nightly = nightly
        .output()
        .is_ok_and(|output| output.status.success() && contains(&output.stdout, b"nightly"));
    if !is_nightly {
        return Ok(Outcome::Skipped("there is no nightly toolchain".to_owned()));
    }
    fuzz::run(&[seconds.to_owned()])
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

fn is_there(root: &Path, program: &str, question: &str) -> bool {
    let mut command = process::program(program, root);
    command.arg(question).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn rig(root: &Path, tests: &str, (name, value): (&str, &str)) -> Result<Outcome, Failure> {
    let mut command = process::cargo(root);
    command
        .args(["test", "--locked", "-p", "kms-api", "--test", "e2e", "--"])
        .args(["--nocapture", tests])
        .env(name, value);
    process::run(&mut command, tests).map(|()| Outcome::Done)
}

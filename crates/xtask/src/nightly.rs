//! `cargo xtask nightly [fuzz seconds]`: the long versions of all that has a short one in `ci`.

use std::path::Path;
use std::time::Instant;

use crate::{Failure, Outcome, fuzz, powercut, process};

const FUZZ_SECONDS: &str = "600";
const POWER_CUTS: &str = "300";
const KILLS: &str = "500";
const FAULTS: &str = "100";

const MODELS: &str = "200";
const BACKUPS: &str = "100";
const SCHEDULES: &str = "1000000";
const PAUSES_SECONDS: &str = "600";

const RUNS: [&str; 12] = [
    "kills",
    "system calls",
    "starts",
    "restores",
    "loaded",
    "models",
    "backups",
    "schedules",
    "pauses",
    "postgresql",
    "power cuts",
    "fuzz",
];

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
    for name in RUNS {
        println!("\n=== nightly: {name}");
        let start = Instant::now();
        let ended = match name {
            "kills" => rig(&root, "crash::kills::", ("KMS_KILL_CYCLES", KILLS)),
            // 0 is all of them.
            "system calls" => traced(&root, "crash::syscalls::", ("KMS_SYSCALL_POINTS", "0")),
            "starts" => traced(&root, "crash::starts::", ("KMS_SYSCALL_POINTS", "0")),
            "restores" => traced(&root, "crash::restores::", ("KMS_SYSCALL_POINTS", "0")),
            "loaded" => traced(&root, "crash::loaded::", ("KMS_LOADED_FAULTS", FAULTS)),
            "models" => rig(&root, "model::", ("KMS_MODEL_CASES", MODELS)),
            "backups" => rig(&root, "backup::", ("E2E_BACKUPS", BACKUPS)),
            "schedules" => schedules(&root),
            "pauses" => pauses(&root),
            "postgresql" => pgrace(),
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

fn traced(root: &Path, tests: &str, chosen: (&str, &str)) -> Result<Outcome, Failure> {
    let mut tried = process::program("strace", root);
    tried.args(["-o", "/dev/null", "true"]);
    let can_trace = tried.status().is_ok_and(|status| status.success());
    if !can_trace {
        let why = "strace is not there, or may not trace";
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    rig(root, tests, chosen)
}

fn schedules(root: &Path) -> Result<Outcome, Failure> {
    let mut command = process::cargo(root);
    command
        .args(["test", "--locked", "--release", "-p", "kms-testkit"])
        .args(["--test", "schedules"])
        .env("KMS_SCHEDULES", SCHEDULES);
    process::run(&mut command, "schedules").map(|()| Outcome::Done)
}

fn pauses(root: &Path) -> Result<Outcome, Failure> {
    let mut command = process::cargo(root);
    command
        .args(["test", "--locked", "--release", "-p", "kms-infra"])
        .args(["--test", "pauses", "--", "--nocapture"])
        .env("KMS_PAUSES_SECONDS", PAUSES_SECONDS);
    process::run(&mut command, "pauses").map(|()| Outcome::Done)
}

#[cfg(unix)]
fn pgrace() -> Result<Outcome, Failure> {
    crate::pgrace::run(&[])
}

#[cfg(not(unix))]
fn pgrace() -> Result<Outcome, Failure> {
    Ok(Outcome::Skipped("this is no Unix".to_owned()))
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

fn rig(root: &Path, tests: &str, (name, value): (&str, &str)) -> Result<Outcome, Failure> {
    let mut command = process::cargo(root);
    command
        .args(["test", "--locked", "-p", "kms-api", "--test", "e2e", "--"])
        .args(["--nocapture", tests])
        .env(name, value);
    process::run(&mut command, tests).map(|()| Outcome::Done)
}

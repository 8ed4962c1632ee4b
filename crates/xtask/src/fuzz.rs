//! `cargo xtask fuzz [seconds]`: every fuzz target in turn, for so long each, on the stored corpus.

use std::path::{Path, PathBuf};

use crate::{Failure, Outcome, process};

const TARGETS: [&str; 7] = [
    "json",
    "form",
    "multipart",
    "base64",
    "range",
    "headers",
    "request",
];
const DEFAULT_SECONDS: u32 = 60;
/// Longest input: longer ones find nothing new in parsers that keep a few kilobytes.
const MAX_INPUT: u32 = 16 * 1024;

/// Installs cargo-fuzz into `target/tools` if it is missing, then runs the targets. Needs a nightly toolchain.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let seconds = seconds(args)?;
    let root = process::root()?;
    let tool = install(&root)?;
    for target in TARGETS {
        // New inputs are kept in target/, so that the stored corpus grows only on purpose.
        let found = root.join("target/fuzz-corpus").join(target);
        std::fs::create_dir_all(&found).map_err(|error| {
            Failure::Failed(format!("cannot make {}: {error}", found.display()))
        })?;
        let mut command = process::program(&tool, &root);
        command
            .env("RUSTUP_TOOLCHAIN", "nightly")
            // actix-router keeps the names in a path's pattern for ever, some bytes for each application made.
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .args(["fuzz", "run", "--fuzz-dir", "fuzz", target])
            .arg(&found)
            .arg(root.join("fuzz/corpus").join(target))
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={MAX_INPUT}"))
            .arg("-print_final_stats=1");
        process::run(&mut command, &format!("cargo fuzz run {target}"))?;
    }
    Ok(Outcome::Done)
}

fn seconds(args: &[String]) -> Result<u32, Failure> {
    match args {
        [] => Ok(DEFAULT_SECONDS),
        [seconds] => seconds
            .parse()
            .map_err(|_| Failure::Usage(format!("`{seconds}` is no number of seconds"))),
        _ => Err(Failure::Usage(
            "takes the seconds for each target".to_owned(),
        )),
    }
}

fn install(root: &Path) -> Result<PathBuf, Failure> {
    let folder = root.join("target/tools");
    let tool = folder
        .join("bin")
        .join(format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX));
    if !tool.is_file() {
        println!("fuzz: installing cargo-fuzz into target/tools");
        let mut command = process::cargo(root);
        command
            .args(["install", "cargo-fuzz", "--locked", "--version", "0.13.2"])
            .arg("--root")
            .arg(&folder);
        process::run(&mut command, "cargo install cargo-fuzz")?;
    }
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_are_a_number_or_the_default() {
        assert_eq!(seconds(&[]), Ok(DEFAULT_SECONDS));
        assert_eq!(seconds(&["600".to_owned()]), Ok(600));
        assert!(matches!(
            seconds(&["long".to_owned()]),
            Err(Failure::Usage(_))
        ));
        assert!(seconds(&["1".to_owned(), "2".to_owned()]).is_err());
    }
}

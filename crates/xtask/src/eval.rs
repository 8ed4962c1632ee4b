//! `cargo xtask eval-recommend`: how good the recommended list is, on ratings of films.
//!
//! The ratings are MovieLens 100k, which may be used for research and must not be given on, so they are fetched as
//! the PyPI package `recbole` ships them, into `target/`, and never stand in the repository.

use std::path::Path;

use crate::process;
use crate::{Failure, Outcome};

const PACKAGE: &str = "recbole==1.2.1";
const WHEEL: &str = "recbole-1.2.1-py3-none-any.whl";
const RATINGS: &str = "recbole/dataset_example/ml-100k/ml-100k.inter";

pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    if let Some(unknown) = args.first() {
        return Err(Failure::Usage(format!("there is no argument `{unknown}`")));
    }
    let root = process::root()?;
    let folder = root.join("target/eval-recommend");
    let ratings = folder.join(RATINGS);
    if !ratings.is_file() {
        if !has_python(&root) {
            let why = "python3 with pip is not here, which fetches the ratings";
            return Ok(Outcome::Skipped(why.to_owned()));
        }
        let target = folder.display().to_string();
        python(
            &root,
            &["pip", "download", "--no-deps", "--dest", &target, PACKAGE],
        )?;
        let wheel = folder.join(WHEEL).display().to_string();
        python(&root, &["zipfile", "-e", &wheel, &target])?;
    }
    let mut command = process::cargo(&root);
    command
        .args(["run", "--release", "--locked", "-q", "-p", "kms-testkit"])
        .args(["--example", "eval_recommend", "--"])
        .arg(&ratings);
    process::run(&mut command, "cargo run --example eval_recommend")?;
    Ok(Outcome::Done)
}

fn has_python(root: &Path) -> bool {
    let mut command = process::program("python3", root);
    command.args(["-m", "pip", "--version"]);
    command.output().is_ok_and(|output| output.status.success())
}

fn python(root: &Path, args: &[&str]) -> Result<(), Failure> {
    let mut command = process::program("python3", root);
    command.arg("-m").args(args);
    process::run(&mut command, &format!("python3 -m {}", args.join(" ")))
}

//! `cargo xtask bench` and `cargo xtask bench-transfer`: the benchmarks of kms-api.

use std::fs;
use std::path::Path;

use crate::{Failure, Outcome, process};

/// A benchmark of kms-api and its parts, in the order in which they run.
struct Bench {
    name: &'static str,
    parts: &'static [&'static str],
}

const BENCHES: [Bench; 2] = [
    Bench {
        name: "http",
        parts: &["requests", "loaded", "upkeep"],
    },
    TRANSFER,
];

const TRANSFER: Bench = Bench {
    name: "transfer",
    parts: &["downloads", "uploads", "memory", "small"],
};

const OVERLOAD: Bench = Bench {
    name: "overload",
    parts: &["goodput", "crowd"],
};

/// Where the benchmarks put the rows of the summary.
const SUMMARY: &str = "target/bench-summary.md";
const SUMMARY_HEAD: &str = "
### Summary

| what | value | compared with | ratio | target |  |
|---|---|---|---|---|---|";

/// Everything, in release form, or the parts that `args` name.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    run_parts(&BENCHES, args)
}

/// Large and small files alone, likewise.
pub(crate) fn run_transfer(args: &[String]) -> Result<Outcome, Failure> {
    run_parts(&[TRANSFER], args)
}

/// More than the server can do.
pub(crate) fn run_overload(args: &[String]) -> Result<Outcome, Failure> {
    run_parts(&[OVERLOAD], args)
}

fn run_parts(benches: &[Bench], args: &[String]) -> Result<Outcome, Failure> {
    let plan = plan(benches, args)?;
    let root = process::root()?;
    let rows = root.join(SUMMARY);
    // Rows of an earlier run would be taken for this one's; where there are none, nothing is lost.
    let _ = fs::remove_file(&rows);
    let result = plan
        .iter()
        .try_for_each(|(name, parts)| bench(&root, &rows, name, parts));
    // What was measured before a failure counts as well.
    if let Ok(rows) = fs::read_to_string(&rows) {
        println!("{SUMMARY_HEAD}\n{rows}");
    }
    result.map(|()| Outcome::Done)
}

/// Which benchmarks to run, and which parts of each.
fn plan<'a>(
    benches: &'a [Bench],
    args: &[String],
) -> Result<Vec<(&'a str, Vec<&'a str>)>, Failure> {
    let known: Vec<&str> = benches
        .iter()
        .flat_map(|bench| bench.parts)
        .copied()
        .collect();
    if let Some(unknown) = args.iter().find(|arg| !known.contains(&arg.as_str())) {
        return Err(Failure::Usage(format!(
            "there is no part `{unknown}`; there are {}",
            known.join(", ")
        )));
    }
    let wanted = |part: &&str| args.is_empty() || args.iter().any(|arg| arg == part);
    let parts = |bench: &'a Bench| bench.parts.iter().copied().filter(wanted).collect();
    let plan = benches.iter().map(|bench| (bench.name, parts(bench)));
    Ok(plan
        .filter(|(_, parts): &(_, Vec<&str>)| !parts.is_empty())
        .collect())
}

fn bench(root: &Path, rows: &Path, name: &str, parts: &[&str]) -> Result<(), Failure> {
    let mut command = process::cargo(root);
    command
        .args(["bench", "--locked", "-p", "kms-api", "--bench", name, "--"])
        .args(parts)
        .env("KMS_BENCH_SUMMARY", rows);
    let shown = format!("cargo bench -p kms-api --bench {name}");
    process::run(&mut command, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(args: &[&str]) -> Result<Vec<(&'static str, Vec<&'static str>)>, Failure> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        plan(&BENCHES, &args)
    }

    #[test]
    fn without_arguments_everything_runs() {
        let plan = planned(&[]).unwrap();
        assert_eq!(plan.len(), 2);
        assert_eq!(plan.iter().map(|(_, parts)| parts.len()).sum::<usize>(), 7);
    }

    #[test]
    fn named_parts_run_in_their_own_order_and_nothing_else_does() {
        let expected = vec![("http", vec!["loaded"]), ("transfer", vec!["uploads"])];
        assert_eq!(planned(&["uploads", "loaded"]), Ok(expected));
        let expected = vec![("transfer", vec!["memory"])];
        assert_eq!(planned(&["memory"]), Ok(expected));
    }

    #[test]
    fn an_unknown_part_is_a_usage_error() {
        assert!(matches!(planned(&["large"]), Err(Failure::Usage(_))));
    }
}

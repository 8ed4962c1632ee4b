//! `cargo xtask ci`: everything a change must pass, in one order, on any machine with the toolchain.

use crate::{Failure, Outcome, deny, gen_docs, no_arguments, process, tidy};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a step does.
enum Action {
    /// `cargo` with these arguments and these additions to the environment.
    Cargo(
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    ),
    /// A command of this program, with its arguments.
    Own(
        fn(&[String]) -> Result<Outcome, Failure>,
        &'static [&'static str],
    ),
}

struct Step {
    name: &'static str,
    action: Action,
}

/// Cheap and frequent causes first; `deny` last, because only it may need something that is not in the toolchain.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        action: Action::Cargo(&["fmt", "--all", "--check"], &[]),
    },
    Step {
        name: "clippy",
        action: Action::Cargo(
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
            &[],
        ),
    },
    // The very command that the README gives to a newcomer, so that it cannot rot.
    Step {
        name: "test",
        action: Action::Cargo(&["test", "--workspace", "--locked"], &[]),
    },
    Step {
        name: "doc",
        action: Action::Cargo(
            &["doc", "--workspace", "--no-deps", "--locked"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
    },
    Step {
        name: "tidy",
        action: Action::Own(tidy::run, &[]),
    },
    Step {
        name: "gen-docs",
        action: Action::Own(gen_docs::run, &["--check"]),
    },
    Step {
        name: "deny",
        action: Action::Own(deny::run, &[]),
    },
];

/// One row of the closing table.
struct Row {
    name: &'static str,
    result: &'static str,
    took: Duration,
}

/// Runs all steps, stops at the first failure, and prints a table of what ran and how long it took.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    no_arguments(args)?;
    let root = process::root()?;
    let mut rows = Vec::new();
    let mut skipped = Vec::new();
    let mut failure = None;
    for (number, step) in (1..).zip(STEPS) {
        println!(
            "\n=== {number}/{} {}: {}",
            STEPS.len(),
            step.name,
            step.shown()
        );
        let start = Instant::now();
        let ended = step.perform(&root);
        let took = start.elapsed();
        let result = match &ended {
            Ok(Outcome::Done) => "ok",
            Ok(Outcome::Skipped(_)) => "SKIPPED",
            Err(_) => "FAILED",
        };
        rows.push(Row {
            name: step.name,
            result,
            took,
        });
        println!("=== {}: {result} in {:.1} s", step.name, took.as_secs_f64());
        match ended {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Skipped(why)) => {
                println!("!!! {} WAS SKIPPED: {why}", step.name);
                skipped.push(step.name);
            }
            Err(Failure::Failed(message) | Failure::Usage(message)) => {
                failure = Some(format!("FAILED at step {}: {message}", step.name));
                break;
            }
        }
    }
    println!("\n{}", table(&rows));
    match failure {
        Some(message) => Err(Failure::Failed(message)),
        None if skipped.is_empty() => {
            println!("ci: all {} steps passed", STEPS.len());
            Ok(Outcome::Done)
        }
        None => {
            println!("ci: passed, but SKIPPED: {}", skipped.join(", "));
            Ok(Outcome::Done)
        }
    }
}

impl Step {
    /// The step as one would type it.
    fn shown(&self) -> String {
        match &self.action {
            Action::Cargo(args, variables) => {
                let mut text: String = variables
                    .iter()
                    .map(|(name, value)| format!("{name}=\"{value}\" "))
                    .collect();
                text.push_str("cargo ");
                text.push_str(&args.join(" "));
                text
            }
            Action::Own(_, args) => {
                let words: Vec<_> = ["cargo", "xtask", self.name]
                    .iter()
                    .chain(*args)
                    .copied()
                    .collect();
                words.join(" ")
            }
        }
    }

    fn perform(&self, root: &Path) -> Result<Outcome, Failure> {
        match &self.action {
            Action::Cargo(args, variables) => {
                let mut command = process::cargo(root);
                command.args(*args).envs(variables.iter().copied());
                process::run(&mut command, &self.shown()).map(|()| Outcome::Done)
            }
            Action::Own(run, args) => {
                let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
                run(&args)
            }
        }
    }
}

fn table(rows: &[Row]) -> String {
    let total: Duration = rows.iter().map(|row| row.took).sum();
    let mut text = format!("{:<10}{:<9}{:>9}\n", "step", "result", "seconds");
    for row in rows {
        text.push_str(&format!(
            "{:<10}{:<9}{:>9.1}\n",
            row.name,
            row.result,
            row.took.as_secs_f64()
        ));
    }
    text.push_str(&format!("{:<19}{:>9.1}", "total", total.as_secs_f64()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_as_one_would_type_it() {
        let shown: Vec<_> = STEPS.iter().map(Step::shown).collect();
        assert!(shown.contains(&"cargo test --workspace --locked".to_owned()));
        assert!(shown.contains(
            &"RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --locked".to_owned()
        ));
        assert!(shown.contains(&"cargo xtask gen-docs --check".to_owned()));
    }

    #[test]
    fn the_table_has_a_row_a_step_and_the_sum() {
        let rows = [
            Row {
                name: "fmt",
                result: "ok",
                took: Duration::from_millis(1_250),
            },
            Row {
                name: "deny",
                result: "SKIPPED",
                took: Duration::from_millis(250),
            },
        ];
        let lines: Vec<String> = table(&rows)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "step result seconds",
                "fmt ok 1.2",
                "deny SKIPPED 0.2",
                "total 1.5"
            ]
        );
    }

    #[test]
    fn a_step_of_our_own_gets_its_arguments_and_passes_its_failure_on() {
        let action = Action::Own(|args| Err(Failure::Failed(args.concat())), &["--a", "b"]);
        let step = Step {
            name: "never",
            action,
        };
        assert_eq!(
            step.perform(Path::new(".")),
            Err(Failure::Failed("--ab".to_owned()))
        );
    }
}

//! Helper commands of this repository: `cargo xtask <name>`.
//!
//! Standard library only, so that the commands build in seconds on a machine that never saw the project. To add one:
//! write a module with `pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure>` and give it a row in
//! [`COMMANDS`]; to make it part of every check, give it a row in `ci::STEPS` as well.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to a terminal; there is no log"
)]

mod bench;
mod ci;
mod conformance;
mod deny;
mod fuzz;
mod gen_docs;
mod nightly;
#[cfg(unix)]
mod pgrace;
mod powercut;
mod process;
mod sbom;
mod tidy;

use std::process::ExitCode;

/// How a command ended when nothing went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what its name says.
    Done,
    /// It did nothing, for the reason given: whoever reads the output must be able to tell this from success.
    Skipped(String),
}

/// Why a command did not do what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It was called with arguments it does not know: exit code 2.
    Usage(String),
    /// It ran and found something wrong, or could not run: exit code 1.
    Failed(String),
}

/// One row of the command list.
struct Command {
    name: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> Result<Outcome, Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        summary: "everything a change must pass, in order; what .ci/run calls",
        run: ci::run,
    },
    Command {
        name: "tidy",
        summary: "the house rules that no compiler checks: rings, sizes, left-overs, links",
        run: tidy::run,
    },
    Command {
        name: "gen-docs",
        summary: "rewrite docs/RESPONSE-CODES.md from the table; --check only compares",
        run: gen_docs::run,
    },
    Command {
        name: "deny",
        summary: "advisories, licences, bans and sources of all dependencies; --install gets cargo-deny",
        run: deny::run,
    },
    Command {
        name: "sbom",
        summary: "what is in the release binary, as CycloneDX in target/sbom.cdx.json",
        run: sbom::run,
    },
    Command {
        name: "bench",
        summary: "everything that is measured, or the parts that are named, with a summary",
        run: bench::run,
    },
    Command {
        name: "bench-transfer",
        summary: "the same, but only large and small files",
        run: bench::run_transfer,
    },
    Command {
        name: "overload",
        summary: "what becomes of a server that is asked for more than it can do, or held by idle clients",
        run: bench::run_overload,
    },
    Command {
        name: "conformance",
        summary: "schemathesis against a running server and its OpenAPI document; needs python3 and pip",
        run: conformance::run,
    },
    Command {
        name: "fuzz",
        summary: "the body parsers against what they are compared with; seconds for each target",
        run: fuzz::run,
    },
    Command {
        name: "powercut",
        summary: "cuts the power of a disk under the server, ten times or as often as said; needs root",
        run: powercut::run,
    },
    Command {
        name: "nightly",
        summary: "the long versions of the crash rigs, and the fuzz targets for so many seconds each",
        run: nightly::run,
    },
    #[cfg(unix)]
    Command {
        name: "pgrace",
        summary: "what a collector and a reference do to each other on PostgreSQL; seconds of each crowd",
        run: pgrace::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        println!("{}", usage());
        return ExitCode::SUCCESS;
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        println!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS
        .iter()
        .find(|command| command.name == name.as_str())
    else {
        eprintln!("There is no command `{name}`.\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Skipped(why)) => {
            println!("{name}: SKIPPED: {why}");
            ExitCode::SUCCESS
        }
        Err(Failure::Usage(message)) => {
            eprintln!("{name}: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            eprintln!("{name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("Usage: cargo xtask <command>\n");
    for command in COMMANDS {
        text.push_str(&format!("\n  {:<16}{}", command.name, command.summary));
    }
    text
}

/// For commands that take no arguments.
fn no_arguments(args: &[String]) -> Result<(), Failure> {
    match args.first() {
        None => Ok(()),
        Some(first) => Err(Failure::Usage(format!(
            "takes no arguments, but was given `{first}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_names_every_command_on_a_line_of_its_own() {
        let text = usage();
        for command in COMMANDS {
            let rows = text
                .lines()
                .filter(|line| line.split_whitespace().next() == Some(command.name))
                .count();
            assert_eq!(rows, 1, "{} in {text}", command.name);
        }
    }

    #[test]
    fn command_names_are_unique() {
        let mut names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }

    #[test]
    fn an_unexpected_argument_is_a_usage_error() {
        assert_eq!(no_arguments(&[]), Ok(()));
        assert!(matches!(
            no_arguments(&["--fast".to_owned()]),
            Err(Failure::Usage(_))
        ));
    }
}

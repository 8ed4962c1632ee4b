//! `cargo xtask tidy`: the house rules that no compiler and no lint checks.
//!
//! Each check is a function from the [`Tree`] to findings, so that a test can hand it a tree of three lines. To add
//! one: write the function, give it a row in [`CHECKS`], and a test on each side of the rule.

mod code;
mod links;
mod manifest;
mod rings;
mod tests_named;
mod text;
mod tree;

use crate::{Failure, Outcome, no_arguments, process};
use std::fmt;
use tree::Tree;

/// One thing that is wrong, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("crates depend inwards only", rings::crates_depend_inwards),
    (
        "only the wiring names the adapters",
        rings::only_wiring_names_infra,
    ),
    ("the domain is pure", rings::domain_is_pure),
    (
        "dependencies come from the workspace",
        manifest::dependencies_come_from_the_workspace,
    ),
    (
        "every crate inherits the lints",
        manifest::crates_inherit_the_lints,
    ),
    (
        "every crate says what it is",
        text::crates_say_what_they_are,
    ),
    ("no Rust file is over 400 lines", text::rust_files_are_short),
    ("no left-overs", text::nothing_is_left_over),
    ("no paths of a machine", text::no_machine_paths),
    ("lines end as they should", text::lines_end_well),
    ("links lead somewhere", links::links_lead_somewhere),
    (
        "tests that documents name exist",
        tests_named::named_tests_exist,
    ),
];

/// Prints every finding of every check as `file:line: message`.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    no_arguments(args)?;
    let tree = Tree::read(&process::root()?)?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!(
            "tidy: {} checks over {} text files found nothing",
            CHECKS.len(),
            tree.files.len()
        );
        return Ok(Outcome::Done);
    }
    Err(Failure::Failed(format!("{} findings", findings.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_a_place_and_a_message() {
        let finding = Finding {
            path: "a/b.rs".to_owned(),
            line: 7,
            message: "too long".to_owned(),
        };
        assert_eq!(finding.to_string(), "a/b.rs:7: too long");
    }

    #[test]
    fn an_empty_tree_has_no_findings() {
        for (name, check) in CHECKS {
            assert_eq!(check(&Tree::of(&[])), [], "{name}");
        }
    }
}

//! Tests that a document names as a proof are there.

use super::Finding;
use super::tree::{File, Tree};
use std::collections::BTreeSet;

/// The name of a test is a sentence; nothing else that stands between backticks has so many words.
const FEWEST_UNDERSCORES: usize = 3;

/// Looks at the documents of the present. The decisions are not among them: they tell what was true once.
pub(super) fn named_tests_exist(tree: &Tree) -> Vec<Finding> {
    let functions: BTreeSet<&str> = tree.rust_files().flat_map(functions).collect();
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| is_document(&file.path)) {
        for (line, text) in file.lines() {
            for name in names(text).filter(|name| !functions.contains(name)) {
                findings.push(file.finding(line, format!("there is no test `{name}`")));
            }
        }
    }
    findings
}

fn is_document(path: &str) -> bool {
    let name = path
        .strip_prefix("docs/")
        .and_then(|rest| rest.strip_suffix(".md"));
    name.is_some_and(|name| !name.contains('/'))
}

/// A suite of promises has its tests as plain functions, which a macro calls; so any function counts.
fn functions(file: &File) -> impl Iterator<Item = &str> {
    file.text.lines().filter_map(|line| {
        let (before, rest) = line.split_once("fn ")?;
        let is_declaration = before
            .split_whitespace()
            .all(|word| matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub"));
        let end = rest.find(|c: char| !is_of_a_name(c))?;
        is_declaration.then(|| rest.get(..end)).flatten()
    })
}

/// Every second piece between backticks is code.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        span.matches('_').count() >= FEWEST_UNDERSCORES
            && span.starts_with(|c: char| c.is_ascii_lowercase())
            && span.chars().all(is_of_a_name)
    })
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(path: &str, text: &str) -> Vec<(usize, String)> {
        let code = "#[test]\n    fn it_is_as_it_was() {}\npub(super) async fn it_holds_for_all<T>(\n\
                    // as fn it_was_a_comment_once() told\n";
        let tree = Tree::of(&[(path, text), ("tests/a.rs", code)]);
        let findings = named_tests_exist(&tree);
        findings
            .into_iter()
            .map(|finding| (finding.line, finding.message))
            .collect()
    }

    #[test]
    fn a_test_that_exists_may_be_named() {
        let text = "Shown by `it_is_as_it_was` and `it_holds_for_all`.\n";
        assert_eq!(missing("docs/A.md", text), []);
    }

    #[test]
    fn a_test_that_is_not_there_is_found_with_its_line() {
        let text = "`it_is_as_it_was`,\n`it_is_as_it_never_was`, `it_was_a_comment_once`\n";
        assert_eq!(
            missing("docs/A.md", text),
            [
                (2, "there is no test `it_is_as_it_never_was`".to_owned()),
                (2, "there is no test `it_was_a_comment_once`".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_no_sentence_is_no_test() {
        let text = "`throttle_login_free`, `KMS_A_B_C`, `a_b_c_d()`, a_b_c_d, `tests/a_b_c_d.rs`\n";
        assert_eq!(missing("docs/A.md", text), []);
    }

    #[test]
    fn decisions_and_code_may_name_what_was() {
        for path in ["docs/adr/0001-a.md", "CHANGELOG.md", "docs/a.rs"] {
            assert_eq!(missing(path, "`it_is_not_there_now`\n"), [], "{path}");
        }
    }
}

//! Rules about the text of files, whatever is in them.

use super::Finding;
use super::tree::{File, Tree};

/// Tests included: a longer file is about two things.
const MOST_LINES: usize = 400;

/// Long files are hard to read in five minutes.
pub(super) fn rust_files_are_short(tree: &Tree) -> Vec<Finding> {
    let long = tree
        .rust_files()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES);
    long.map(|(file, lines)| {
        file.finding(
            MOST_LINES + 1,
            format!("{lines} lines; at most {MOST_LINES}, split it by what it is about"),
        )
    })
    .collect()
}

/// The needles are put together here, so that this file does not find itself.
pub(super) fn nothing_is_left_over(tree: &Tree) -> Vec<Finding> {
    let needles = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
        ["#[ign", "ore"].concat(),
        ["db", "g!("].concat(),
    ];
    find_in_lines(tree, |line| {
        let found = needles.iter().find(|needle| line.contains(needle.as_str()));
        found.map(|needle| {
            format!("`{needle}` is a left-over: finish it, or write down elsewhere what is missing")
        })
    })
}

/// A path that exists on one machine only is of no use to anybody else.
pub(super) fn no_machine_paths(tree: &Tree) -> Vec<Finding> {
    let folders = ["root", "work"].map(|name| format!("/{name}/"));
    let homes = ["/ho", "me/"].concat();
    find_in_lines(tree, |line| {
        let folder = folders
            .iter()
            .find(|folder| line.contains(folder.as_str()))
            .cloned();
        let home = || {
            line.match_indices(&homes)
                .find_map(|(at, _)| home_in(line.get(at + homes.len()..)?))
                .map(|name| format!("{homes}{name}/"))
        };
        folder
            .or_else(home)
            .map(|path| format!("`{path}` is a path of one machine"))
    })
}

/// The name of a user, if a path goes on below it.
fn home_in(rest: &str) -> Option<&str> {
    let (name, _) = rest.split_once('/')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    is_name.then_some(name)
}

/// A newcomer opens `lib.rs` or `main.rs` first.
pub(super) fn crates_say_what_they_are(tree: &Tree) -> Vec<Finding> {
    let entries = tree.rust_files().filter(|file| {
        file.path
            .strip_prefix("crates/")
            .is_some_and(|rest| rest.ends_with("/src/lib.rs") || rest.ends_with("/src/main.rs"))
    });
    let silent = entries.filter(|file| !file.text.starts_with("//!"));
    silent
        .map(|file| file.finding(1, "must start with `//!` and what this crate is"))
        .collect()
}

/// One line feed at the end, none of Windows' line ends, no tabs in Rust.
pub(super) fn lines_end_well(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (line, _) in (1..)
            .zip(file.text.split('\n'))
            .filter(|(_, text)| text.ends_with('\r'))
        {
            findings.push(file.finding(line, "ends with a carriage return"));
        }
        for (line, _) in file
            .lines()
            .filter(|(_, text)| file.is_rust() && text.contains('\t'))
        {
            findings.push(file.finding(line, "has a tab; four spaces"));
        }
        if let Some(message) = bad_end(&file.text) {
            findings.push(file.finding(file.text.lines().count().max(1), message));
        }
    }
    findings
}

fn bad_end(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return None;
    }
    if !text.ends_with('\n') {
        return Some("the file does not end with a line feed");
    }
    (text.ends_with("\n\n") || text == "\n").then_some("the file ends with an empty line")
}

fn find_in_lines(tree: &Tree, judge: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let files = tree.files.iter().filter(|file| !file.is_lock());
    let judge = &judge;
    files
        .flat_map(|file: &File| {
            file.lines().filter_map(move |(line, text)| {
                judge(text).map(|message| file.finding(line, message))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: Vec<Finding>) -> Vec<String> {
        findings
            .into_iter()
            .map(|finding| format!("{}:{}", finding.path, finding.line))
            .collect()
    }

    #[test]
    fn a_file_of_four_hundred_lines_passes_and_one_more_does_not() {
        let (short, long) = ("x\n".repeat(400), "x\n".repeat(401));
        let tree = Tree::of(&[("a.rs", &short), ("b.rs", &long), ("c.md", &long)]);
        assert_eq!(places(rust_files_are_short(&tree)), ["b.rs:401"]);
    }

    #[test]
    fn each_left_over_is_found_in_code_and_in_prose() {
        let text = format!(
            "fine\n{}()\n{}()\n// {}\n{}\n{}]\n{}x)\n",
            "todo!",
            "unimplemented!",
            concat!("FIX", "ME"),
            concat!("XX", "X"),
            concat!("#[ign", "ore"),
            concat!("db", "g!(")
        );
        let text = text.replace("!()", "!(");
        let tree = Tree::of(&[("a.md", &text), ("b.lock", &text)]);
        assert_eq!(
            places(nothing_is_left_over(&tree)),
            ["a.md:2", "a.md:3", "a.md:4", "a.md:5", "a.md:6", "a.md:7"]
        );
    }

    #[test]
    fn paths_of_one_machine_are_found_and_other_paths_are_not() {
        let bad = format!("cd /{}/x\ncd {}/me/y\ncd /{}/z\n", "root", "/home", "work");
        let tree = Tree::of(&[
            ("a.md", &bad),
            ("b.lock", &bad),
            (
                "c.md",
                "/home/ and /homework/x, /var/lib/kms, networks/work\n",
            ),
        ]);
        assert_eq!(
            places(no_machine_paths(&tree)),
            ["a.md:1", "a.md:2", "a.md:3"]
        );
    }

    #[test]
    fn a_crate_root_without_words_is_found() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "//! A.\n"),
            ("crates/b/src/main.rs", "fn main() {}\n"),
            ("crates/b/src/other.rs", ""),
        ]);
        assert_eq!(
            places(crates_say_what_they_are(&tree)),
            ["crates/b/src/main.rs:1"]
        );
    }

    #[test]
    fn line_ends_are_checked_on_both_sides() {
        let tree = Tree::of(&[
            ("fine.md", "a\n\n\tb\n"),
            ("empty.md", ""),
            ("open.md", "a"),
            ("blank.md", "a\n\n"),
            ("windows.md", "a\nb\r\n"),
            ("tab.rs", "a\n\tb\n"),
        ]);
        assert_eq!(
            places(lines_end_well(&tree)),
            ["open.md:1", "blank.md:2", "windows.md:2", "tab.rs:2"]
        );
    }
}

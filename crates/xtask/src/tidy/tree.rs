//! What the checks look at: the files that are in the repository or would be after `git add`.

use super::Finding;
use crate::{Failure, process};
use std::collections::BTreeSet;
use std::path::Path;

/// One text file; `path` is relative to the root and has forward slashes.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// A lock file is written by a program, and no rule of ours binds that.
    pub(super) fn is_lock(&self) -> bool {
        self.path.ends_with(".lock")
    }

    /// Lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// All text files, and the paths of all files and folders.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
    paths: BTreeSet<String>,
}

impl Tree {
    /// Reads what git lists, tracked or not, and not ignored.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let listing = process::program("git", root)
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .output()
            .map_err(|error| Failure::Failed(format!("git could not be started: {error}")))?;
        if !listing.status.success() {
            return Err(Failure::Failed(format!(
                "git ls-files failed: {}",
                String::from_utf8_lossy(&listing.stderr)
            )));
        }
        let mut files = Vec::new();
        for path in String::from_utf8_lossy(&listing.stdout)
            .split('\0')
            .filter(|path| !path.is_empty())
        {
            // A file that git still lists may be gone from the work tree; a link or submodule has no text.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                files.push((path.to_owned(), bytes));
            }
        }
        Ok(Self::from_files(files))
    }

    fn from_files(all: Vec<(String, Vec<u8>)>) -> Self {
        let mut paths = BTreeSet::new();
        let mut files = Vec::new();
        for (path, bytes) in all {
            for (at, _) in path.match_indices('/') {
                if let Some(folder) = path.get(..at) {
                    paths.insert(folder.to_owned());
                }
            }
            paths.insert(path.clone());
            if let Some(text) = text_of(&path, bytes) {
                files.push(File { path, text });
            }
        }
        Self { files, paths }
    }

    /// Whether a file or folder of this path is in the repository.
    pub(super) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    pub(super) fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The manifests of the members, which are all in `crates/<name>/`.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            let name = file
                .path
                .strip_prefix("crates/")
                .and_then(|rest| rest.strip_suffix("/Cargo.toml"));
            name.is_some_and(|name| !name.contains('/'))
        })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_files(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
        )
    }
}

/// Folders named `fixtures` or `corpus` hold input whose bytes are meant as they are, so they are not looked into.
fn text_of(path: &str, bytes: Vec<u8>) -> Option<String> {
    if path
        .split('/')
        .any(|part| part == "fixtures" || part == "corpus")
        || bytes.contains(&0)
    {
        return None;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_files_are_known() {
        let tree = Tree::of(&[("docs/adr/0001.md", "text")]);
        assert!(
            tree.has("docs/adr/0001.md")
                && tree.has("docs/adr")
                && tree.has("docs")
                && tree.has("")
        );
        assert!(!tree.has("docs/ad") && !tree.has("doc"));
    }

    #[test]
    fn binary_files_and_fixtures_exist_but_are_not_text() {
        let tree = Tree::of(&[
            ("logo.png", "\u{0}"),
            ("crates/a/fixtures/x.rs", "text"),
            ("fuzz/corpus/y", "text"),
        ]);
        assert_eq!(tree.files.len(), 0);
        assert!(tree.has("logo.png") && tree.has("fuzz/corpus/y"));
    }

    #[test]
    fn only_the_members_manifests_are_taken() {
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            ("crates/a/Cargo.toml", ""),
            ("crates/a/sub/Cargo.toml", ""),
        ]);
        let paths: Vec<_> = tree.manifests().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["crates/a/Cargo.toml"]);
    }

    #[test]
    fn this_repository_can_be_read() {
        let tree = Tree::read(&process::root().expect("tests run inside the repository"))
            .expect("git is there");
        assert!(tree.has("crates/xtask/src/tidy/tree.rs"));
    }
}

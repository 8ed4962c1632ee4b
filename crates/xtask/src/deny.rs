//! `cargo xtask deny`: cargo-deny over the whole dependency tree, with the rules of `deny.toml`.
//!
//! Where no network reaches the RustSec database, a copy of it in a folder `shared/advisory-db` beside the checkout is
//! used; cargo-deny reads such a database only as a git repository, so one is made of it under `target`.

use crate::{Failure, Outcome, process};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The release that `deny.toml` was proven with.
const VERSION: &str = "0.20.2";
/// Beside the checkout, not in it: the data are not the project's.
const ADVISORY_COPY: &str = "../shared/advisory-db";
/// `db-path` of `deny.toml`, and in it the name that cargo-deny derives from the address of its default database.
const ADVISORY_DATABASE: &str = "target/advisory-dbs/advisory-db-3157b0e258782691";
const TOOLS: &str = "target/tools";
const CHECKS: [&str; 5] = ["check", "advisories", "licenses", "bans", "sources"];

/// Checks, or with `--install` builds cargo-deny into `target/tools` (some minutes).
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let root = process::root()?;
    match args {
        [] => check(&root),
        [only] if only == "--install" => install(&root),
        _ => Err(Failure::Usage("knows only `--install`".to_owned())),
    }
}

fn install(root: &Path) -> Result<Outcome, Failure> {
    let mut command = process::cargo(root);
    command.args([
        "install",
        "cargo-deny",
        "--locked",
        "--version",
        VERSION,
        "--root",
        TOOLS,
    ]);
    process::run(&mut command, "cargo install cargo-deny").map(|()| Outcome::Done)
}

fn check(root: &Path) -> Result<Outcome, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(root.join(TOOLS).join("bin")).chain(std::env::split_paths(&path));
    let Some(program) = find_program(folders) else {
        let required = std::env::var_os("CI_DENY").is_some_and(|value| value == "require");
        return not_installed(required);
    };
    let copy = root.join(ADVISORY_COPY);
    let mut command = process::program(&program, root);
    if copy.is_dir() {
        println!("advisories are taken from {ADVISORY_COPY}, as old as that copy is");
        // Offline, cargo-deny wants the sources of every platform's dependencies, and a build fetches only this one's.
        process::run(
            process::cargo(root).args(["fetch", "--locked", "--quiet"]),
            "cargo fetch --locked",
        )?;
        lay_out_database(&copy, &root.join(ADVISORY_DATABASE))?;
        command.arg("--offline");
    }
    command.args(CHECKS);
    process::run(
        &mut command,
        "cargo deny check advisories licenses bans sources",
    )
    .map(|()| Outcome::Done)
}

fn not_installed(required: bool) -> Result<Outcome, Failure> {
    let message = "cargo-deny is not installed, so advisories, licences, bans and sources were NOT checked; \
                   `cargo xtask deny --install` builds it once, in some minutes";
    if required {
        return Err(Failure::Failed(format!(
            "{message} (CI_DENY=require makes this a failure)"
        )));
    }
    Ok(Outcome::Skipped(message.to_owned()))
}

fn find_program(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let name = format!("cargo-deny{}", std::env::consts::EXE_SUFFIX);
    folders
        .map(|folder| folder.join(&name))
        .find(|candidate| candidate.is_file())
}

/// Always made anew, which takes about a second: a stale one would hide advisories that the copy has.
fn lay_out_database(copy: &Path, database: &Path) -> Result<(), Failure> {
    let written = remove_if_there(database).and_then(|()| copy_folder(copy, database, true));
    written.map_err(|error| {
        Failure::Failed(format!("cannot lay out the advisory database: {error}"))
    })?;
    git(database, &["init", "--quiet"])?;
    git(database, &["add", "-A"])?;
    // Neither the user's identity nor signing nor hooks have a say in a throw-away repository.
    let commit = [
        "-c",
        "user.name=xtask",
        "-c",
        "user.email=xtask@example.invalid",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.hooksPath=",
        "commit",
        "--quiet",
        "-m",
        "copy",
    ];
    git(database, &commit)
}

fn git(folder: &Path, args: &[&str]) -> Result<(), Failure> {
    process::run(
        process::program("git", folder).args(args),
        &format!("git {}", args.join(" ")),
    )
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies contents and not permissions, because the copy may be read-only. The top folder's README.md tells where the
/// copy came from and is no part of the database.
fn copy_folder(from: &Path, to: &Path, top: bool) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target, false)?;
        } else if !(top && entry.file_name() == "README.md") {
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder below the target folder of this build, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            remove_if_there(&path).expect("a left-over can be removed");
            fs::create_dir_all(&path).expect("a folder can be made");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(remove_if_there(&self.0));
        }
    }

    #[test]
    fn without_the_tool_the_check_is_skipped_and_says_why() {
        assert!(
            matches!(not_installed(false), Ok(Outcome::Skipped(why)) if why.contains("NOT checked"))
        );
    }

    #[test]
    fn without_the_tool_a_required_check_fails() {
        assert!(matches!(not_installed(true), Err(Failure::Failed(_))));
    }

    #[test]
    fn the_tool_is_found_in_the_first_folder_that_has_it() {
        let folder = Folder::new("find");
        let (empty, full) = (folder.0.join("empty"), folder.0.join("full"));
        let tool = full.join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
        fs::create_dir_all(&full).expect("a folder can be made");
        assert_eq!(
            find_program([empty.clone(), full.clone()].into_iter()),
            None
        );
        fs::write(&tool, "").expect("a file can be written");
        assert_eq!(find_program([empty, full].into_iter()), Some(tool));
    }

    #[test]
    fn the_database_is_a_repository_with_all_but_the_top_readme() {
        let folder = Folder::new("layout");
        let (copy, database) = (folder.0.join("copy"), folder.0.join("database"));
        fs::create_dir_all(copy.join("crates/some")).expect("a folder can be made");
        fs::create_dir_all(&database).expect("a folder can be made");
        for file in [
            "README.md",
            "crates/some/README.md",
            "crates/some/RUSTSEC-0000-0000.md",
        ] {
            fs::write(copy.join(file), "text").expect("a file can be written");
        }
        fs::write(database.join("stale"), "").expect("a file can be written");
        lay_out_database(&copy, &database).expect("git is there");
        assert!(database.join("crates/some/RUSTSEC-0000-0000.md").is_file());
        assert!(database.join("crates/some/README.md").is_file());
        assert!(database.join(".git").is_dir());
        assert!(!database.join("README.md").exists());
        assert!(!database.join("stale").exists());
    }
}

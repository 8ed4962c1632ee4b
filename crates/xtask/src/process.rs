//! Where the repository is, and how other programs are run from its root.

use crate::Failure;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the checkout: the nearest folder from the current one upwards whose `Cargo.toml` declares a workspace.
///
/// Not the folder this binary was compiled in, because a checkout may have been moved or its `target` copied since.
pub(crate) fn root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::Failed(format!("cannot tell the current folder: {error}")))?;
    here.ancestors()
        .find(|folder| {
            std::fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|text| declares_workspace(&text))
        })
        .map(Path::to_path_buf)
        .ok_or_else(|| Failure::Failed(format!("{} is not inside the repository", here.display())))
}

fn declares_workspace(manifest: &str) -> bool {
    manifest.lines().any(|line| line.trim() == "[workspace]")
}

/// The cargo that started this program, or the one on the PATH.
///
/// `KMS_BLESS` makes tests rewrite what they should compare, so it is taken away; who wants that sets it anew.
pub(crate) fn cargo(root: &Path) -> Command {
    let name = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = program(name, root);
    command.env_remove("KMS_BLESS");
    command
}

/// Any program, run in `root` without standard input: no step may wait for an answer.
pub(crate) fn program(name: impl AsRef<OsStr>, root: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// Runs to the end with output going straight through; anything but exit code 0 is a failure that names `shown`.
pub(crate) fn run(command: &mut Command, shown: &str) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| Failure::Failed(format!("`{shown}` could not be started: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("`{shown}` failed ({status})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_from_inside_a_crate() {
        let root = root().expect("tests run inside the repository");
        assert!(root.join("crates/xtask/Cargo.toml").is_file());
    }

    #[test]
    fn a_member_manifest_is_not_the_root() {
        assert!(declares_workspace("[workspace]\nmembers = []\n"));
        assert!(!declares_workspace("[lints]\nworkspace = true\n"));
    }

    #[test]
    fn a_program_that_fails_is_named() {
        let failed = run(&mut program("false", Path::new(".")), "false --shown");
        assert!(
            matches!(failed, Err(Failure::Failed(message)) if message.contains("false --shown"))
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failed = run(
            &mut program("no-such-program-at-all", Path::new(".")),
            "no-such-program-at-all",
        );
        assert!(
            matches!(failed, Err(Failure::Failed(message)) if message.contains("could not be started"))
        );
    }
}

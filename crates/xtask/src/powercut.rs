//! `cargo xtask powercut [cuts]`: cuts the power of a disk under the server, and shows that the cut would
//! find a sync that is missing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Failure, Outcome, process};

const DEFAULT_CUTS: u32 = 10;
/// The server that leaves syncs out on purpose.
const CONTROL: &str = "target/powercut/kms-server-sabotage";
const TESTS: &str = "crash::power::";

/// Builds the server as it is and as a control, and runs both on disks that lose their power.
pub(crate) fn run(args: &[String]) -> Result<Outcome, Failure> {
    let cuts = cuts(args)?;
    if let Some(why) = missing() {
        return Ok(Outcome::Skipped(why));
    }
    let root = process::root()?;
    build_control(&root)?;
    let test = |name: &str, control: Option<&Path>| {
        let mut command = process::cargo(&root);
        command
            .args(["test", "--locked", "-p", "kms-api", "--test", "e2e", "--"])
            .args(["--exact", "--nocapture"])
            .arg(format!("{TESTS}{name}"))
            .env("KMS_POWER_CUTS", cuts.to_string());
        if let Some(control) = control {
            command.env("E2E_CONTROL_SERVER", control);
        }
        process::run(&mut command, name)
    };
    test("what_was_acknowledged_survives_every_power_cut", None)?;
    let control = root.join(CONTROL);
    test(
        "every_sync_that_is_left_out_is_found_by_a_power_cut",
        Some(&control),
    )?;
    Ok(Outcome::Done)
}

/// A development build: the feature does not compile in any other.
fn build_control(root: &Path) -> Result<(), Failure> {
    let shown = "cargo build -p kms-api --features sabotage";
    let mut command = process::cargo(root);
    command.args([
        "build",
        "--locked",
        "-p",
        "kms-api",
        "--features",
        "sabotage",
    ]);
    process::run(&mut command, shown)?;
    let control = root.join(CONTROL);
    let copied = control
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::copy(root.join("target/debug/kms-server"), &control));
    copied
        .map(drop)
        .map_err(|error| Failure::Failed(format!("{}: {error}", control.display())))
}

fn cuts(args: &[String]) -> Result<u32, Failure> {
    match args {
        [] => Ok(DEFAULT_CUTS),
        [cuts] => match cuts.parse() {
            Ok(cuts) if cuts > 0 => Ok(cuts),
            _ => Err(Failure::Usage(format!("`{cuts}` is no number of cuts"))),
        },
        _ => Err(Failure::Usage("takes the number of cuts".to_owned())),
    }
}

/// Why the power cannot be cut on this machine.
fn missing() -> Option<String> {
    let finds = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        command
            .output()
            .ok()
            .filter(|output| output.status.success())
    };
    let is_root = finds("id", &["-u"]).is_some_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root {
        return Some("mounting file systems needs root".to_owned());
    }
    if finds("losetup", &["--find"]).is_none() {
        return Some("there are no loop devices".to_owned());
    }
    if finds("mkfs.ext4", &["-V"]).is_none() {
        return Some("there is no mkfs.ext4".to_owned());
    }
    let has_ioctl = ["python3", "perl"]
        .iter()
        .any(|program| finds(program, &["--version"]).is_some());
    (!has_ioctl).then(|| "there is no python3 and no perl to ask the file system with".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuts_are_a_number_above_zero_or_the_default() {
        assert_eq!(cuts(&[]), Ok(DEFAULT_CUTS));
        assert_eq!(cuts(&["300".to_owned()]), Ok(300));
        for wrong in ["0", "many", "-1"] {
            assert!(matches!(cuts(&[wrong.to_owned()]), Err(Failure::Usage(_))));
        }
        assert!(cuts(&["1".to_owned(), "2".to_owned()]).is_err());
    }
}

//! The commands about backups.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};

use super::{ANY_SETTING, setting_flags};

/// What to do about backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupCommand {
    /// Back the data folder up.
    Make {
        /// The backup's folder.
        into: PathBuf,
        /// How many backups to keep; `None`: all.
        keep: Option<NonZeroU32>,
        /// Read what is there as well.
        reread: bool,
    },
    /// Read a backup to see whether it is as it was written.
    Verify {
        /// The backup's folder.
        backup: PathBuf,
        /// One backup; `None`: all in the folder.
        generation: Option<String>,
    },
    /// Make a data folder of a backup.
    Restore {
        /// The backup's folder.
        backup: PathBuf,
        /// Which; `None`: the newest.
        generation: Option<String>,
    },
}

/// What `backup` was given.
pub(super) fn backup_command(matches: &mut ArgMatches) -> Result<BackupCommand, clap::Error> {
    let folder = folder_of(matches)?;
    Ok(if matches.get_flag("verify") {
        BackupCommand::Verify {
            backup: folder,
            generation: matches.remove_one("generation"),
        }
    } else {
        BackupCommand::Make {
            into: folder,
            keep: matches.remove_one("keep"),
            reread: matches.get_flag("reread"),
        }
    })
}

/// What `restore` was given.
pub(super) fn restore_command(matches: &mut ArgMatches) -> Result<BackupCommand, clap::Error> {
    Ok(BackupCommand::Restore {
        backup: folder_of(matches)?,
        generation: matches.remove_one("generation"),
    })
}

fn folder_of(matches: &mut ArgMatches) -> Result<PathBuf, clap::Error> {
    // Clap has seen to it that it is there.
    matches
        .remove_one("dir")
        .ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingRequiredArgument))
}

const BACKUP: &str = "\
Works beside a running server and without one. DIR is made if it is missing; it may hold any number
of backups, which share equal content, so that a second one copies only what is new. It must not be
in the data folder.

Exit status: 0 all is well; 1 finished, but some content is damaged or missing, which is told, with
--verify also if it was missing already when a backup was made; 2 not finished.";

const RESTORE: &str = "\
The data folder must be empty or missing, not within the backup, and no server may run on it. All sessions have ended
afterwards: everybody logs in once more.

Exit status: 0 all is well; 1 finished, but some content is lost, which is told; 2 not finished, and
the data folder is as it was.";

pub(super) fn backup() -> Clap {
    Clap::new("backup")
        .about("Back the data folder up, or verify a backup")
        .arg(folder())
        .arg(
            Arg::new("keep")
                .long("keep")
                .value_name("N")
                .help("Keep the newest N backups, and remove older ones after this one is finished")
                .value_parser(value_parser!(NonZeroU32))
                .conflicts_with("verify"),
        )
        .arg(
            Arg::new("reread")
                .long("reread")
                .action(ArgAction::SetTrue)
                .help("Read what is in the backup already, and copy again what is damaged there")
                .conflicts_with("verify"),
        )
        .arg(
            Arg::new("verify")
                .long("verify")
                .action(ArgAction::SetTrue)
                .help(
                    "Read everything in DIR and compare it with what was written; change nothing",
                ),
        )
        .arg(generation().requires("verify"))
        .args(setting_flags().map(|flag| flag.hide(true)))
        .after_help(format!("{BACKUP}\n\n{ANY_SETTING}"))
}

pub(super) fn restore() -> Clap {
    Clap::new("restore")
        .about("Make a data folder of a backup")
        .arg(folder())
        .arg(generation())
        .args(setting_flags().map(|flag| flag.hide(true)))
        .after_help(format!("{RESTORE}\n\n{ANY_SETTING}"))
}

fn folder() -> Arg {
    Arg::new("dir")
        .value_name("DIR")
        .required(true)
        .help("The folder of the backup")
        .value_parser(value_parser!(PathBuf))
}

fn generation() -> Arg {
    Arg::new("generation")
        .long("generation")
        .value_name("TIME")
        .help("One backup in DIR, by the name of its folder in DIR/snapshots")
}

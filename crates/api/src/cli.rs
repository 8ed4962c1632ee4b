//! The command line of `kms-server`. Its flags for settings come from the table of
//! [`crate::config`].

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command as Clap, value_parser};

use crate::config::{Config, ConfigErrors, Loaded, Setting};

mod audit;
mod backup;
mod moment;
mod quota;

pub use audit::{AuditCommand, Moment};
pub use backup::BackupCommand;
pub use moment::text as time_text;
pub use quota::QuotaCommand;

#[cfg(test)]
mod tests;

/// What the command line says.
#[derive(Debug)]
pub struct Cli {
    /// What to do.
    pub command: Command,
    /// The file to read settings from, if it was named.
    pub config_file: Option<PathBuf>,
    /// The settings given as flags, not yet judged.
    pub settings: Vec<(&'static Setting, String)>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Serve,
    /// Print the settings in force.
    Config,
    /// Look after accounts.
    User(UserCommand),
    /// Make, verify or restore a backup.
    Backup(BackupCommand),
    /// Collect content that nothing refers to.
    Gc(GcCommand),
    /// Check rows and files against each other.
    Fsck(FsckCommand),
    /// Print the audit log.
    Audit(AuditCommand),
}

/// How to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcCommand {
    /// Whether anything is changed.
    pub apply: bool,
    /// A JSON object instead of text.
    pub json: bool,
}

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsckCommand {
    /// Names and sizes only.
    pub quick: bool,
    /// Whether damaged content is flagged.
    pub repair: bool,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// What to do about accounts. Passwords are read with [`read_password`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Open an account.
    Add {
        /// The phone number, as typed.
        phone: String,
        /// The display name, as typed.
        name: String,
        /// The address, as typed.
        email: Option<String>,
        /// The birth date in milliseconds since 1970-01-01 UTC.
        birth: Option<i64>,
    },
    /// Give an account a new password.
    Passwd {
        /// The phone number, as typed.
        phone: String,
    },
    /// Tell or decide how much an account may hold.
    Quota(QuotaCommand),
    /// Print all accounts.
    List,
}

impl Cli {
    /// Reads this process's arguments. On `--help`, `--version` or a mistake it prints what clap has
    /// to say and ends the process.
    #[must_use]
    pub fn parse() -> Self {
        Self::try_parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads arguments, the first of which is the program's name.
    ///
    /// # Errors
    /// A mistake, or that help or the version was asked for: clap's error holds the text to print.
    pub fn try_parse_from<I, T>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut matches = clap().try_get_matches_from(args)?;
        let config_file = matches.remove_one("config_file");
        let settings = Setting::all()
            .iter()
            .filter_map(|setting| Some((setting, matches.remove_one(setting.key)?)))
            .collect();
        let command = match matches.remove_subcommand() {
            Some((name, _)) if name == "config" => Command::Config,
            Some((name, mut user)) if name == "user" => user
                .remove_subcommand()
                .map_or(Ok(UserCommand::List), user_command)
                .map(Command::User)?,
            Some((name, mut matches)) if name == "backup" => {
                Command::Backup(backup::backup_command(&mut matches)?)
            }
            Some((name, mut matches)) if name == "restore" => {
                Command::Backup(backup::restore_command(&mut matches)?)
            }
            Some((name, mut matches)) if name == "audit" => {
                Command::Audit(audit::audit_command(&mut matches))
            }
            Some((name, gc)) if name == "gc" => Command::Gc(GcCommand {
                apply: gc.get_flag("apply"),
                json: gc.get_flag("json"),
            }),
            Some((name, fsck)) if name == "fsck" => Command::Fsck(FsckCommand {
                quick: fsck.get_flag("quick"),
                repair: fsck.get_flag("repair"),
                json: fsck.get_flag("json"),
            }),
            _ => Command::Serve,
        };
        Ok(Self {
            command,
            config_file,
            settings,
        })
    }

    /// The configuration that these flags, the environment and the file make together.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn load_config(&self) -> Result<Loaded, ConfigErrors> {
        Config::load_process(self.config_file.as_deref(), &self.settings)
    }
}

fn user_command((name, mut matches): (String, ArgMatches)) -> Result<UserCommand, clap::Error> {
    if name == "quota" {
        return quota::command(&mut matches).map(UserCommand::Quota);
    }
    // Clap has seen to it that they are there.
    let mut required = |id| {
        matches
            .remove_one::<String>(id)
            .ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingRequiredArgument))
    };
    Ok(match name.as_str() {
        "add" => UserCommand::Add {
            phone: required("phone")?,
            name: required("name")?,
            email: matches.remove_one("email"),
            birth: matches.remove_one("birth"),
        },
        "passwd" => UserCommand::Passwd {
            phone: required("phone")?,
        },
        _ => UserCommand::List,
    })
}

/// The longest line that is taken for a password, in bytes: far more than any password has, and a
/// bound on what a mistaken redirection can make us read.
const LONGEST_LINE: u64 = 1024;

/// Reads one line as a password, without its line break. It is judged by nobody yet.
///
/// # Errors
/// Reading fails, the line is no UTF-8 or longer than 1024 bytes, or there is none.
pub fn read_password(input: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(LONGEST_LINE).read_line(&mut line)?;
    let complete =
        line.ends_with('\n') || u64::try_from(line.len()).is_ok_and(|len| len < LONGEST_LINE);
    if !complete {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the line is too long for a password",
        ));
    }
    if line.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "no password on standard input",
        ));
    }
    let end = line
        .strip_suffix('\n')
        .map_or(&*line, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(end.to_owned())
}

const SOURCES: &str = "\
Every setting can be a flag, an environment variable (KMS_MAX_FILE) or a line of a TOML file
(max_file = \"2GiB\"); a flag counts more than a variable, and a variable more than the file.
The file is the one that --config or KMS_CONFIG names, else kms.toml in the working directory
if it exists. `kms-server config` prints what is in force and where it came from.";

const ANY_SETTING: &str = "Every setting of the server can be given as well, such as --data-dir: see `kms-server --help`.";

const PASSWORD: &str = "\
The password is read from standard input, one line; it is never a flag, because other users of the
machine can see those.";

fn clap() -> Clap {
    Clap::new("kms-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A server for knowledge files")
        .after_help(SOURCES)
        .subcommand(
            Clap::new("serve")
                .about("Run the server (the default)")
                .after_help(SOURCES),
        )
        .subcommand(
            Clap::new("config")
                .about("Print the settings in force as TOML, each with where it came from")
                .after_help(SOURCES),
        )
        .subcommand(user())
        .subcommand(audit::audit())
        .subcommand(backup::backup())
        .subcommand(backup::restore())
        .subcommand(gc())
        .subcommand(fsck())
        .args(setting_flags())
}

fn user() -> Clap {
    let phone = || required("phone", "PHONE", "The account's phone number");
    let add = Clap::new("add")
        .about("Open an account; the password is read from standard input")
        .arg(phone())
        .arg(required(
            "name",
            "NAME",
            "The display name, 1 to 16 characters",
        ))
        .arg(
            Arg::new("email")
                .long("email")
                .value_name("EMAIL")
                .help("The address"),
        )
        .arg(
            Arg::new("birth")
                .long("birth")
                .value_name("MS")
                .help("The birth date in milliseconds since 1970-01-01 UTC; may be negative")
                .allow_negative_numbers(true)
                .value_parser(value_parser!(i64)),
        )
        .after_help(format!("{PASSWORD}\n\n{ANY_SETTING}"));
    let passwd = Clap::new("passwd")
        .about("Give an account a new password, read from standard input; ends its sessions")
        .arg(phone())
        .after_help(format!("{PASSWORD}\n\n{ANY_SETTING}"));
    let list = Clap::new("list")
        .about("Print all accounts")
        .after_help(ANY_SETTING);
    Clap::new("user")
        .about("Look after accounts")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([add, passwd, quota::quota(), list])
        // The flags work here too, but forty lines of them would hide what this command is about.
        .args(setting_flags().map(|flag| flag.hide(true)))
        .after_help(ANY_SETTING)
}

fn gc() -> Clap {
    Clap::new("gc")
        .about("Collect content that nothing refers to, and what crashes left behind")
        .arg(switch(
            "apply",
            "Do it; without this flag it is only told what would be done",
        ))
        .arg(switch("json", "Print one JSON object"))
        .args(setting_flags().map(|flag| flag.hide(true)))
        .after_help(GC)
}

fn fsck() -> Clap {
    Clap::new("fsck")
        .about("Check the database and the files against each other")
        .arg(switch(
            "quick",
            "Look at names and sizes, and read no content",
        ))
        .arg(switch(
            "repair",
            "Flag damaged content, so that the next upload of the same bytes heals it, take the flag from \
             what was read and is right, and count wrong usage anew",
        ))
        .arg(switch("json", "Print one JSON object a line"))
        .args(setting_flags().map(|flag| flag.hide(true)))
        .after_help(FSCK)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .action(clap::ArgAction::SetTrue)
}

const GC: &str = "\
With --apply the server must be stopped; a running one collects by itself (gc_interval). What no row
knows is moved to the folder trash/ first. While a backup is made, what nothing refers to waits. Exit
status: 0 when all of it was done, 1 when something failed. Every setting can be given as well, such
as --data-dir.";

const FSCK: &str = "\
Works beside a running server. Exit status: 0 when all is well, 1 when there are findings, a damaged
database among them, 2 when it could not be checked. Bytes are never changed, also not by --repair.
Every setting can be given as well, such as --data-dir.";

fn required(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .required(true)
        .help(help)
}

/// `--config` and a flag for each setting. Clap takes any text: what it may be is judged together
/// with the other sources, so that all mistakes are reported at once.
fn setting_flags() -> impl Iterator<Item = Arg> {
    let file = Arg::new("config_file")
        .long("config")
        .value_name("FILE")
        .help("The file to read settings from [env: KMS_CONFIG]")
        .value_parser(value_parser!(PathBuf))
        .global(true);
    let settings = Setting::all().iter().map(|setting| {
        let known = format!("[default: {}] [env: {}]", setting.default, setting.env);
        let summary = setting.doc.first().copied().unwrap_or_default();
        Arg::new(setting.key)
            .long(setting.flag.as_str())
            .value_name(setting.placeholder.as_str())
            .help_heading(setting.group)
            .help(format!("{summary} {known}"))
            .long_help(format!(
                "{}\nExpected: {}.\n{known}",
                setting.doc.join("\n"),
                setting.expected
            ))
            .next_line_help(true)
            .allow_negative_numbers(true)
            .global(true)
    });
    std::iter::once(file).chain(settings)
}

//! `kms-server user quota`.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command as Clap};
use kms_domain::files::Limit;

use super::{ANY_SETTING, switch};
use crate::config::ByteSize;

/// What is to be decided about an account; with nothing to decide, its usage is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaCommand {
    /// The phone number, as typed.
    pub phone: String,
    /// About its bytes. `None`: what was decided stays.
    pub bytes: Option<Limit>,
    /// About its files. `None`: what was decided stays.
    pub files: Option<Limit>,
}

impl QuotaCommand {
    /// Whether anything is decided at all.
    #[must_use]
    pub const fn decides(&self) -> bool {
        self.bytes.is_some() || self.files.is_some()
    }
}

const ABOUT: &str = "\
Without options it tells what the account holds and may hold. A limit of its own replaces quota_bytes
or quota_files for this account, until --default goes back to them. `none` is no limit; 0 lets it
store nothing more. What is stored already stays. A running server judges the next upload by it.";

pub(super) fn quota() -> Clap {
    let limit = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Clap::new("quota")
        .about("Tell or decide how much an account may hold")
        .arg(
            Arg::new("phone")
                .value_name("PHONE")
                .required(true)
                .help("The account's phone number"),
        )
        .arg(limit(
            "bytes",
            "SIZE|none",
            "The most bytes of all its files together, such as 10GiB",
        ))
        .arg(limit("files", "N|none", "The most files it may have"))
        .arg(
            switch("default", "Go back to what holds for everybody")
                .conflicts_with_all(["bytes", "files"]),
        )
        .after_help(format!("{ABOUT}\n\n{ANY_SETTING}"))
}

pub(super) fn command(matches: &mut ArgMatches) -> Result<QuotaCommand, clap::Error> {
    let phone = matches
        .remove_one("phone")
        .ok_or_else(|| clap::Error::new(ErrorKind::MissingRequiredArgument))?;
    if matches.get_flag("default") {
        return Ok(QuotaCommand {
            phone,
            bytes: Some(Limit::Default),
            files: Some(Limit::Default),
        });
    }
    let mut limit = |name: &'static str, read: fn(&str) -> Option<u64>| {
        let text: Option<String> = matches.remove_one(name);
        text.map(|text| parse(name, &text, read)).transpose()
    };
    Ok(QuotaCommand {
        phone,
        bytes: limit("bytes", |text| {
            ByteSize::parse(text).ok().map(ByteSize::as_u64)
        })?,
        files: limit("files", |text| text.parse().ok())?,
    })
}

fn parse(name: &str, text: &str, read: fn(&str) -> Option<u64>) -> Result<Limit, clap::Error> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Limit::Unlimited);
    }
    read(text).map(Limit::AtMost).ok_or_else(|| {
        let message = format!("--{name}: {text:?} is no limit; it is an amount, or none\n");
        clap::Error::raw(ErrorKind::InvalidValue, message)
    })
}

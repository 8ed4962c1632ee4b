//! The command that prints the audit log.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command as Clap, value_parser};
use kms_domain::audit::{AuditKind, Network};

use super::moment;
use super::{setting_flags, switch};
use crate::config::parse_duration;

/// Events that are printed when nobody says how many.
const LIMIT: &str = "100";

/// Which events to print, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCommand {
    /// Those of an account: its id, or its phone as typed.
    pub user: Option<String>,
    /// Those of this kind.
    pub kind: Option<AuditKind>,
    /// Those from this network.
    pub network: Option<Network>,
    /// Those of this time or later.
    pub since: Option<Moment>,
    /// Those of before this time.
    pub until: Option<Moment>,
    /// At most so many, the latest ones.
    pub limit: usize,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// A time as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long before now.
    Ago(Duration),
    /// In milliseconds since 1970-01-01 UTC.
    At(i64),
}

impl Moment {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(duration) = parse_duration(text) {
            return Ok(Self::Ago(duration));
        }
        moment::parse(text).map(Self::At).ok_or_else(|| {
            "write a length of time back from now, such as 2h or 30d, or a date such as \
             2026-11-25 or 2026-11-25T15:00:00Z"
                .to_owned()
        })
    }
}

pub(super) fn audit() -> Clap {
    let given = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let kinds: Vec<_> = AuditKind::ALL.iter().map(|kind| kind.name()).collect();
    Clap::new("audit")
        .about("Print what happened to accounts and sessions, the latest last")
        .arg(given(
            "user",
            "USER",
            "Of one account: its userid or its phone",
        ))
        .arg(
            given("kind", "KIND", "Of one kind").value_parser(move |text: &str| {
                AuditKind::parse(text).ok_or_else(|| format!("one of {}", kinds.join(", ")))
            }),
        )
        .arg(
            given(
                "network",
                "NETWORK",
                "From one network, such as 203.0.113.0/24",
            )
            .value_parser(Network::parse),
        )
        .arg(
            given(
                "since",
                "TIME",
                "From then on: a date, or a length of time back from now",
            )
            .value_parser(Moment::parse),
        )
        .arg(given("until", "TIME", "Before then").value_parser(Moment::parse))
        .arg(
            given("limit", "N", "At most so many, the latest ones")
                .default_value(LIMIT)
                .value_parser(value_parser!(usize)),
        )
        .arg(switch("json", "Print one JSON object a line"))
        .args(setting_flags().map(|flag| flag.hide(true)))
        .after_help(AUDIT)
}

const AUDIT: &str = "\
Works beside a running server. Times are UTC. Every setting can be given as well, such as --data-dir.";

pub(super) fn audit_command(matches: &mut ArgMatches) -> AuditCommand {
    AuditCommand {
        user: matches.remove_one("user"),
        kind: matches.remove_one("kind"),
        network: matches.remove_one("network"),
        since: matches.remove_one("since"),
        until: matches.remove_one("until"),
        limit: matches.remove_one("limit").unwrap_or_default(),
        json: matches.get_flag("json"),
    }
}

//! The operator's look at the audit log.

use std::io::{self, Write};

use kms_api::cli::{AuditCommand, Moment, time_text};
use kms_api::config::Config;
use kms_domain::Timestamp;
use kms_domain::audit::{AuditQuery, RecordedEvent};
use kms_domain::users::{AccountService, Phone, UserId};
use serde_json::json;

use crate::{Failure, wiring};

/// Events that are read at once.
const PAGE: usize = 1000;

/// Prints the latest events that the command picks, in the order in which they happened.
pub(crate) fn run(config: &Config, command: &AuditCommand) -> Result<(), Failure> {
    let accounts = wiring::expect_accounts(config)?;
    let now = accounts.clock.now();
    let time = |moment: Moment| match moment {
        Moment::At(millis) => Timestamp::from_millis(millis),
        Moment::Ago(duration) => {
            now.minus_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
        }
    };
    let query = AuditQuery {
        user: user(&accounts, command.user.as_deref())?,
        kind: command.kind,
        network: command.network,
        since: command.since.map(time),
        until: command.until.map(time),
    };
    let mut events = Vec::new();
    while events.len() < command.limit {
        let before = events.last().map(|event: &RecordedEvent| event.id);
        let wanted = command.limit.saturating_sub(events.len()).min(PAGE);
        let page = accounts.audit.list(&query, before, wanted)?;
        let is_last = page.len() < wanted;
        events.extend(page);
        if is_last {
            break;
        }
    }
    let mut out = io::stdout().lock();
    let print = if command.json { print_json } else { print_text };
    if !command.json {
        writeln!(out, "time\tkind\tuser\tnetwork\trequest\tdetail")?;
    }
    for event in events.iter().rev() {
        print(&mut out, event)?;
    }
    Ok(out.flush()?)
}

/// The account that an id or a phone names.
fn user(accounts: &AccountService, named: Option<&str>) -> Result<Option<UserId>, Failure> {
    let Some(named) = named else {
        return Ok(None);
    };
    if let Some(id) = UserId::parse(named) {
        return Ok(Some(id));
    }
    let phone = Phone::parse(named).map_err(|_| "a user is named by its userid or its phone")?;
    let found = accounts.users.find_credentials(&phone)?;
    let credentials = found.ok_or("no account has this phone")?;
    Ok(Some(credentials.user))
}

/// One line, tab-separated, so that other tools can read it.
fn print_text(out: &mut dyn Write, recorded: &RecordedEvent) -> io::Result<()> {
    let event = &recorded.event;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    writeln!(
        out,
        "{}\t{}\t{}\t{}\t{}\t{}",
        time_text(event.at.as_millis()),
        event.kind.name(),
        or_dash(event.user.map(|user| user.to_string())),
        or_dash(event.network.map(|network| network.to_string())),
        or_dash(event.request.clone()),
        event.detail,
    )
}

fn print_json(out: &mut dyn Write, recorded: &RecordedEvent) -> io::Result<()> {
    let event = &recorded.event;
    let object = json!({
        "id": recorded.id.as_i64(),
        "time": time_text(event.at.as_millis()),
        "kind": event.kind.name(),
        "user": event.user.map(|user| user.to_string()),
        "network": event.network.map(|network| network.to_string()),
        "request": event.request,
        "detail": event.detail,
    });
    writeln!(out, "{object}")
}

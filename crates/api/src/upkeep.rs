//! The operator's commands about content: collecting and checking.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::ops::ControlFlow;
use std::process::ExitCode;

use kms_api::cli::{FsckCommand, GcCommand};
use kms_api::config::Config;
use kms_domain::files::Used;
use kms_domain::upkeep::{Collected, Depth, Fault, Finding, FsckReport, StoredItem};
use kms_domain::{PortErrorKind, with_causes};
use serde_json::{Value, json};

use crate::{Failure, wiring};

/// Status of a check that found something, and of one that could not be made.
const FINDINGS: u8 = 1;
const NOT_CHECKED: u8 = 2;

/// Bytes and contents after which the progress is told anew.
const STRIDE: u64 = 64 * 1024 * 1024;
const CONTENTS: u64 = 1000;

/// Collects once. Without `apply`, tells what would be done, also beside a running server.
pub(crate) fn collect(config: &Config, command: GcCommand) -> Result<(), Failure> {
    let mut go_on = || ControlFlow::Continue(());
    let (purged, collected) = if command.apply {
        let (collector, purger) = wiring::exclusive_collector(config)?;
        // What could not be done on a full disk is done once more: the reserve has been given back by then.
        let purged = match purger.purge(&mut go_on) {
            Err(error) if error.kind() == PortErrorKind::StorageFull => purger.purge(&mut go_on),
            purged => purged,
        };
        let collected = collector.collect(&mut go_on);
        let collected = match &collected.failure {
            Some(error) if error.kind() == PortErrorKind::StorageFull => {
                collector.collect(&mut go_on)
            }
            _ => collected,
        };
        (purged.map(Some), collected)
    } else {
        (Ok(None), wiring::dry_collector(config)?.collect(&mut go_on))
    };
    let entries = purged.as_ref().ok().copied().flatten();
    if command.json {
        let told = collected_as_json(&collected, command.apply, entries);
        println!("{told}");
    } else {
        print_collected(&collected, command.apply, entries);
    }
    if command.apply {
        wiring::note_command(config, "gc --apply");
    }
    match collected.failure {
        Some(error) => Err(error.into()),
        None => Ok(purged.map(drop)?),
    }
}

/// `entries`: how many deleted entries went for good, if that is known.
fn print_collected(collected: &Collected, apply: bool, entries: Option<usize>) {
    let would = if apply { "" } else { "would be " };
    println!(
        "{would}doomed: {} ({} bytes)\n\
         {would}removed: {} ({} bytes)\n\
         {would}moved to the trash: {} ({} bytes)",
        collected.doomed,
        collected.doomed_bytes,
        collected.removed,
        collected.removed_bytes,
        collected.trashed,
        collected.trashed_bytes,
    );
    if collected.waits_for_backup {
        println!("A backup is being made: what is doomed waits for its end.");
    }
    if let Some(entries) = entries {
        println!("deleted entries gone for good: {entries}");
    }
    if apply {
        println!(
            "given back: {} bytes\ndeleted from the trash: {}\nfailed: {}",
            collected.reclaimed, collected.emptied, collected.failed
        );
    } else {
        println!("Nothing was changed; --apply does it.");
    }
}

fn collected_as_json(collected: &Collected, applied: bool, entries: Option<usize>) -> Value {
    json!({
        "applied": applied,
        "entries": entries,
        "doomed": collected.doomed,
        "doomed_bytes": collected.doomed_bytes,
        "removed": collected.removed,
        "removed_bytes": collected.removed_bytes,
        "waits_for_backup": collected.waits_for_backup,
        "trashed": collected.trashed,
        "trashed_bytes": collected.trashed_bytes,
        "young": collected.young,
        "reclaimed_bytes": collected.reclaimed,
        "emptied": collected.emptied,
        "failed": collected.failed,
    })
}

/// Checks everything, and says so in the exit status.
pub(crate) fn check(config: &Config, command: FsckCommand) -> ExitCode {
    match run_check(config, command) {
        Ok(FsckReport { findings: 0, .. }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(FINDINGS),
        Err(failure) => {
            eprintln!(
                "kms-server: it could not be checked: {}",
                with_causes(&*failure)
            );
            ExitCode::from(NOT_CHECKED)
        }
    }
}

fn run_check(config: &Config, command: FsckCommand) -> Result<FsckReport, Failure> {
    let fsck = match wiring::fsck(config, command.repair) {
        // So damaged that nothing else can be looked at.
        Err(failure) if wiring::is_damage(&failure) => {
            tell(&Finding::Rows(with_causes(&*failure)), command.json);
            let report = FsckReport {
                findings: 1,
                ..FsckReport::default()
            };
            finish(&report, command.json);
            return Ok(report);
        }
        opened => opened?,
    };
    let depth = if command.quick {
        Depth::Quick
    } else {
        Depth::Full
    };
    let mut progress = Progress::new();
    let mut tell = |finding: &Finding| tell(finding, command.json);
    let report = fsck.run(depth, command.repair, &mut tell, &mut |bytes| {
        progress.add(bytes);
        ControlFlow::Continue(())
    })?;
    progress.end();
    if command.repair {
        wiring::note_command(config, "fsck --repair");
    }
    let report = report.ok_or("it was broken off")?;
    finish(&report, command.json);
    Ok(report)
}

fn tell(finding: &Finding, json: bool) {
    let (what, about, detail) = describe(finding);
    if json {
        println!(
            "{}",
            json!({"finding": what, "about": about, "detail": detail})
        );
    } else {
        println!(
            "{what}: {about}{}{detail}",
            if detail.is_empty() { "" } else { ": " }
        );
    }
}

fn finish(report: &FsckReport, json: bool) {
    if json {
        println!("{}", summary(report));
    } else {
        print_report(report);
    }
}

fn describe(finding: &Finding) -> (&'static str, String, String) {
    match finding {
        Finding::Rows(what) => ("database", what.clone(), String::new()),
        Finding::Content { key, fault } => {
            let (what, detail) = match fault {
                Fault::Missing => ("missing", String::new()),
                Fault::WrongSize(size) => ("wrong size", format!("{size} bytes")),
                Fault::Changed => ("changed", String::new()),
                Fault::Unreadable(why) => ("unreadable", why.clone()),
            };
            (what, key.to_string(), detail)
        }
        Finding::Flagged(key) => ("flagged as damaged", key.to_string(), String::new()),
        Finding::Checksums(key) => ("wrong checksums", key.to_string(), String::new()),
        Finding::Stray(stored) => {
            let what = match stored.item {
                StoredItem::Copy(_) => "stray",
                StoredItem::Checksums(_) => "stray checksums",
            };
            let detail = format!("{} bytes", stored.size);
            (what, stored.item.key().to_string(), detail)
        }
        Finding::Usage(counted) => {
            let kept = counted.kept.map_or_else(|| "nothing".to_owned(), holdings);
            let detail = format!("{kept} is kept, the rows have {}", holdings(counted.rows));
            ("wrong usage", counted.user.to_string(), detail)
        }
    }
}

fn holdings(used: Used) -> String {
    format!("{} bytes in {} files", used.bytes, used.files)
}

fn summary(report: &FsckReport) -> Value {
    json!({
        "contents": report.contents,
        "bytes": report.bytes,
        "findings": report.findings,
        "flagged": report.flagged,
        "unflagged": report.unflagged,
        "recounted": report.recounted,
        "young": report.young,
        "without_checksums": report.without_checksums,
        "doomed": report.doomed,
    })
}

fn print_report(report: &FsckReport) {
    println!("{} contents, {} bytes", report.contents, report.bytes);
    for (count, what) in [
        (report.young, "files may be uploads that are not finished"),
        (
            report.without_checksums,
            "contents get checksums from their next reader",
        ),
        (report.doomed, "contents wait for the collector"),
        (report.flagged, "contents were flagged as damaged"),
        (report.unflagged, "contents are sound and lost their flag"),
        (report.recounted, "accounts got their usage counted anew"),
    ] {
        if count > 0 {
            println!("{count} {what}");
        }
    }
    println!("{} findings", report.findings);
}

/// How far a check is, for who watches it.
struct Progress {
    is_shown: bool,
    contents: u64,
    bytes: u64,
    told: (u64, u64),
}

impl Progress {
    fn new() -> Self {
        Self {
            is_shown: stderr().is_terminal(),
            contents: 0,
            bytes: 0,
            told: (0, 0),
        }
    }

    fn add(&mut self, bytes: u64) {
        if bytes == 0 {
            self.contents = self.contents.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let now = (self.contents / CONTENTS, self.bytes / STRIDE);
        if self.is_shown && now != self.told {
            self.told = now;
            let mib = self.bytes / (1024 * 1024);
            let _ = write!(stderr(), "\r{} looked at, {mib} MiB read", self.contents);
        }
    }

    fn end(&self) {
        if self.is_shown && self.told != (0, 0) {
            let _ = writeln!(stderr());
        }
    }
}

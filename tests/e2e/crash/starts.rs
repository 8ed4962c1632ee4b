//! A start that does not get far: it ends, or is refused by the disk, at each system call that writes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tempfile::NamedTempFile;

use super::check::{Depth, check_folder, check_members};
use super::dice::Dice;
use super::ledger::Member;
use super::load::act;
use super::strace::{Fault, calls, strace};
use super::{SETTINGS, chosen};
use crate::harness::Server;

/// Points that are tried in a run of all tests; 0 tries all.
const POINTS: u64 = 12;
/// What is done before each of the starts, so that there is a journal to recover.
const ACTIONS: usize = 6;

/// Starts a server under strace in the folder of one that was killed. How it has ended, or none if it
/// came to listen, after which it was killed; and what was seen of it.
fn start(server: &Server, fault: Option<String>) -> (Option<ExitStatus>, String) {
    let seen = NamedTempFile::new().unwrap();
    let plain = server.how_to_start();
    let mut command = strace(seen.path());
    // The server is our own child, and not strace's.
    command.args(["-D", "-f"]).args(fault);
    command
        .arg(plain.get_program())
        .args(["--listen", "127.0.0.1:0"])
        .current_dir(plain.get_current_dir().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Nothing comes from one that has ended.
    let listens = stdout.read_line(&mut line).unwrap() > 0;
    if listens {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let text = std::fs::read(seen.path()).unwrap();
    let seen = String::from_utf8_lossy(&text).into_owned();
    ((!listens).then_some(status), seen)
}

/// The folder is synced once the database and its journal are in it. SQLite does that too, but drops the
/// error.
fn expect_durable_names(seen: &str) {
    let place = |is_meant: &dyn Fn(&str) -> bool| {
        let last = seen.lines().enumerate().filter(|(_, line)| is_meant(line));
        last.last().unwrap_or_else(|| panic!("{seen}")).0
    };
    for name in ["kms.db\"", "kms.db-wal\""] {
        let made = seen
            .lines()
            .position(|line| line.contains(name) && line.contains("O_CREAT"));
        let synced = place(&|line| line.contains(" fsync(") && line.contains("/data>"));
        assert!(made.is_some_and(|made| made < synced), "{name}: {seen}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_start_that_does_not_get_far() {
    let tried = strace(Path::new("/dev/null")).arg("true").output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no faults at starts: strace is not there, or may not trace");
        return;
    }
    let mut dice = Dice::announced("starts", "KMS_SYSCALL_SEED");
    let mut server = Server::with(SETTINGS);
    let mut members = vec![Member::new(server.client())];
    let mut round = |server: &mut Server, fault: Option<String>, dice: &mut Dice| {
        for _ in 0..ACTIONS {
            act(&mut members, dice);
        }
        server.kill();
        let started = start(server, fault);
        server.start_again();
        check_folder(server);
        check_members(&mut members, Depth::Sample, dice);
        started
    };
    let (ended, seen) = round(&mut server, None, &mut dice);
    assert_eq!(ended, None, "a start without a fault:\n{seen}");
    expect_durable_names(&seen);
    let found = calls(&seen, server.data_dir().to_str().unwrap());
    let on_data = found.into_iter().filter(|call| call.is_on_data);
    let points: BTreeSet<_> = on_data.map(|call| (call.name, call.ordinal)).collect();
    assert!(!points.is_empty(), "a start writes nothing:\n{seen}");
    let all: Vec<_> = Fault::ALL
        .iter()
        .flat_map(|fault| points.iter().map(|point| (*fault, point.clone())))
        .filter(|(fault, (call, _))| fault.is_safe_at(call))
        .collect();
    let found = all.len();
    let tried = dice.choose(all, chosen("KMS_SYSCALL_POINTS", POINTS));
    let mut ends = 0;
    for (fault, (call, ordinal)) in &tried {
        let option = fault.option(call, *ordinal);
        let (ended, _) = round(&mut server, Some(option), &mut dice);
        ends += u64::from(ended.is_some());
        if let (Fault::Kill, Some(status)) = (fault, ended) {
            assert_eq!(status.signal(), Some(9), "{call} {ordinal}");
        }
    }
    let wanted = tried.len();
    eprintln!("starts: {ends} did not get far, of {wanted} tried, of {found} there are");
    assert!(ends > 0, "no start met a fault");
}

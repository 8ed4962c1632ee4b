//! The process is killed at moments of chance, again and again on one folder.

use std::thread;
use std::time::Duration;

use super::check::{Depth, check_every_byte, check_folder, check_members};
use super::dice::Dice;
use super::ledger::Member;
use super::load::{Outcome, act};
use super::{SETTINGS, chosen};
use crate::harness::Server;
use crate::harness::collect_all;

/// Clients at once.
const CLIENTS: usize = 6;
/// Kills in a run of all tests; `cargo xtask nightly` has more.
const CYCLES: u64 = 30;
/// The latest that a kill comes after the clients have begun.
const LATEST_MILLIS: u64 = 400;

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let mut dice = Dice::announced("kills", "KMS_KILL_SEED");
    let mut server = Server::with(SETTINGS);
    let mut crowds: Vec<_> = (0..CLIENTS)
        .map(|_| vec![Member::new(server.client())])
        .collect();
    let cycles = chosen("KMS_KILL_CYCLES", CYCLES);
    for _ in 0..cycles {
        let millis = 1 + dice.below(LATEST_MILLIS);
        thread::scope(|scope| {
            for crowd in &mut crowds {
                let mut dice = dice.fork();
                scope.spawn(move || while act(crowd, &mut dice) != Outcome::Unanswered {});
            }
            // The moment of the kill, and nothing that is waited for.
            thread::sleep(Duration::from_millis(millis));
            server.kill();
        });
        server.start_again();
        check_folder(&server);
        for crowd in &mut crowds {
            check_members(crowd, Depth::Sample, &mut dice);
        }
    }
    let members: usize = crowds.iter().map(Vec::len).sum();
    let files: usize = crowds
        .iter()
        .flatten()
        .map(|member| member.files.len())
        .sum();
    eprintln!("kills: {cycles} kills, {members} accounts and {files} files are owed");
    assert!(files > 0, "nothing was acknowledged, so nothing was tested");
    server.stop();
    collect_all(&server);
    server.start_again();
    check_every_byte(&server);
    for crowd in &mut crowds {
        check_members(crowd, Depth::All, &mut dice);
    }
}

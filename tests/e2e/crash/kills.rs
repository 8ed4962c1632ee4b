//! The process is killed at moments of chance, again and again on one folder.

use std::thread;

use super::check::{Depth, check_every_byte, check_folder, check_members};
use super::dice::Dice;
use super::ledger::Member;
use super::load::Begun;
use super::{SETTINGS, chosen};
use crate::harness::{Server, collect_all};

/// Clients at once.
const CLIENTS: usize = 6;
/// Kills in a run of all tests; `cargo xtask nightly` has more.
const CYCLES: u64 = 30;
/// The most things that the clients begin before a kill.
const MOST_BEGUN: u64 = 100;

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let mut dice = Dice::announced("kills", "KMS_KILL_SEED");
    let mut server = Server::with(SETTINGS);
    let mut crowds: Vec<_> = (0..CLIENTS)
        .map(|_| vec![Member::new(server.client())])
        .collect();
    let cycles = chosen("KMS_KILL_CYCLES", CYCLES);
    for _ in 0..cycles {
        let (begun, enough) = (Begun::default(), 1 + dice.below(MOST_BEGUN));
        thread::scope(|scope| {
            for crowd in &mut crowds {
                let (mut dice, begun) = (dice.fork(), &begun);
                scope.spawn(move || begun.act_until_unanswered(crowd, &mut dice));
            }
            begun.wait_for(enough);
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

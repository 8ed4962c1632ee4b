//! Calls that fail while many clients write: everybody who shares a sync or a commit shares its failure.
//!
//! Here the journal gets long enough to be copied as well, which no single request makes it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::check::{Depth, check_folder, check_members};
use super::dice::Dice;
use super::ledger::{Content, Member, Size};
use super::load::{Action, Outcome, Way, act, perform};
use super::strace::{Fault, Tracer};
use super::{SETTINGS, chosen};
use crate::harness::Server;

const CLIENTS: usize = 6;
/// Faults in a run of all tests.
const FAULTS: u64 = 4;
/// How long a call is waited for: a journal of 16 MiB takes some seconds.
const BOUND: Duration = Duration::from_secs(12);
/// How long the clients go on after it.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// Whose calls fail, and up to which of them.
const CALLS: [(&str, &str, u64); 8] = [
    ("sqlite-journal", "pwrite64", 300),
    ("sqlite-journal", "fdatasync", 4),
    ("sqlite-writer", "pwrite64", 800),
    ("sqlite-writer", "fdatasync", 200),
    ("kms-packs", "pwrite64", 40),
    ("kms-packs", "fdatasync", 30),
    ("tokio-rt-worker", "fsync", 6),
    ("tokio-rt-worker", "syncfs", 6),
];

#[test]
fn what_was_acknowledged_under_load_survives_a_call_that_fails() {
    let mut dice = Dice::announced("faults under load", "KMS_SYSCALL_SEED");
    let mut server = Server::with(SETTINGS);
    let mut crowds: Vec<_> = (0..CLIENTS)
        .map(|_| vec![Member::new(server.client())])
        .collect();
    let wanted = chosen("KMS_LOADED_FAULTS", FAULTS);
    let mut met = 0;
    let first = dice.index(CALLS.len());
    for round in 0..wanted as usize {
        let (name, call, most) = CALLS[(first + round) % CALLS.len()];
        let fault = Fault::ALL[dice.index(Fault::ALL.len())];
        let option = fault.option(call, 1 + dice.index(most as usize));
        // So that there are threads of every name.
        for crowd in &mut crowds {
            act(crowd, &mut dice);
        }
        let threads: Vec<_> = server.threads_named(name);
        // One that was idle may have ended meanwhile.
        let tracer = Tracer::of_threads(&threads, Some(option.clone()))
            .or_else(|_| Tracer::of_process(server.pid(), Some(option.clone())));
        let tracer = match tracer {
            Ok(tracer) => tracer,
            Err(why) => {
                eprintln!("SKIPPED: no faults under load: {why}");
                return;
            }
        };
        let was_met = load_until_met(&mut crowds, &tracer, &mut dice);
        let calls = tracer.detach(&server.data_dir());
        let is_repeated = calls.iter().any(|call| call.is_hit && call.is_repeated);
        met += u64::from(was_met);
        let is_sync = call != "pwrite64";
        if was_met && is_sync && !is_repeated && fault == Fault::Eio {
            let what = format!("{option} on {name}");
            expect_nothing_more(&crowds[0], name, &what, &mut dice);
        }
        server.kill();
        server.start_again();
        check_folder(&server);
        for crowd in &mut crowds {
            check_members(crowd, Depth::Sample, &mut dice);
        }
    }
    eprintln!("faults under load: {met} met, of {wanted} tried");
    for crowd in &mut crowds {
        check_members(crowd, Depth::All, &mut dice);
    }
}

/// Whether the fault was met.
fn load_until_met(crowds: &mut [Vec<Member>], tracer: &Tracer, dice: &mut Dice) -> bool {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for crowd in crowds {
            let (mut dice, stop) = (dice.fork(), &stop);
            scope.spawn(
                move || {
                    while !stop.load(Ordering::Relaxed) && go_on(crowd, &mut dice) {}
                },
            );
        }
        let end = Instant::now() + BOUND;
        let mut was_met = false;
        while !was_met && Instant::now() < end {
            thread::park_timeout(Duration::from_millis(10));
            was_met = tracer.has_met();
        }
        thread::park_timeout(AFTERWARDS);
        stop.store(true, Ordering::Relaxed);
        was_met
    })
}

/// Mostly instant uploads, which make the journal long soon. Whether the server still answers.
fn go_on(crowd: &mut Vec<Member>, dice: &mut Dice) -> bool {
    let newest = crowd.last_mut().unwrap();
    let outcome = if newest.token.is_none() || newest.files.len() >= 60 || dice.once_in(6) {
        act(crowd, dice)
    } else {
        perform(newest, Action::Instant(Content::common(dice)))
    };
    outcome != Outcome::Unanswered
}

/// After a sync that failed, nothing that needs one like it is acknowledged.
fn expect_nothing_more(crowd: &[Member], thread: &str, what: &str, dice: &mut Dice) {
    let action = match thread {
        "kms-packs" | "tokio-rt-worker" => {
            Action::Upload(Way::Raw, Content::fresh(Size::Small, dice))
        }
        _ => Action::Register,
    };
    let mut member = Member::new(crowd[0].client.clone());
    if let (Action::Upload(..), Some(known)) = (action, crowd.iter().find(|m| m.token.is_some())) {
        member.token.clone_from(&known.token);
    }
    let outcome = perform(&mut member, action);
    assert_ne!(outcome, Outcome::Acknowledged, "after {what}");
}

//! The disk loses its power while the server writes to it.
//!
//! Only `cargo xtask powercut` runs this, because it takes root and mounts file systems. The controls are
//! a build of the server that leaves syncs out: where that were not found, nothing would be shown.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::check::{Depth, check_folder, check_members};
use super::dice::Dice;
use super::ledger::{Content, Member};
use super::load::{Action, Begun, Outcome, perform};
use super::volume::{Flushes, Volume};
use super::{SETTINGS, chosen};
use crate::harness::{Server, at_once};

const CLIENTS: usize = 6;
/// Whether and how often the power is cut.
const CUTS: &str = "KMS_POWER_CUTS";
const SEED: &str = "KMS_POWER_SEED";
/// The most things that the clients begin before a cut, beyond the first.
const MOST_BEGUN: u64 = 300;
/// After which there is a fresh disk: with some hundred it is full.
const CUTS_OF_A_DISK: u64 = 60;
/// After which a control is taken for one that is never found.
const MOST_CUTS_OF_A_CONTROL: u64 = 60;
/// From here on the journal of the database is begun anew in its old space: a sync of it then changes no
/// size, and so does not take the names of other files along.
const LONG_JOURNAL: u64 = 17 * 1024 * 1024;

/// What nothing refers to is collected at once and all the time, so that a cut comes between any two of
/// its steps.
const COLLECTING: &[(&str, &str)] = &[("KMS_GC_INTERVAL", "50ms"), ("KMS_GC_GRACE", "0s")];

/// A server on a disk that can be unplugged, and those who use it.
struct Scene {
    crowds: Vec<Vec<Member>>,
    // In this order: the file system is used as long as the server is there.
    server: Server,
    volume: Volume,
    dice: Dice,
}

impl Scene {
    fn new(flushes: Flushes, more: &[(&str, &str)], dice: &mut Dice) -> Self {
        let volume = Volume::new(flushes);
        let settings = [SETTINGS, COLLECTING, more].concat();
        let server = Server::in_folder(&volume.inner(), &settings);
        let crowds = (0..CLIENTS)
            .map(|_| vec![Member::new(server.client())])
            .collect();
        let scene = Self {
            crowds,
            server,
            volume,
            dice: dice.fork(),
        };
        scene.make_the_journal_long();
        scene
    }

    fn make_the_journal_long(&self) {
        let journal = self.server.data_dir().join("kms.db-wal");
        let dice = self.dice.clone();
        at_once(CLIENTS, |index| {
            let mut dice = Dice::new(dice.clone().roll() ^ index as u64);
            let mut member = Member::new(self.server.client());
            let content = Content::common(&mut dice);
            for action in [Action::Register, Action::Login] {
                assert_eq!(perform(&mut member, action), Outcome::Acknowledged);
            }
            let upload = Action::Upload(super::load::Way::Raw, content);
            assert_eq!(perform(&mut member, upload), Outcome::Acknowledged);
            while fs::metadata(&journal).unwrap().len() < LONG_JOURNAL {
                let outcome = perform(&mut member, Action::Instant(content));
                assert_eq!(outcome, Outcome::Acknowledged);
            }
        });
    }

    /// One cut under load, after which the server is down.
    fn cut(&mut self) {
        let begun = Begun::default();
        let (before, after) = (10 + self.dice.below(MOST_BEGUN), self.dice.below(20));
        thread::scope(|scope| {
            for crowd in &mut self.crowds {
                let (mut dice, begun) = (self.dice.fork(), &begun);
                scope.spawn(move || begun.act_until_unanswered(crowd, &mut dice));
            }
            begun.wait_for(before);
            self.volume.cut();
            // What is answered now is believed as well.
            begun.wait_for(after);
            self.server.kill();
        });
        self.volume.mount_again();
    }

    fn start_and_check(&mut self, depth: Depth) {
        self.server.start_again();
        check_folder(&self.server);
        for crowd in &mut self.crowds {
            check_members(crowd, depth, &mut self.dice);
        }
    }

    fn files(&self) -> usize {
        let members = self.crowds.iter().flatten();
        members.map(|member| member.files.len()).sum()
    }
}

/// How many cuts are wanted; says so if none are.
fn cuts() -> Option<u64> {
    let cuts = chosen(CUTS, 0);
    if cuts == 0 {
        eprintln!("SKIPPED: power cuts need root; `cargo xtask powercut` runs them");
    }
    (cuts > 0).then_some(cuts)
}

#[test]
fn what_was_acknowledged_survives_every_power_cut() {
    let Some(cuts) = cuts() else { return };
    let mut dice = Dice::announced("power cuts", SEED);
    let mut files = 0;
    let mut left = cuts;
    while left > 0 {
        let mut scene = Scene::new(Flushes::Sent, &[], &mut dice);
        for _ in 0..left.min(CUTS_OF_A_DISK) {
            scene.cut();
            scene.start_and_check(Depth::Sample);
        }
        scene.server.kill();
        scene.start_and_check(Depth::All);
        files += scene.files();
        left = left.saturating_sub(CUTS_OF_A_DISK);
    }
    eprintln!("power: {cuts} cuts, {files} files are owed and there");
}

#[test]
fn every_sync_that_is_left_out_is_found_by_a_power_cut() {
    if std::env::var_os("E2E_CONTROL_SERVER").is_none() || cuts().is_none() {
        eprintln!(
            "SKIPPED: the controls need a build of their own; `cargo xtask powercut` makes it"
        );
        return;
    }
    let mut dice = Dice::announced("controls of power cuts", SEED);
    for skipped in [
        "commits", "notes", "packs", "blobs", "names", "dooms", "flushes",
    ] {
        // The last one shows that the disk's cache is lost as well.
        let flushes = match skipped {
            "flushes" => Flushes::Withheld,
            _ => Flushes::Sent,
        };
        let mut scene = Scene::new(flushes, &[("SABOTAGE", skipped)], &mut dice);
        scene.server.wait_for_log("LOSES DATA ON PURPOSE");
        let found = (1..=MOST_CUTS_OF_A_CONTROL).find(|_| {
            scene.cut();
            // A damaged database may not even start, which is found as well.
            let lost = catch_unwind(AssertUnwindSafe(|| {
                scene.start_and_check(Depth::Sample);
            }));
            lost.is_err()
        });
        match found {
            Some(cut) => eprintln!("control {skipped}: found at cut {cut}"),
            None => {
                panic!("{skipped} was left out in {MOST_CUTS_OF_A_CONTROL} cuts, and not found")
            }
        }
    }
}

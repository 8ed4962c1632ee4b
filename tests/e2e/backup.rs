//! Backups by the real binary, beside a server that is being written to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::harness::blobs::flip_byte_of;
use crate::harness::server::files_below;
use crate::harness::{Client, Person, Server, User, bytes, md5_hex, sha256_hex, until};

/// Backups under load. A longer run sets the variable; its name is none of the server's.
#[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
fn rounds() -> usize {
    let rounds = std::env::var("E2E_BACKUPS").ok();
    rounds.map_or(20, |rounds| rounds.parse().unwrap())
}

/// A server, a folder for its backup, and folders to restore to.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            server: Server::start(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn backup_dir(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    /// Runs a command about the backup.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let backup = self.backup_dir();
        let all: Vec<_> = arguments.iter().copied().chain(backup.to_str()).collect();
        self.server.command(&all, "")
    }

    /// Makes a backup, and answers the summary.
    #[track_caller]
    pub(crate) fn back_up(&self, arguments: &[&str]) -> String {
        let arguments: Vec<_> = ["backup"].iter().chain(arguments).copied().collect();
        expect_code(&self.run(&arguments), 0)
    }

    /// Restores the newest backup and starts a server on it.
    #[track_caller]
    pub(crate) fn restored(&self) -> Server {
        Server::restored(|data| {
            let data = data.to_str().unwrap();
            expect_code(&self.run(&["restore", "--data-dir", data]), 0);
        })
    }

    fn pooled(&self, content: &[u8]) -> PathBuf {
        let digest = sha256_hex(content);
        let shard = self.backup_dir().join("blobs").join(&digest[..2]);
        shard.join(&digest[2..4]).join(&digest)
    }

    fn newest(&self) -> PathBuf {
        let all = fs::read_dir(self.backup_dir().join("snapshots")).unwrap();
        all.map(|entry| entry.unwrap().path()).max().unwrap()
    }
}

#[track_caller]
pub(crate) fn expect_code(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The same person on another server.
pub(crate) fn at(server: &Server, person: &Person) -> User {
    server.client().sign_in(person)
}

/// What has been acknowledged: whose, and which bytes.
type Acknowledged = Mutex<HashMap<String, (usize, Vec<u8>)>>;

/// Somebody uploads until told to stop: small and large files, known bytes once more (which replaces
/// their copies), instant uploads, avatars.
fn write(user: &User, who: usize, load: &Load, all: &Acknowledged) {
    let shared = bytes(7, 30_000);
    let mut last = shared.clone();
    let mut turn = 0_u64;
    while !load.is_over.load(Ordering::Relaxed) {
        if load.is_paused.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(2));
            continue;
        }
        let seed = who as u64 * 1_000_000 + turn;
        let content = match turn % 6 {
            0 => bytes(seed, 400_000),
            1 | 2 => shared.clone(),
            3 => last.clone(),
            _ => bytes(seed, 3000 + turn as usize % 5000),
        };
        let fid = if turn % 6 == 3 {
            // Also when somebody else's upload replaces the copy just then.
            let answer = user.instant("instant", &md5_hex(&content));
            answer.expect_code(131).fid()
        } else {
            user.hide("file", &content)
        };
        if turn % 6 == 5 {
            user.set_avatar(&bytes(seed, 2000)).expect_code(120);
        }
        last.clone_from(&content);
        all.lock().unwrap().insert(fid, (who, content));
        load.turns.fetch_add(1, Ordering::Relaxed);
        turn += 1;
    }
}

/// What the writers are told, and tell.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    is_paused: AtomicBool,
    turns: AtomicU64,
}

impl Load {
    /// Has them write while `work` runs, after each has written something.
    fn during<T>(&self, writers: u64, work: impl FnOnce() -> T) -> T {
        let wanted = self.turns.load(Ordering::Relaxed) + 3 * writers;
        self.is_paused.store(false, Ordering::Relaxed);
        until("more was uploaded", || {
            self.turns.load(Ordering::Relaxed) >= wanted
        });
        let result = work();
        self.is_paused.store(true, Ordering::Relaxed);
        result
    }
}

/// Also when a test fails, which would wait for the writers for ever else.
struct OverAtEnd<'l>(&'l Load);

impl Drop for OverAtEnd<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn every_backup_under_load_has_all_that_was_acknowledged_before_it() {
    const WRITERS: usize = 3;
    // Several servers, so that no restore has very much to store.
    const OF_A_SERVER: usize = 5;
    let mut left = rounds();
    while left > 0 {
        let place = Place::new();
        let users: Vec<_> = (0..WRITERS).map(|_| place.server.new_user()).collect();
        let acknowledged = Acknowledged::default();
        let load = Load::default();
        std::thread::scope(|scope| {
            let _over = OverAtEnd(&load);
            for (who, user) in users.iter().enumerate() {
                let (load, all) = (&load, &acknowledged);
                scope.spawn(move || write(user, who, load, all));
            }
            for _ in 0..OF_A_SERVER.min(left) {
                let before = load.during(WRITERS as u64, || {
                    let before = acknowledged.lock().unwrap().clone();
                    place.back_up(&["--keep", "2"]);
                    before
                });
                let copy = place.restored();
                let users: Vec<_> = users.iter().map(|user| at(&copy, &user.person)).collect();
                for (fid, (who, content)) in &before {
                    assert!(users[*who].read(fid) == *content, "{left}: {fid}");
                }
            }
        });
        expect_code(&place.run(&["backup", "--verify"]), 0);
        left = left.saturating_sub(OF_A_SERVER);
    }
}

#[test]
fn a_restored_server_has_everything_but_sessions() {
    let place = Place::new();
    let user = place.server.new_user();
    let content = bytes(1, 300_000);
    let fid = user.publish("a", &content);
    user.set_avatar(b"a picture").expect_code(120);
    place.back_up(&[]);
    let later = user.publish("later", b"later");
    let copy = place.restored();
    let client: Client = copy.client();
    User::new(client, user.person.clone(), &user.token)
        .info()
        .expect_bare(3);
    let user = at(&copy, &user.person);
    assert_eq!(user.own().len(), 1);
    assert!(user.read(&fid) == content);
    user.get_file(&later).expect_bare(2);
    assert_eq!(user.get_avatar().expect_code(121).data(), b"a picture");
    user.instant("b", &md5_hex(&content)).expect_code(131);
    user.publish("c", &content);
}

#[test]
fn a_second_backup_copies_only_what_is_new() {
    let place = Place::new();
    let user = place.server.new_user();
    for seed in 0..5 {
        user.publish("a", &bytes(seed, 10_000));
    }
    let first = place.back_up(&[]);
    assert!(
        first.contains("5 files") && first.contains("copied 5,"),
        "{first}"
    );
    user.publish("b", &bytes(9, 100_000));
    user.publish("again", &bytes(1, 10_000));
    let second = place.back_up(&[]);
    assert!(
        second.contains("6 files") && second.contains("copied 1,"),
        "{second}"
    );
    let count = |folder: &Path| {
        let mut found = Vec::new();
        files_below(folder, &mut found);
        found.len()
    };
    assert_eq!(count(&place.backup_dir().join("blobs")), 6);
    let third = place.back_up(&["--keep", "1"]);
    assert!(
        third.contains("copied 0,") && third.contains("2 older removed"),
        "{third}"
    );
    assert_eq!(count(&place.backup_dir().join("snapshots")), 2);
}

#[test]
fn damage_in_the_data_folder_is_told_and_so_is_damage_in_the_backup() {
    let place = Place::new();
    let user = place.server.new_user();
    let content = bytes(1, 100_000);
    let fid = user.publish("a", &content);
    let other = bytes(2, 5000);
    user.publish("b", &other);
    let blobs = place.server.blobs_after_all(2);
    let blob = blobs.iter().find(|blob| blob.size == 100_000).unwrap();
    blob.flip_a_byte();
    let output = place.run(&["backup"]);
    let summary = expect_code(&output, 1);
    assert!(
        summary.contains("1 damaged or missing and NOT in it"),
        "{summary}"
    );
    assert!(told(&output).contains(&sha256_hex(&content)), "{output:?}");
    // It is as it was made, but that was not whole.
    let output = place.run(&["backup", "--verify"]);
    assert!(
        expect_code(&output, 1).contains("1 were missing"),
        "{output:?}"
    );
    assert!(told(&output).contains("missing already"), "{output:?}");
    let copy = Server::restored(|data| {
        let output = place.run(&["restore", "--data-dir", data.to_str().unwrap()]);
        expect_code(&output, 1);
    });
    let there = at(&copy, &user.person);
    there.get_file(&fid).expect_bare(5);
    there.publish("again", &content);
    assert!(there.read(&fid) == content);

    // Healed here as well, so the next backup is whole.
    user.publish("again", &content);
    place.back_up(&["--keep", "1"]);
    expect_code(&place.run(&["backup", "--verify"]), 0);
    flip_byte_of(&place.pooled(&other), 100);
    let output = place.run(&["backup", "--verify"]);
    assert!(expect_code(&output, 1).contains("1 NOT as"), "{output:?}");
    assert!(told(&output).contains(&sha256_hex(&other)), "{output:?}");
    expect_code(&place.run(&["backup", "--reread"]), 1);
    expect_code(&place.run(&["backup", "--verify"]), 0);
    let database = place.newest().join("kms.db");
    flip_byte_of(&database, 5000);
    expect_code(&place.run(&["backup", "--verify"]), 1);
}

#[test]
fn a_backup_that_is_killed_is_none_and_the_next_one_is_whole() {
    let place = Place::new();
    let user = place.server.new_user();
    let contents: Vec<_> = (0..60)
        .map(|seed| bytes(seed, 60_000 + seed as usize))
        .collect();
    let fids: Vec<_> = contents
        .iter()
        .map(|content| user.publish("a", content))
        .collect();
    for part in [0, 1, 20] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kms-server"))
            .arg("backup")
            .arg(place.backup_dir())
            .env("KMS_DATA_DIR", place.server.data_dir())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut found = Vec::new();
        until("some is copied", || {
            found.clear();
            files_below(&place.backup_dir().join("blobs"), &mut found);
            found.len() >= part || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let finished = place.backup_dir().join("snapshots").exists()
            && fs::read_dir(place.backup_dir().join("snapshots"))
                .unwrap()
                .any(|entry| entry.unwrap().path().join("manifest").exists());
        if !finished {
            let data = place.folder.path().join("none");
            let output = place.run(&["restore", "--data-dir", data.to_str().unwrap()]);
            expect_code(&output, 2);
            assert!(!data.exists());
        }
    }
    place.back_up(&[]);
    expect_code(&place.run(&["backup", "--verify"]), 0);
    let copy = place.restored();
    let user = at(&copy, &user.person);
    for (fid, content) in fids.iter().zip(&contents) {
        assert!(user.read(fid) == *content);
    }
}

#[test]
fn folders_that_will_not_do_are_refused_with_a_reason() {
    let place = Place::new();
    let user = place.server.new_user();
    user.publish("a", b"content");
    let data = place.server.data_dir();
    let inside = data.join("backup");
    let output = place
        .server
        .command(&["backup", inside.to_str().unwrap()], "");
    expect_code(&output, 2);
    assert!(told(&output).contains("in the data folder"), "{output:?}");
    assert!(!inside.exists());
    expect_code(&place.run(&["backup", "--verify"]), 2);
    place.back_up(&[]);
    // The running server's own folder is not empty.
    let output = place.run(&["restore"]);
    expect_code(&output, 2);
    assert!(told(&output).contains("not empty"), "{output:?}");
    let inside = place.backup_dir().join("inside");
    let output = place.run(&["restore", "--data-dir", inside.to_str().unwrap()]);
    expect_code(&output, 2);
    assert!(
        told(&output).contains("around the data folder"),
        "{output:?}"
    );
    assert!(!inside.exists());
    user.publish("b", b"still served");
}

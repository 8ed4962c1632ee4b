//! Power cuts that take commits whose notes are in packs: all that was acknowledged is there again after the
//! start.
//!
//! What a power cut leaves is made by hand: the packs as they are, and the database as it was before.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use kms_domain::files::{FileId, FileReceipt, OpenOutcome, StoreFile, Title, UploadOutcome};
use kms_domain::users::Actor;
use kms_infra::backup::{BackupJob, Observer, Problem, Progress, back_up};
use kms_infra::sqlite::{SqliteConfig, SqliteDatabase, SqliteFileRepository};
use kms_infra::{Installation, InstallationError, Rules, SystemClock, UseCases};
use tempfile::TempDir;

#[path = "../examples/embed.rs"]
#[allow(dead_code, reason = "its main is the example's")]
mod embed;

/// The files of the database, of which the second is its journal.
const DATABASE: [&str; 2] = ["kms.db", "kms.db-wal"];

struct Scene {
    installation: Installation,
    cases: UseCases,
    ada: Actor,
    path: PathBuf,
    _folder: Option<TempDir>,
}

fn scene(rules: &Rules) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let scene = open(&folder.path().join("data"), rules);
    Scene {
        _folder: Some(folder),
        ..scene
    }
}

fn open(path: &Path, rules: &Rules) -> Scene {
    let installation = Installation::open(path).unwrap();
    let cases = installation.use_cases(rules);
    let ada = embed::sign_in(&cases, "13800138000", "secret-1").unwrap();
    Scene {
        installation,
        cases,
        ada,
        path: path.to_owned(),
        _folder: None,
    }
}

impl Scene {
    fn store(&self, title: &str, content: &[u8]) -> UploadOutcome {
        let upload = self.cases.files.begin_upload().unwrap();
        let upload = upload.push(content).unwrap().finish();
        let described = StoreFile {
            title: Title::parse(title).unwrap(),
            visibility: None,
            md5: None,
            sha256: None,
        };
        self.cases
            .files
            .store(&self.ada, upload, described)
            .unwrap()
    }

    fn stored(&self, title: &str, content: &[u8]) -> FileId {
        match self.store(title, content) {
            UploadOutcome::Stored(FileReceipt { id, .. })
            | UploadOutcome::Linked(FileReceipt { id, .. }) => id,
            other => panic!("{other:?}"),
        }
    }

    /// The database as a disk has it now.
    fn database(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for name in DATABASE {
            fs::copy(self.path.join(name), copy.path().join(name)).unwrap();
        }
        copy
    }

    /// The folder as a power cut leaves it that takes all commits behind `database`.
    fn cut(&self, database: &TempDir) -> TempDir {
        let left = tempfile::tempdir().unwrap();
        copy_folder(&self.path, left.path());
        for name in DATABASE {
            fs::copy(database.path().join(name), left.path().join(name)).unwrap();
        }
        left
    }
}

/// A folder with "one", and "two" in a note alone.
fn after_a_cut(rules: &Rules) -> TempDir {
    let scene = scene(rules);
    scene.stored("one", b"one");
    let before = scene.database();
    scene.stored("two", b"two");
    scene.cut(&before)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else if entry.file_name() != "kms.db-shm" {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

/// What somebody finds who starts on the folder: titles and contents in the order of their names, and what is
/// counted.
fn found(folder: &Path, rules: &Rules) -> (Vec<(String, FileId, Vec<u8>)>, u64) {
    let installation = Installation::open(folder).unwrap();
    let cases = installation.use_cases(rules);
    let ada = embed::sign_in(&cases, "13800138000", "secret-1").unwrap();
    let page = cases.files.list_own(&ada, None).unwrap();
    let mut all: Vec<_> = page
        .files
        .into_iter()
        .map(|file| {
            let OpenOutcome::Opened(mut opened) = cases.files.open(&ada, file.id).unwrap() else {
                panic!("{file:?} has no content");
            };
            let mut content = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                match opened.content.read(&mut buffer).unwrap() {
                    0 => break,
                    read => content.extend_from_slice(&buffer[..read]),
                }
            }
            (file.title.as_str().to_owned(), file.id, content)
        })
        .collect();
    all.sort();
    (all, cases.files.standing(&ada).unwrap().used.bytes)
}

fn names(found: &[(String, FileId, Vec<u8>)]) -> Vec<&str> {
    found.iter().map(|(title, ..)| title.as_str()).collect()
}

#[test]
fn entries_that_a_power_cut_has_taken_are_stored_again_once() {
    let rules = Rules::default();
    let scene = scene(&rules);
    let one = scene.stored("one", b"content of one");
    let before = scene.database();
    let two = scene.stored("two", &[2; 10_000]);
    let three = scene.stored("three", b"content of one");
    let left = scene.cut(&before);

    // Nothing but the notes knows of them.
    let untouched = scene.cut(&before);
    let rows = SqliteDatabase::open(SqliteConfig::new(untouched.path().join("kms.db"))).unwrap();
    let files = SqliteFileRepository::new(&rows);
    for (id, is_there) in [(one, true), (two, false), (three, false)] {
        use kms_domain::files::FileRepository as _;
        let file = files.find_readable(id, scene.ada.user()).unwrap();
        assert_eq!(file.is_some(), is_there);
    }

    let expected = vec![
        ("one".to_owned(), one, b"content of one".to_vec()),
        ("three".to_owned(), three, b"content of one".to_vec()),
        ("two".to_owned(), two, vec![2; 10_000]),
    ];
    for _ in 0..2 {
        let (all, bytes) = found(left.path(), &rules);
        assert_eq!(all, expected);
        assert_eq!(bytes, 10_028);
    }
}

#[test]
fn what_was_deleted_does_not_come_back() {
    let rules = Rules::default();
    let scene = scene(&rules);
    scene.stored("kept", b"kept");
    let gone = scene.stored("gone", b"gone");
    scene.cases.files.delete(&scene.ada, gone).unwrap();
    // That was synced, and with it what came before.
    let before = scene.database();
    scene.stored("later", b"later");
    let left = scene.cut(&before);
    let (all, _) = found(left.path(), &rules);
    assert_eq!(names(&all), ["kept", "later"]);
}

#[test]
fn limits_that_were_lowered_since_take_nothing_of_what_was_acknowledged() {
    let rules = Rules::default();
    let left = after_a_cut(&rules);
    let mut lower = Rules::default();
    lower.files.quota.files = Some(1);
    let (all, _) = found(left.path(), &lower);
    assert_eq!(names(&all), ["one", "two"]);
}

#[test]
fn one_power_cut_after_another_takes_nothing() {
    let rules = Rules::default();
    let mut left = after_a_cut(&rules);
    for round in 3..6 {
        let again = open(left.path(), &rules);
        // The first one of a pack enters the pack, which is synced.
        again.stored(&format!("{round} at first"), &[round; 99]);
        let before = again.database();
        again.stored(&round.to_string(), &[round; 100]);
        left = again.cut(&before);
    }
    let (all, _) = found(left.path(), &rules);
    let expected = "3, 3 at first, 4, 4 at first, 5, 5 at first, one, two";
    assert_eq!(names(&all).join(", "), expected);
}

#[test]
fn a_start_without_the_packs_is_refused_and_takes_nothing() {
    let rules = Rules::default();
    let left = after_a_cut(&rules);
    let (packs, away) = (left.path().join("packs"), left.path().join("away"));
    fs::rename(&packs, &away).unwrap();
    for _ in 0..2 {
        let refused = Installation::open(left.path()).err().unwrap();
        assert!(matches!(refused, InstallationError::Redo(_)), "{refused}");
    }
    fs::remove_dir_all(&packs).unwrap();
    fs::rename(&away, &packs).unwrap();
    let (all, _) = found(left.path(), &rules);
    assert_eq!(names(&all), ["one", "two"]);
}

#[test]
fn a_folder_that_was_closed_has_nothing_to_carry_out() {
    let rules = Rules::default();
    let scene = scene(&rules);
    scene.stored("one", b"one");
    let logs = |path: &Path| -> i64 {
        let file = path.join("kms.db");
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        let logs = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM redo_logs");
        logs.get_result(&mut conn).unwrap()
    };
    assert_eq!(logs(&scene.path), 1);
    let path = scene.path.clone();
    let Scene {
        installation,
        cases,
        _folder,
        ..
    } = scene;
    drop((cases, installation));
    assert_eq!(logs(&path), 0);
}

#[test]
fn a_folder_of_which_notes_alone_know_something_is_not_backed_up() {
    let rules = Rules::default();
    let left = after_a_cut(&rules);
    let into = tempfile::tempdir().unwrap();
    let back_up = || {
        let job = BackupJob {
            data: left.path(),
            into: into.path(),
            keep: None,
            reread: false,
            busy_timeout: Duration::from_secs(5),
            clock: &SystemClock,
            release: "test",
        };
        back_up(&job, &mut Silent).map(|report| report.contents)
    };
    let refused = back_up().unwrap_err();
    assert!(
        refused.to_string().contains("start its server once"),
        "{refused}"
    );
    // Beside whoever has the folder for himself they are about to be rows.
    let lock = File::open(left.path().join("LOCK")).unwrap();
    lock.lock().unwrap();
    assert_eq!(back_up().unwrap(), 1);
    drop(lock);
    let (all, _) = found(left.path(), &rules);
    assert_eq!(names(&all), ["one", "two"]);
    assert_eq!(back_up().unwrap(), 2);
}

struct Silent;

impl Observer for Silent {
    fn progress(&mut self, _: &Progress) {}

    fn problem(&mut self, problem: &Problem) {
        panic!("{problem}");
    }
}

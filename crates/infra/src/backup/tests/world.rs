//! A data folder with content, its backup, and what may happen meanwhile.

use std::fs;
use std::io::Read as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use kms_domain::files::{Attached, BlobKey, BlobRef, BlobRepository, BlobStore, FileRepository};
use kms_domain::users::UserRepository;
use kms_domain::{Clock, Timestamp};
use kms_testkit::builders::{a_blob, a_file, a_user, file_id, sha256_of, user_id};
use tempfile::TempDir;

use super::super::*;
use crate::SystemClock;
use crate::disk::{DataDir, DiskBlobStore};
use crate::sqlite::SqliteUserRepository;
use crate::sqlite::{SqliteBlobRepository, SqliteConfig, SqliteDatabase, SqliteFileRepository};

/// Contents of every kind: records of packs, a file of one block, a file with checksums.
pub(super) const SIZES: [usize; 5] = [1, 5000, 5001, 100_000, 600_000];

pub(super) fn content(seed: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| (at * 7 + seed * 31 + at / 256) as u8)
        .collect()
}

pub(super) fn contents() -> Vec<Vec<u8>> {
    SIZES
        .iter()
        .enumerate()
        .map(|(seed, size)| content(seed, *size))
        .collect()
}

/// The clock stands still.
pub(super) struct At(pub(super) i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0)
    }
}

/// A data folder that its owner has open, as a server has.
pub(super) struct World {
    pub(super) dir: DataDir,
    pub(super) db: SqliteDatabase,
    pub(super) store: DiskBlobStore,
    pub(super) files: u32,
}

impl World {
    pub(super) fn open(path: &Path) -> Self {
        let dir = DataDir::open(path).unwrap();
        let db = SqliteDatabase::open(SqliteConfig::new(dir.database_path())).unwrap();
        let store = DiskBlobStore::new(&dir);
        let files = 0;
        Self {
            dir,
            db,
            store,
            files,
        }
    }

    /// One with somebody in it who has entries over `contents`.
    pub(super) fn with(path: &Path, contents: &[Vec<u8>]) -> Self {
        let mut world = Self::open(path);
        SqliteUserRepository::new(&world.db)
            .register(&a_user(1))
            .unwrap();
        for content in contents {
            world.put(content);
        }
        world
    }

    /// Uploads, as the domain does.
    pub(super) fn put(&mut self, content: &[u8]) {
        let mut staged = self.store.stage().unwrap();
        staged.write(content).unwrap();
        let key = staged.publish(&sha256_of(content)).unwrap();
        self.files += 1;
        let file = a_file(user_id(1), content).id(file_id(self.files)).build();
        let blob = a_blob(content).key(key).build();
        let files = SqliteFileRepository::new(&self.db);
        if let Attached::Replaced { surplus } = files.attach(&file, &blob).unwrap() {
            self.store.remove(&surplus).unwrap();
        }
    }

    pub(super) fn row(&self, content: &[u8]) -> BlobRef {
        let blobs = SqliteBlobRepository::new(&self.db, Arc::new(SystemClock));
        blobs.find_live(&sha256_of(content)).unwrap().unwrap()
    }

    pub(super) fn key(&self, content: &[u8]) -> BlobKey {
        self.row(content).key
    }

    pub(super) fn read(&self, content: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut reader = self.store.open(&self.key(content)).ok()??;
        reader.read_to_end(&mut bytes).unwrap();
        Some(bytes)
    }

    pub(super) fn expect(&self, contents: &[Vec<u8>]) {
        for content in contents {
            assert!(!self.row(content).damaged, "{}", content.len());
            assert!(self.read(content).unwrap() == *content, "{}", content.len());
        }
    }

    pub(super) fn sql(&self, statements: &str) {
        let path = self.dir.database_path();
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
        conn.batch_execute(statements).unwrap();
    }
}

/// Does something once when a step begins, and notes problems.
pub(super) struct Meddler<'m> {
    at: &'static str,
    pub(super) meddle: Option<Box<dyn FnOnce() + 'm>>,
    pub(super) problems: Vec<String>,
}

impl<'m> Meddler<'m> {
    pub(super) fn at(at: &'static str, meddle: impl FnOnce() + 'm) -> Self {
        let meddle = Some(Box::new(meddle) as _);
        Self {
            at,
            meddle,
            problems: Vec::new(),
        }
    }

    pub(super) fn none() -> Self {
        Self {
            at: "",
            meddle: None,
            problems: Vec::new(),
        }
    }
}

impl Observer for Meddler<'_> {
    fn progress(&mut self, progress: &Progress) {
        if progress.step == self.at
            && let Some(meddle) = self.meddle.take()
        {
            meddle();
        }
    }

    fn problem(&mut self, problem: &Problem) {
        self.problems.push(problem.to_string());
    }
}

/// What is special about a backup.
#[derive(Clone, Copy, Default)]
pub(super) struct Change<'c> {
    pub(super) data: Option<&'c Path>,
    pub(super) into: Option<&'c Path>,
    pub(super) keep: u32,
    pub(super) reread: bool,
    pub(super) clock: Option<&'c dyn Clock>,
}

/// A folder for a data folder, a backup and what is restored.
pub(super) struct Place(pub(super) TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    pub(super) fn backup(&self) -> PathBuf {
        self.0.path().join("backup")
    }

    pub(super) fn restored(&self) -> PathBuf {
        self.0.path().join("restored")
    }

    pub(super) fn try_back_up(
        &self,
        change: Change<'_>,
        observer: &mut dyn Observer,
    ) -> Result<BackupReport, BackupError> {
        let (data, into) = (self.data(), self.backup());
        let job = BackupJob {
            data: change.data.unwrap_or(&data),
            into: change.into.unwrap_or(&into),
            keep: NonZeroU32::new(change.keep),
            reread: change.reread,
            busy_timeout: Duration::from_secs(5),
            clock: change.clock.unwrap_or(&SystemClock),
            release: "0.0.0",
        };
        back_up(&job, observer)
    }

    /// Backs up without a problem.
    pub(super) fn back_up(&self) -> BackupReport {
        let report = self
            .try_back_up(Change::default(), &mut Meddler::none())
            .unwrap();
        assert_eq!(report.problems, 0);
        report
    }

    pub(super) fn back_up_while(&self, observer: &mut Meddler<'_>) -> BackupReport {
        self.try_back_up(Change::default(), observer).unwrap()
    }

    pub(super) fn back_up_and_keep(&self, keep: u32) -> BackupReport {
        let change = Change {
            keep,
            ..Change::default()
        };
        self.try_back_up(change, &mut Meddler::none()).unwrap()
    }

    pub(super) fn verify(&self) -> (VerifyReport, Vec<String>) {
        let backup = self.backup();
        let job = VerifyJob {
            backup: &backup,
            generation: None,
        };
        let mut observer = Meddler::none();
        let report = verify(&job, &mut observer).unwrap();
        assert_eq!(report.problems, observer.problems.len() as u64);
        (report, observer.problems)
    }

    pub(super) fn try_restore(
        &self,
        generation: Option<&str>,
    ) -> (Result<RestoreReport, BackupError>, Vec<String>) {
        let (backup, data) = (self.backup(), self.restored());
        let job = RestoreJob {
            backup: &backup,
            generation,
            data: &data,
            clock: &At(77),
        };
        let mut observer = Meddler::none();
        (restore(&job, &mut observer), observer.problems)
    }

    pub(super) fn restore(&self) -> (RestoreReport, World) {
        let (report, _) = self.try_restore(None);
        let report = report.unwrap();
        (report, World::open(&self.restored()))
    }

    pub(super) fn pooled(&self, content: &[u8]) -> PathBuf {
        pool::path_in(&self.backup().join("blobs"), &sha256_of(content))
    }

    pub(super) fn generation(&self, name: &str) -> PathBuf {
        self.backup().join("snapshots").join(name)
    }
}

pub(super) fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

//! Making a data folder of a backup.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use kms_domain::files::{BlobKey, BlobStore, Sha256, StagedBlob};
use kms_domain::{Clock, PortError, Timestamp};

use super::folder::{BackupFolder, Generation, keep_apart};
use super::make::{Counting, digest_of_file};
use super::manifest::{Entry, ManifestReader};
use super::pool::{Found, Pool};
use super::verify::does_not_fit;
use super::{BackupError, Observer, Progress, database_failed, io_failed};
use crate::disk::{DataDir, DiskBlobStore, EmptyFolder};
use crate::sqlite::SavedDatabase;

/// Contents that are on their way to the disk at once. Small ones share a sync.
const IN_FLIGHT: usize = 256;

/// What is to be restored, and where.
pub struct RestoreJob<'a> {
    /// The backup's folder. It is only read.
    pub backup: &'a Path,
    /// The generation; `None`: the newest.
    pub generation: Option<&'a str>,
    /// The data folder, which must be empty or missing.
    pub data: &'a Path,
    /// Since when lost content is known to be lost.
    pub clock: &'a dyn Clock,
}

/// What a finished restore is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The generation that was restored.
    pub generation: String,
    /// Contents that are there.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Contents that rows refer to and that are lost: damaged in the backup, or missing already when
    /// it was made. They are flagged; an upload of the same bytes heals them.
    pub lost: u64,
}

/// Restores a backup. When it returns, the folder is whole and durable; before, nobody can open it.
/// All sessions have ended. Blocks, for hours if there is much.
///
/// # Errors
/// [`BackupError`]: the folder is as it was then, unless it failed at the very end.
pub fn restore(
    job: &RestoreJob<'_>,
    observer: &mut dyn Observer,
) -> Result<RestoreReport, BackupError> {
    keep_apart(job.backup, job.data)?;
    let backup = BackupFolder::to_read(job.backup)?;
    let generation = backup.choose(job.generation)?;
    let mut observer = Counting {
        observer,
        problems: 0,
    };
    let totals = ManifestReader::check(&generation.manifest())?;
    let manifest = generation.read()?;
    let target = EmptyFolder::take(job.data)?;
    let dir = DataDir::open(target.building())?;
    observer.progress("copying the database", Progress::default());
    let path = dir.database_path();
    let database = copy_database(&generation, &manifest, &path)?;
    let (sender, stored) = channel();
    let mut run = Run {
        store: DiskBlobStore::new(&dir),
        database,
        path: &path,
        pool: Pool::of(&backup),
        now: job.clock.now(),
        sender,
        stored,
        in_flight: 0,
        lost: 0,
        observer,
        progress: Progress {
            step: "restoring",
            of_files: totals.contents,
            of_bytes: totals.bytes,
            ..Progress::default()
        },
    };
    run.restore_all(manifest)?;
    let (lost, contents, bytes) = (run.lost, run.progress.files, run.progress.bytes);
    run.finish()?;
    let synced = || {
        File::open(&path)?.sync_all()?;
        crate::disk::sync_folder(dir.path())
    };
    synced().map_err(io_failed(&path, "the database cannot be synced"))?;
    drop(dir);
    target.finish()?;
    Ok(RestoreReport {
        generation: generation.name,
        contents,
        bytes,
        lost,
    })
}

fn copy_database(
    generation: &Generation,
    manifest: &ManifestReader,
    to: &Path,
) -> Result<SavedDatabase, BackupError> {
    let from = generation.database();
    // Not `fs::copy`: the backup may be read-only, and the copy is not to be.
    let copy = || -> io::Result<u64> {
        let mut copy = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)?;
        io::copy(&mut File::open(&from)?, &mut copy)
    };
    copy().map_err(io_failed(&from, "the database cannot be copied"))?;
    // Of the copy: that is what counts.
    if digest_of_file(to)? != manifest.database {
        return Err(BackupError::refused(
            &from,
            "the database is not what was written; choose another generation",
        ));
    }
    SavedDatabase::open_copy(to).map_err(database_failed(&from))
}

type Stored = (Entry, Result<BlobKey, PortError>);

struct Run<'a> {
    store: DiskBlobStore,
    database: SavedDatabase,
    path: &'a Path,
    pool: Pool,
    now: Timestamp,
    sender: Sender<Stored>,
    stored: Receiver<Stored>,
    in_flight: usize,
    lost: u64,
    observer: Counting<'a>,
    progress: Progress,
}

impl Run<'_> {
    fn restore_all(&mut self, mut manifest: ManifestReader) -> Result<(), BackupError> {
        let (contents, _) = self.database.totals().map_err(database_failed(self.path))?;
        let mut named = 0_u64;
        while let Some(entry) = manifest.next()? {
            named = named.saturating_add(1);
            if entry.is_there {
                self.store(entry)?;
            } else {
                let trouble = "it was damaged or missing already when the backup was made";
                self.lose(&entry.sha256, &format!("content {}", entry.sha256), trouble)?;
            }
            while self.in_flight >= IN_FLIGHT {
                self.receive()?;
            }
        }
        while self.in_flight > 0 {
            self.receive()?;
        }
        if contents == named {
            Ok(())
        } else {
            Err(does_not_fit(self.path))
        }
    }

    /// Begins to store content.
    fn store(&mut self, entry: Entry) -> Result<(), BackupError> {
        let mut staged: Box<dyn StagedBlob> = self.store.stage().map_err(BackupError::Store)?;
        let mut write = |bytes: &[u8]| staged.write(bytes).map_err(BackupError::Store);
        let found = self.pool.read(&entry.sha256, entry.size, &mut write)?;
        if let Found::Bad(trouble) = found {
            let subject = self.pool.path(&entry.sha256).display().to_string();
            return self.lose(&entry.sha256, &subject, &trouble);
        }
        let sender = self.sender.clone();
        self.in_flight = self.in_flight.saturating_add(1);
        staged.publish_then(
            &entry.sha256,
            Box::new(move |key| {
                // Nobody receives when the restore has failed.
                let _ = sender.send((entry, key));
            }),
        );
        Ok(())
    }

    /// Takes note of content that is stored.
    fn receive(&mut self) -> Result<(), BackupError> {
        let (entry, key) = self
            .stored
            .recv()
            .map_err(|error| BackupError::Store(PortError::internal(error)))?;
        self.in_flight = self.in_flight.saturating_sub(1);
        let key = key.map_err(BackupError::Store)?;
        self.database
            .moved(&entry.sha256, &key)
            .map_err(database_failed(self.path))?;
        self.progress.files = self.progress.files.saturating_add(1);
        self.progress.bytes = self.progress.bytes.saturating_add(entry.size);
        self.observer.progress("restoring", self.progress);
        Ok(())
    }

    fn lose(&mut self, sha256: &Sha256, subject: &str, trouble: &str) -> Result<(), BackupError> {
        self.lost = self.lost.saturating_add(1);
        self.observer.problem(subject, trouble);
        self.database
            .lost(sha256, self.now)
            .map_err(database_failed(self.path))
    }

    /// Finishes the rows. The store is closed then, and nothing is written any more.
    fn finish(self) -> Result<(), BackupError> {
        self.database.finish().map_err(database_failed(self.path))
    }
}

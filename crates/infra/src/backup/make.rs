//! Making a backup.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kms_domain::files::{BlobKey, Sha256};
use kms_domain::{Clock, Timestamp, with_causes};
use sha2::Digest as _;

use super::folder::{BackupFolder, Generation};
use super::manifest::{Entry, ManifestReader, ManifestWriter, Totals, Union, digest_of};
use super::pool::{Found, PoolWriter};
use super::{BackupError, Observer, Problem, Progress, database_failed, io_failed, names, prune};
use crate::disk::{BackupLease, DataDir, StoredBlobs, is_free, read_notes, sync_folder};
use crate::sqlite::{Content, LiveDatabase, SavedDatabase};

/// Contents that are asked for at once.
const PAGE: u16 = 1000;

/// What is to be backed up, and where.
pub struct BackupJob<'a> {
    /// The data folder. Its server may run.
    pub data: &'a Path,
    /// The backup's folder.
    pub into: &'a Path,
    /// How many finished generations are kept; `None`: all.
    pub keep: Option<NonZeroU32>,
    /// Reads what earlier generations have in the pool as well, and copies anew what is not right.
    pub reread: bool,
    /// How long to wait for a lock on the database.
    pub busy_timeout: Duration,
    /// Names the generation.
    pub clock: &'a dyn Clock,
    /// The release that makes it.
    pub release: &'a str,
}

/// What a finished backup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// Its name.
    pub generation: String,
    /// Contents in it.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Contents that were copied, because the pool did not have them.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Contents that are not in it, because they are damaged or missing in the data folder.
    pub missing: u64,
    /// Older generations that were removed.
    pub removed: u64,
    /// Problems that were told, those about missing contents among them.
    pub problems: u64,
}

/// Refuses a folder of which only notes know some uploads, after a power cut and before the next start: they
/// are not in the database, which is what is saved. Beside a server they are about to be.
fn refuse_undone(
    data: &Path,
    live: &mut LiveDatabase,
    observer: &mut dyn Observer,
) -> Result<(), BackupError> {
    let logs = live.redo_logs().map_err(database_failed(data))?;
    let mut undone = 0_u64;
    for log in logs {
        let packs = data.join("packs");
        let read = read_notes(&packs, &log.log, log.position, &mut |_| {
            undone = undone.saturating_add(1);
            Ok(())
        });
        // Damage is no reason to have no backup at all.
        if let Err(error) = read {
            observer.problem(&Problem {
                subject: format!("packs/{}", log.log),
                trouble: with_causes(&error),
            });
        }
    }
    if undone > 0 && is_free(data) {
        return Err(BackupError::refused(
            data,
            "some uploads are noted in the packs only, as after a power cut: start its server once, which \
             stores them",
        ));
    }
    Ok(())
}

/// Makes a backup. When it returns, the backup is durable. Blocks, for hours if there is much.
///
/// # Errors
/// [`BackupError`]: there is no new generation then, and the older ones are as they were.
pub fn back_up(
    job: &BackupJob<'_>,
    observer: &mut dyn Observer,
) -> Result<BackupReport, BackupError> {
    let database = DataDir::database_path_in(job.data);
    if !database.exists() {
        return Err(BackupError::refused(
            job.data,
            "there is no data folder: it has no kms.db",
        ));
    }
    let folder = BackupFolder::to_write(job.into, job.data)?;
    // Before the state is saved whose bytes must stay.
    let lease = BackupLease::shared(job.data)
        .map_err(io_failed(job.data, "the backup's lock cannot be taken"))?;
    let mut live =
        LiveDatabase::open(&database, job.busy_timeout).map_err(database_failed(&database))?;
    refuse_undone(job.data, &mut live, observer)?;
    let older = folder.generations()?;
    let generation = Unfinished::begin(&folder, job.clock.now(), &older)?;
    let mut run = Run {
        live,
        live_path: database,
        stored: StoredBlobs::in_folder(job.data),
        pool: PoolWriter::of(&folder),
        reread: job.reread,
        observer: Counting {
            observer,
            problems: 0,
        },
        progress: Progress::default(),
        copied: (0, 0),
    };
    let known = run.known(&older)?;
    let manifest = run.copy_all(&generation.0, known, job.release)?;
    drop(lease);
    run.step("making it durable");
    run.pool.finish()?;
    generation.sync()?;
    let totals = manifest.finish()?;
    let generation = generation.finished();
    let names = || -> io::Result<()> {
        sync_folder(&folder.snapshots())?;
        sync_folder(folder.path())
    };
    names().map_err(io_failed(folder.path(), "the folder cannot be synced"))?;

    run.observer.progress("removing what is old", run.progress);
    // The backup is whole already, whatever becomes of older ones.
    let removed = prune::prune(&folder, &generation, job.keep, &mut run.observer);
    let removed = removed.unwrap_or_else(|error| {
        run.observer.problem("older backups", with_causes(&error));
        0
    });
    let Totals {
        contents,
        missing,
        bytes,
    } = totals;
    Ok(BackupReport {
        generation: generation.name,
        contents,
        bytes,
        copied: run.copied.0,
        copied_bytes: run.copied.1,
        missing,
        removed,
        problems: run.observer.problems,
    })
}

/// An observer, and how many problems it was told.
pub(super) struct Counting<'o> {
    pub(super) observer: &'o mut dyn Observer,
    pub(super) problems: u64,
}

impl Counting<'_> {
    pub(super) fn problem(&mut self, subject: impl Into<String>, trouble: impl Into<String>) {
        self.problems = self.problems.saturating_add(1);
        self.observer.problem(&Problem {
            subject: subject.into(),
            trouble: trouble.into(),
        });
    }

    pub(super) fn progress(&mut self, step: &'static str, progress: Progress) {
        self.observer.progress(&Progress { step, ..progress });
    }
}

/// A generation that has no manifest yet. It goes when it is dropped.
struct Unfinished(Generation);

impl Unfinished {
    /// Makes the folder of a new generation, which is named for the time, but never before an older
    /// one, so that the order of names stays that of backups also when a clock is set back.
    fn begin(
        folder: &BackupFolder,
        now: Timestamp,
        older: &[Generation],
    ) -> Result<Self, BackupError> {
        let name = match older.last() {
            Some(newest) => names::name_of(now).max(names::name_after(&newest.name)),
            None => names::name_of(now),
        };
        let generation = folder.generation(&name);
        DirBuilder::new()
            .mode(0o700)
            .create(generation.path())
            .map_err(io_failed(generation.path(), "the folder cannot be made"))?;
        Ok(Self(generation))
    }

    fn sync(&self) -> Result<(), BackupError> {
        let path = self.0.database();
        let synced = || File::open(&path)?.sync_all();
        synced().map_err(io_failed(&path, "the file cannot be synced"))
    }

    fn finished(self) -> Generation {
        let generation = self.0.clone();
        std::mem::forget(self);
        generation
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.0.is_finished() {
            // What stays behind is removed by the next backup.
            let _ = fs::remove_dir_all(self.0.path());
        }
    }
}

struct Run<'o> {
    live: LiveDatabase,
    live_path: PathBuf,
    stored: StoredBlobs,
    pool: PoolWriter,
    reread: bool,
    observer: Counting<'o>,
    progress: Progress,
    copied: (u64, u64),
}

impl Run<'_> {
    fn step(&mut self, step: &'static str) {
        self.progress.step = step;
        self.observer.progress(step, self.progress);
    }

    /// What older generations say is in the pool.
    fn known(&mut self, older: &[Generation]) -> Result<Union, BackupError> {
        self.step("reading older manifests");
        let mut readers = Vec::new();
        for generation in older.iter().filter(|generation| generation.is_finished()) {
            // To its end, because a manifest is only right as a whole.
            let checked = ManifestReader::check(&generation.manifest());
            match checked.and_then(|_| generation.read()) {
                Ok(reader) => readers.push(reader),
                Err(error) => self.observer.problem(
                    format!("the older backup {}", generation.name),
                    with_causes(&error),
                ),
            }
        }
        Union::of(readers)
    }

    /// Saves a state of the database in `generation` and copies the contents that it refers to. The
    /// manifest that comes back is not finished.
    fn copy_all(
        &mut self,
        generation: &Generation,
        mut known: Union,
        release: &str,
    ) -> Result<ManifestWriter, BackupError> {
        let path = generation.database();
        self.step("saving the database");
        self.live
            .save_to(&path)
            .map_err(database_failed(&self.live_path))?;
        self.step("checking the database");
        let mut saved = SavedDatabase::open(&path).map_err(database_failed(&path))?;
        saved.check().map_err(database_failed(&path))?;
        let (files, bytes) = saved.totals().map_err(database_failed(&path))?;
        (self.progress.of_files, self.progress.of_bytes) = (files, bytes);
        let (sha256, size) = digest_of_file(&path)?;
        let mut manifest = ManifestWriter::begin(&generation.manifest(), release, (&sha256, size))?;
        self.step("copying");
        let mut after = None;
        loop {
            let page = saved
                .contents(after.as_ref(), PAGE)
                .map_err(database_failed(&path))?;
            let Some(last) = page.last() else {
                return Ok(manifest);
            };
            after = Some(last.sha256);
            for content in &page {
                let is_known = known.names(&content.sha256)?;
                manifest.add(&Entry {
                    sha256: content.sha256,
                    size: content.size,
                    is_there: self.take(content, is_known)?,
                })?;
                self.progress.files = self.progress.files.saturating_add(1);
                self.progress.bytes = self.progress.bytes.saturating_add(content.size);
                self.step("copying");
            }
        }
    }

    /// Sees to it that content is in the pool. `false`: it cannot be had.
    fn take(&mut self, content: &Content, is_known: bool) -> Result<bool, BackupError> {
        let (sha256, size) = (&content.sha256, content.size);
        if self.pool.has(sha256, size)? {
            // What no finished generation names an interrupted backup has left, who knows how.
            let is_trusted = is_known && !self.reread;
            if is_trusted || self.pool.is_sound(sha256, size)? {
                return Ok(true);
            }
            if is_known {
                self.observer.problem(
                    self.pool.path(sha256).display().to_string(),
                    "it was damaged in the backup, and is copied again",
                );
            }
        }
        let trouble = match self.copy(content)? {
            Found::Sound => {
                self.copied.0 = self.copied.0.saturating_add(1);
                self.copied.1 = self.copied.1.saturating_add(size);
                return Ok(true);
            }
            Found::Bad(trouble) => trouble,
        };
        self.observer.problem(
            format!("content {sha256} ({size} bytes) in the data folder"),
            trouble,
        );
        Ok(false)
    }

    /// Copies content from under its key, or from wherever it has gone meanwhile.
    fn copy(&mut self, content: &Content) -> Result<Found, BackupError> {
        let mut tried: Vec<BlobKey> = Vec::new();
        let mut next = Some(content.key.clone());
        let mut found = Found::Bad("missing".to_owned());
        while let Some(key) = next {
            match self.stored.open(&key) {
                Ok(Some(source)) => {
                    found = self.pool.take_in(&content.sha256, content.size, source)?;
                    if found == Found::Sound {
                        return Ok(found);
                    }
                }
                Ok(None) => {}
                Err(e) => found = Found::Bad(format!("cannot be opened: {e}")),
            }
            tried.push(key);
            let keys = self.live.keys_of(content);
            let keys = keys.map_err(database_failed(&self.live_path))?;
            next = keys.into_iter().find(|key| !tried.contains(key));
        }
        Ok(found)
    }
}

/// The digest and the size of a file.
pub(super) fn digest_of_file(path: &Path) -> Result<(Sha256, u64), BackupError> {
    let mut hash = sha2::Sha256::new();
    let mut size = 0_u64;
    let mut buffer = vec![0; 256 * 1024];
    let mut read = || -> io::Result<()> {
        let mut file = File::open(path)?;
        loop {
            let filled = file.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..filled).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            hash.update(bytes);
            size = size.saturating_add(u64::try_from(filled).map_err(io::Error::other)?);
        }
    };
    read().map_err(io_failed(path, "the file cannot be read"))?;
    Ok((digest_of(hash), size))
}

//! Reading a backup to see whether it is as it was written.

use std::path::Path;

use kms_domain::with_causes;

use super::folder::{BackupFolder, Generation};
use super::make::{Counting, digest_of_file};
use super::manifest::{ManifestReader, Totals, Union};
use super::pool::{Found, Pool};
use super::{BackupError, Observer, Progress, database_failed};
use crate::sqlite::SavedDatabase;

/// Contents that are asked for at once.
const PAGE: u16 = 1000;

/// What is to be verified.
pub struct VerifyJob<'a> {
    /// The backup's folder. It is only read.
    pub backup: &'a Path,
    /// One generation; `None`: all.
    pub generation: Option<&'a str>,
}

/// What was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Finished generations.
    pub generations: u64,
    /// Different contents of theirs.
    pub contents: u64,
    /// The bytes of these.
    pub bytes: u64,
    /// Contents that were missing already when the generations were made; told for each of these.
    pub missing: u64,
    /// Generations that were made without some of their contents.
    pub incomplete: u64,
    /// Problems that were told, one for each of these generations among them. Without others, each
    /// generation can be restored as it was made.
    pub problems: u64,
}

/// Reads manifests, databases and contents. Blocks, for hours if there is much.
///
/// # Errors
/// [`BackupError`] when there is nothing to verify, or it could not be found out. Damage is no error
/// but a problem, and so is that a generation was made without some of its contents.
pub fn verify(
    job: &VerifyJob<'_>,
    observer: &mut dyn Observer,
) -> Result<VerifyReport, BackupError> {
    let folder = BackupFolder::to_read(job.backup)?;
    let mut observer = Counting {
        observer,
        problems: 0,
    };
    let newest = folder.choose(job.generation)?;
    let generations = match job.generation {
        Some(_) => vec![newest],
        None => folder.generations()?,
    };
    let mut report = VerifyReport::default();
    let mut readers = Vec::new();
    for generation in generations.iter().filter(|one| one.is_finished()) {
        report.generations = report.generations.saturating_add(1);
        observer.progress("checking a database", Progress::default());
        match check(generation) {
            Ok(totals) => {
                if totals.missing > 0 {
                    report.incomplete = report.incomplete.saturating_add(1);
                    report.missing = report.missing.saturating_add(totals.missing);
                    observer.problem(
                        format!("the backup {}", generation.name),
                        format!(
                            "{} contents were damaged or missing already when it was made",
                            totals.missing
                        ),
                    );
                }
                readers.push(generation.read()?);
            }
            Err(error) => observer.problem(
                format!("the backup {}", generation.name),
                with_causes(&error),
            ),
        }
    }
    let mut progress = Progress::default();
    let mut pool = Pool::of(&folder);
    let mut contents = Union::of(readers)?;
    while let Some(entry) = contents.next()? {
        let found = pool.read(&entry.sha256, entry.size, &mut |_| Ok(()))?;
        if let Found::Bad(trouble) = found {
            observer.problem(pool.path(&entry.sha256).display().to_string(), trouble);
        }
        progress.files = progress.files.saturating_add(1);
        progress.bytes = progress.bytes.saturating_add(entry.size);
        observer.progress("reading contents", progress);
    }
    (report.contents, report.bytes) = (progress.files, progress.bytes);
    report.problems = observer.problems;
    Ok(report)
}

/// Whether a generation's manifest and database are right, and belong together.
fn check(generation: &Generation) -> Result<Totals, BackupError> {
    let totals = ManifestReader::check(&generation.manifest())?;
    let mut manifest = generation.read()?;
    let path = generation.database();
    if digest_of_file(&path)? != manifest.database {
        return Err(BackupError::refused(
            &path,
            "the database is not what was written",
        ));
    }
    let mut database = SavedDatabase::open(&path).map_err(database_failed(&path))?;
    database.check().map_err(database_failed(&path))?;
    let mut after = None;
    loop {
        let page = database
            .contents(after.as_ref(), PAGE)
            .map_err(database_failed(&path))?;
        for content in &page {
            let entry = manifest.next()?;
            if entry.map(|entry| (entry.sha256, entry.size)) != Some((content.sha256, content.size))
            {
                return Err(does_not_fit(&path));
            }
        }
        match page.last() {
            Some(last) => after = Some(last.sha256),
            None if manifest.next()?.is_none() => return Ok(totals),
            None => return Err(does_not_fit(&path)),
        }
    }
}

pub(super) fn does_not_fit(path: &Path) -> BackupError {
    BackupError::refused(
        path,
        "the manifest does not name what the database refers to",
    )
}

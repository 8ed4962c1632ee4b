//! Removing what a backup needs no more, once a newer one is durable.

use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use kms_domain::files::Sha256;
use kms_domain::with_causes;

use super::folder::{BackupFolder, Generation};
use super::make::Counting;
use super::manifest::{ManifestReader, Union};
use super::{BackupError, io_failed};
use crate::disk::sync_folder;

/// Removes generations that were never finished, finished ones but the newest `keep`, and then what
/// none of the rest names in the pool. `newest` is durable. Answers how many finished generations
/// were removed.
pub(super) fn prune(
    folder: &BackupFolder,
    newest: &Generation,
    keep: Option<NonZeroU32>,
    observer: &mut Counting<'_>,
) -> Result<u64, BackupError> {
    let (mut finished, unfinished): (Vec<_>, Vec<_>) = folder
        .generations()?
        .into_iter()
        .partition(Generation::is_finished);
    let kept = keep.and_then(|keep| usize::try_from(keep.get()).ok());
    let surplus = finished.len().saturating_sub(kept.unwrap_or(usize::MAX));
    let old: Vec<_> = finished.drain(..surplus).collect();
    let old: Vec<_> = old.iter().filter(|old| old.name != newest.name).collect();
    for generation in old.iter().copied().chain(&unfinished) {
        remove(generation).map_err(io_failed(generation.path(), "it cannot be removed"))?;
    }
    if !old.is_empty() || !unfinished.is_empty() {
        sync_folder(&folder.snapshots()).map_err(io_failed(
            &folder.snapshots(),
            "the folder cannot be synced",
        ))?;
        sweep(folder, &finished, observer)?;
    }
    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
}

/// The manifest goes first: what is left of a generation is not finished any more.
fn remove(generation: &Generation) -> io::Result<()> {
    match fs::remove_file(generation.manifest()) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => sync_folder(generation.path())?,
    }
    fs::remove_dir_all(generation.path())
}

/// Removes the files of the pool that no manifest names. If one of the manifests cannot be read,
/// nothing is removed.
fn sweep(
    folder: &BackupFolder,
    finished: &[Generation],
    observer: &mut Counting<'_>,
) -> Result<(), BackupError> {
    let mut readers = Vec::new();
    for generation in finished {
        let checked = ManifestReader::check(&generation.manifest());
        match checked.and_then(|_| generation.read()) {
            Ok(reader) => readers.push(reader),
            Err(error) => {
                observer.problem(
                    "contents that no backup needs any more are kept",
                    with_causes(&error),
                );
                return Ok(());
            }
        }
    }
    let mut named = Union::of(readers)?;
    // Names sort as digests do, so one pass through both is enough.
    for outer in sorted(&folder.blobs())? {
        for inner in sorted(&outer)? {
            for file in sorted(&inner)? {
                let name = file.file_name().and_then(|name| name.to_str());
                let Some(sha256) = name.and_then(|name| Sha256::parse(name).ok()) else {
                    continue;
                };
                if !named.names(&sha256)? {
                    fs::remove_file(&file)
                        .map_err(io_failed(&file, "the file cannot be removed"))?;
                }
            }
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let listed = || -> io::Result<Vec<PathBuf>> {
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<_> = entries.collect::<io::Result<_>>()?;
        paths.sort();
        Ok(paths)
    };
    listed().map_err(io_failed(folder, "the folder cannot be listed"))
}

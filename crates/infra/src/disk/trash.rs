//! Where the store puts what no row knows: `<data>/trash/<milliseconds>-<name>`, in which the time is
//! the one of the move. A name keeps it through every kind of copying.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use kms_domain::files::{BlobKey, BlobStore as _};
use kms_domain::upkeep::{BlobTrash, RemovalHold, StoredItem};
use kms_domain::{PortError, Timestamp};

use super::error::{io_failed, sync_failed};
use super::inventory::FirstError;
use super::lease::BackupLease;
use super::staged::move_without_replacing;
use super::store::{DiskBlobStore, folder_entries};
use super::sums;

impl DiskBlobStore {
    fn place_in_trash(&self, now: Timestamp, name: &str) -> PathBuf {
        self.inner()
            .dir
            .trash()
            .join(format!("{}-{name}", now.as_millis()))
    }

    fn locate_file(&self, key: &BlobKey) -> Option<PathBuf> {
        self.inner().locate(key).map(|(_, path)| path)
    }

    fn trash_record(&self, key: &BlobKey, now: Timestamp) -> Result<(), PortError> {
        let Some(content) = self.inner().packs.content(key)? else {
            return Ok(());
        };
        let place = self.place_in_trash(now, key.as_str());
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&place)?;
            file.write_all(&content)?;
            io::Result::Ok(file)
        })();
        let file = written.map_err(io_failed("write", &place))?;
        // A hole cannot be taken back, so what was there must be kept elsewhere before.
        let gate = &self.inner().gate;
        let synced = gate.sync(&file);
        synced
            .and_then(|()| gate.sync_folder(&self.inner().dir.trash()))
            .map_err(sync_failed("sync", &place))?;
        self.remove(key)
    }
}

impl BlobTrash for DiskBlobStore {
    fn trash(&self, item: &StoredItem, now: Timestamp) -> Result<(), PortError> {
        let key = item.key();
        let Some(path) = self.locate_file(key) else {
            return self.trash_record(key, now);
        };
        let sums = sums::path_of(&path);
        let moved = match item {
            // The checksums go last, as in a removal.
            StoredItem::Copy(_) => vec![path, sums],
            StoredItem::Checksums(_) => vec![sums],
        };
        for from in moved {
            let name = from.file_name().and_then(|name| name.to_str());
            let to = self.place_in_trash(now, name.unwrap_or_default());
            match move_without_replacing(&from, &to) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(io_failed("move to the trash", &from)(e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn hold_off_backups(&self) -> Result<Option<RemovalHold>, PortError> {
        let lease = BackupLease::try_exclusive(&self.inner().dir)?;
        Ok(lease.map(|lease| -> RemovalHold { Box::new(lease) }))
    }

    fn reclaim(&self, before: Timestamp) -> Result<u64, PortError> {
        self.inner().packs.reclaim(before)
    }

    fn empty(&self, before: Timestamp) -> Result<u64, PortError> {
        let mut emptied = 0_u64;
        let mut first = FirstError::default();
        for path in folder_entries(&self.inner().dir.trash())? {
            if moved_at(&path).is_none_or(|at| at >= before) {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) => emptied = emptied.saturating_add(1),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => drop(first.note::<()>(Err(io_failed("delete", &path)(e)))),
            }
        }
        first.into_result().map(|()| emptied)
    }
}

/// When a file was moved to the trash. `None` for what the store did not put there.
fn moved_at(path: &Path) -> Option<Timestamp> {
    let (millis, _) = path.file_name()?.to_str()?.split_once('-')?;
    millis.parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests;

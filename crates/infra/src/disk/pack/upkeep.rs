//! Packs as the collector and fsck see them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use kms_domain::files::{BlobKey, Sha256};
use kms_domain::upkeep::{Checksums, Inspection, Stored, StoredItem};
use kms_domain::{PortError, Timestamp};
use sha2::Digest as _;

use super::format::{BLOCK, PackId, Place, next_data, walk};
use super::{Packs, Shared, content_of};
use crate::disk::error::io_failed;
use crate::disk::inventory::{FirstError, modified};
use crate::disk::store::folder_entries;

/// Bytes that are looked at together.
const PIECE: usize = 256 * 1024;

/// Calls `each` for every record in `folder`. When a pack was written last stands for all of its
/// records: none of them is younger. A pack that cannot be walked through keeps nobody from the others.
pub(in crate::disk) fn list_records(
    folder: &Path,
    each: &mut dyn FnMut(Stored) -> ControlFlow<()>,
    first: &mut FirstError,
) {
    for path in first.note(folder_entries(folder)).unwrap_or_default() {
        for stored in first.note(records_of(&path)).unwrap_or_default() {
            if each(stored).is_break() {
                return;
            }
        }
    }
}

/// Gathered first: a pack has some ten thousand records at most, and whoever is told of one may remove
/// it.
fn records_of(path: &Path) -> Result<Vec<Stored>, PortError> {
    let Some((id, file)) = open_pack(path).map_err(io_failed("open", path))? else {
        return Ok(Vec::new());
    };
    let failed = || io_failed("walk through", path);
    let modified = modified(&file.metadata().map_err(failed())?);
    let mut records = Vec::new();
    walk(id, &file, &mut |place| {
        records.push(Stored {
            item: StoredItem::Copy(place.key()?),
            size: u64::from(place.length),
            modified,
        });
        Ok(())
    })
    .map_err(failed())?;
    Ok(records)
}

/// Looks at the record that `key` names.
pub(in crate::disk) fn inspect_record(
    folder: &Path,
    key: &BlobKey,
    bytes: bool,
    read: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Inspection, PortError> {
    let Some(place) = Place::parse(key) else {
        return Ok(Inspection::Missing);
    };
    let path = folder.join(place.pack.to_string());
    let content = content_of(&path, &place).map_err(io_failed("inspect", &path))?;
    let Some(content) = content else {
        return Ok(Inspection::Missing);
    };
    let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if bytes && read(size).is_break() {
        return Ok(Inspection::Interrupted);
    }
    let sha256 = || Sha256::from_bytes(sha2::Sha256::digest(&content).into());
    Ok(Inspection::Found {
        size,
        sha256: bytes.then(sha256),
        checksums: Checksums::Sound,
    })
}

/// `None` for what is no pack, and for what has gone.
fn open_pack(path: &Path) -> io::Result<Option<(PackId, File)>> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(id) = name.and_then(PackId::parse) else {
        return Ok(None);
    };
    match File::open(path) {
        Ok(file) => Ok(Some((id, file))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

impl Packs {
    /// The bytes under `key` as they are. `None` if there are none.
    pub(in crate::disk) fn content(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, PortError> {
        let Some(place) = Place::parse(key) else {
            return Ok(None);
        };
        let path = self.shared.path(place.pack);
        content_of(&path, &place).map_err(io_failed("read", &path))
    }

    /// Cuts off space behind the last record of packs that nobody has written to since `before`, if
    /// there is nothing but zeros in it, and unlinks those that have no record. Answers the bytes. One
    /// that fails keeps nobody from the others.
    pub(in crate::disk) fn reclaim(&self, before: Timestamp) -> Result<u64, PortError> {
        let mut reclaimed = 0_u64;
        let mut first = FirstError::default();
        for path in folder_entries(&self.shared.folder)? {
            let cut = self.shared.reclaim(&path, before);
            let cut = first.note(cut.map_err(io_failed("reclaim", &path)));
            reclaimed = reclaimed.saturating_add(cut.unwrap_or_default());
        }
        first.into_result().map(|()| reclaimed)
    }
}

impl Shared {
    fn reclaim(&self, path: &Path, before: Timestamp) -> io::Result<u64> {
        let Some((id, file)) = open_pack(path)? else {
            return Ok(0);
        };
        let metadata = file.metadata()?;
        // A pack is made under a new name and sealed once. So one that is not appended to now never
        // will be again.
        if *self.active() == Some(id) || modified(&metadata) >= before {
            return Ok(0);
        }
        let mut end = BLOCK;
        walk(id, &file, &mut |place| {
            end = place.offset().saturating_add(place.span());
            Ok(())
        })?;
        let unused = metadata.len().saturating_sub(end);
        if unused > 0 && is_zero(&file, end)? {
            OpenOptions::new().write(true).open(path)?.set_len(end)?;
        } else if unused > 0 {
            // A record with a damaged head, perhaps: a row may name it.
            return Ok(0);
        }
        self.unlink_if_empty(id)?;
        let is_gone = !fs::exists(path)?;
        Ok(unused.saturating_add(if is_gone { BLOCK } else { 0 }))
    }
}

/// Whether there is nothing but zeros from `offset` on.
fn is_zero(file: &File, offset: u64) -> io::Result<bool> {
    let mut buffer = vec![0; PIECE];
    let mut at = offset;
    while let Some(data) = next_data(file, at)? {
        let read = file.read_at(&mut buffer, data)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if read == 0 {
            break;
        }
        at = data.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(true)
}

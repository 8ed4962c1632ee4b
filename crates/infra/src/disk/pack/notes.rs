//! Who carries notes out, and reading those of a pack, at a start.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use kms_domain::PortError;
use kms_domain::files::{BlobKey, Sha256};
use sha2::Digest as _;

use super::format::{BLOCK, Nonce, PackId, Place, note_in, read_whole, walk_from};
use super::open_pack;

/// Knows which packs may have notes that are still to be carried out, and how far it has got in each.
pub(crate) trait RedoLedger: Send + Sync {
    /// Enters `log`, durably, before it has its first note.
    ///
    /// # Errors
    /// [`PortError`]; the log gets no notes then.
    fn begin(&self, log: &str) -> Result<(), PortError>;

    /// Waits until whoever carries notes out is not too far behind.
    fn wait_for_room(&self);

    /// Strikes `log` off, durably, behind all that was attached before, and waits for that.
    ///
    /// # Errors
    /// [`PortError`]; it is looked through at the next start then, so it must stay.
    fn end(&self, log: &str) -> Result<(), PortError>;
}

/// A note, and the content beside which it is.
#[derive(Debug)]
pub(crate) struct FoundNote {
    pub(crate) key: BlobKey,
    pub(crate) sha256: Sha256,
    pub(crate) size: u64,
    pub(crate) note: Vec<u8>,
    /// The place behind it.
    pub(crate) position: u64,
}

/// Calls `each` for the notes of the pack `log` from `position` on, in their order. Content that is not what
/// was written was never acknowledged, unless it was damaged since: its note is passed over, and told.
///
/// Fails if it cannot be read to its end: nobody knows what was acknowledged then. A pack that is not there
/// although there are others is lost, and so is what it said; where there is none at all, their disk may be
/// away. Whoever gives up what a pack says puts an empty file in its place. `false`: it is lost or given up.
pub(crate) fn read_notes(
    packs: &Path,
    log: &str,
    position: u64,
    each: &mut dyn FnMut(FoundNote) -> io::Result<()>,
) -> io::Result<bool> {
    let id = PackId::parse(log).ok_or_else(|| io::Error::other("no pack has this name"))?;
    let Some(file) = open_pack(&packs.join(log))? else {
        if !has_packs(packs)? {
            return Err(io::Error::other(
                "it is not there, and neither is any other: their disk may be away",
            ));
        }
        tracing::error!(
            pack = log,
            "a pack is lost, and entries with it that a power cut has taken"
        );
        return Ok(false);
    };
    if file.metadata()?.len() == 0 {
        tracing::error!(
            pack = log,
            "a pack was given up, and what it said of entries with it"
        );
        return Ok(false);
    }
    let nonce = Nonce::of_pack(&file)?.ok_or_else(|| io::Error::other("its head is damaged"))?;
    let first = u32::try_from(position).map_err(io::Error::other)?;
    walk_from(
        first,
        id,
        &nonce,
        &file,
        &mut |place| read_note(&file, &nonce, &place)?.map_or(Ok(()), &mut *each),
        &mut |_, error| Err(error),
    )?;
    Ok(true)
}

/// Whether there is any pack.
fn has_packs(packs: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(packs)? {
        if entry?
            .file_name()
            .to_str()
            .and_then(PackId::parse)
            .is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_note(file: &File, nonce: &Nonce, place: &Place) -> io::Result<Option<FoundNote>> {
    let span = usize::try_from(place.span()).map_err(io::Error::other)?;
    let mut record = vec![0; span];
    if !read_whole(file, &mut record, place.offset())? {
        return Ok(None);
    }
    let (content, padding) = record.split_at(place.filled());
    let Some(note) = note_in(padding, nonce, place) else {
        return Ok(None);
    };
    let content = content.get(super::RECORD_HEAD..).unwrap_or_default();
    let key = place.key().map_err(io::Error::other)?;
    if sha2::Sha256::digest(content).as_slice() != place.sha256.as_bytes() {
        tracing::warn!(%key, "a record is not what was written; an upload that was cut off, most likely");
        return Ok(None);
    }
    Ok(Some(FoundNote {
        key,
        sha256: place.sha256,
        size: place.length.into(),
        note: note.to_vec(),
        position: place.offset().saturating_add(place.span()) / BLOCK,
    }))
}

#[cfg(test)]
mod tests;

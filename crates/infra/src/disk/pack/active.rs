//! The pack that is appended to, and the space in it that is made ready.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use kms_domain::PortErrorKind;

use super::Shared;
use super::appender::Cause;
use super::format::{Nonce, PackId};
use crate::disk::direct::{AlignedBytes, write_direct_at};
use crate::disk::error::kind_of;
use crate::disk::sync::SyncError;

/// Space is written with zeros before records come, because a sync of bytes in space that a file has
/// had already takes no change of its size and its extents along, which is a third of the time of one
/// alone. That much at first, as much as there is in the pack later, and at most [`MAX_READY`], so
/// that who stores three small files does not pay for hundreds.
const MIN_READY: u64 = 256 * 1024;
const MAX_READY: u64 = 4 * 1024 * 1024;

/// The pack that is appended to.
pub(super) struct Active {
    pub(super) id: PackId,
    pub(super) nonce: Nonce,
    pub(super) file: File,
    /// Where the next record begins. What lies before was acknowledged and is never written again.
    pub(super) end: u64,
    /// Up to where space has been written with zeros.
    pub(super) ready: u64,
    /// Whether writes go past the page cache.
    pub(super) is_direct: bool,
    /// Whether notes are kept in it: somebody knows of it who carries them out.
    pub(super) has_notes: bool,
}

impl Active {
    /// Writes whole blocks at their place. Past the page cache where that is possible: the copy into it
    /// and the first touch of its pages would be most of what a record costs here.
    pub(super) fn write_at(&mut self, blocks: &[u8], at: u64) -> io::Result<()> {
        if self.is_direct {
            self.is_direct = write_direct_at(&self.file, blocks, at)?;
            return Ok(());
        }
        self.file.write_all_at(blocks, at)
    }
}

/// Writes zeros behind the end of the pack. When there is no room for that, there may still be room
/// for a record.
pub(super) fn make_ready(
    shared: &Shared,
    active: &mut Active,
    buffer: &mut AlignedBytes,
) -> Result<(), Cause> {
    let to = active
        .end
        .saturating_add(active.end.clamp(MIN_READY, MAX_READY));
    let written = write_zeros(active, to, buffer)
        .map_err(SyncError::Failed)
        .and_then(|()| shared.gate.sync(&active.file));
    match written {
        Ok(()) => active.ready = to,
        Err(SyncError::Failed(error)) if kind_of(&error) == PortErrorKind::StorageFull => {
            // Nothing behind the end was ever acknowledged.
            active.file.set_len(active.end).map_err(Cause::Write)?;
            active.ready = active.end;
        }
        Err(error) => return Err(Cause::Sync(error)),
    }
    Ok(())
}

/// Writes zeros from the end of the pack up to `to`, in pieces, for the buffer's sake.
fn write_zeros(active: &mut Active, to: u64, buffer: &mut AlignedBytes) -> io::Result<()> {
    let mut at = active.end;
    while at < to {
        let piece = to.saturating_sub(at).min(MIN_READY);
        let room = usize::try_from(piece).unwrap_or_default();
        let zeros = buffer.begin(room);
        zeros.resize(zeros.len().saturating_add(room), 0);
        active.write_at(buffer.bytes(), at)?;
        at = at.saturating_add(piece);
    }
    Ok(())
}

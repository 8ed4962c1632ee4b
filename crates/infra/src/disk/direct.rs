//! Writes past the page cache (`O_DIRECT`).
//!
//! They take their bytes from memory where they lie, which must be aligned, as must be their position
//! and their length. A file system that refuses them gets ordinary writes.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// What memory, position and length of a direct write must be multiples of. More than any block
/// size of a device that is in use.
pub(super) const ALIGNMENT: usize = 4096;

/// Has writes to `file` go past the page cache, or through it again.
pub(super) fn set_direct(file: &File, direct: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    Ok(fcntl_setfl(file, flags)?)
}

/// Writes all of `bytes`, whose address and length are aligned, behind what was written before. Not direct
/// any more (`false`) when that was refused by the file system, or from where a short write has ended.
pub(super) fn write_direct(mut file: &File, bytes: &[u8]) -> io::Result<bool> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                set_direct(file, false)?;
                file.write_all(rest)?;
                return Ok(false);
            }
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

/// The same at `offset`, which is aligned as well.
pub(super) fn write_direct_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<bool> {
    match file.write_all_at(bytes, offset) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
            set_direct(file, false)?;
            // From the beginning: what has got there already is the same.
            file.write_all_at(bytes, offset)?;
            Ok(false)
        }
        Err(e) => Err(e),
    }
}

/// Bytes that begin at an aligned address.
#[derive(Default)]
pub(super) struct AlignedBytes {
    memory: Vec<u8>,
    start: usize,
}

impl AlignedBytes {
    /// Forgets what there is, and answers where to append up to `room` bytes.
    pub(super) fn begin(&mut self, room: usize) -> &mut Vec<u8> {
        self.memory.clear();
        self.memory.reserve(room.saturating_add(ALIGNMENT));
        self.start = self.memory.as_ptr().align_offset(ALIGNMENT);
        self.memory.resize(self.start, 0);
        &mut self.memory
    }

    /// What was appended.
    pub(super) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_aligned_however_much_there_was_before() {
        let mut aligned = AlignedBytes::default();
        for room in [1, 100_000, 4096, 1 << 20, 3] {
            aligned
                .begin(room)
                .extend((0..room).map(|at| (at % 251) as u8));
            assert_eq!(aligned.bytes().as_ptr().align_offset(ALIGNMENT), 0);
            assert_eq!(aligned.bytes().len(), room);
            let last = ((room - 1) % 251) as u8;
            assert_eq!(aligned.bytes().last(), Some(&last));
        }
    }

    #[test]
    fn what_cannot_be_written_directly_is_written_nevertheless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        let mut aligned = AlignedBytes::default();
        aligned.begin(2 * ALIGNMENT).resize(3 * ALIGNMENT, 7);
        let bytes = aligned.bytes().get(..2 * ALIGNMENT).unwrap();
        if set_direct(&file, true).is_ok() {
            assert!(write_direct_at(&file, bytes, 0).unwrap());
            // Neither this length nor this address is aligned.
            assert!(!write_direct_at(&file, &bytes[1..100], 4096).unwrap());
        }
        file.write_all_at(&bytes[..10], 8192).unwrap();
        let found = std::fs::read(&path).unwrap();
        assert_eq!(found.len(), 8202);
        assert!(found.iter().all(|byte| *byte == 7));
    }
}

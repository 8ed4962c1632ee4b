//! Writing a file from its beginning to its end.
//!
//! A large file is written past the page cache (`O_DIRECT`): the copy into the cache, the first
//! touch of its pages and the write-back cost more CPU than everything else that is done with the
//! bytes, and would push out what is read often. It also leaves nothing for the final sync to wait
//! for. Small files, and file systems without direct writes, go the usual way.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Bytes of a direct write; a multiple of [`ALIGNMENT`].
const CHUNK: usize = 256 * 1024;
/// What memory, position and length of a direct write must be multiples of. More than any block
/// size of a device that is in use.
const ALIGNMENT: usize = 4096;

/// A new file that is written to at its end only.
pub(crate) struct Appender {
    file: File,
    /// Only while writes are direct.
    direct: Option<Aligned>,
    /// Whether anything was written.
    begun: bool,
}

/// A buffer whose first used byte is aligned.
struct Aligned {
    memory: Vec<u8>,
    start: usize,
    filled: usize,
}

impl Appender {
    /// Takes an empty file.
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            direct: None,
            begun: false,
        }
    }

    /// Appends `bytes`. What begins with much is taken to become large.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if !self.begun && bytes.len() >= CHUNK && set_direct(&self.file, true).is_ok() {
            self.direct = Some(Aligned::new());
        }
        self.begun = true;
        while let Some(buffer) = &mut self.direct {
            bytes = buffer.fill(bytes);
            if buffer.filled < CHUNK {
                return Ok(());
            }
            let mut written = 0;
            while written < CHUNK {
                match self.file.write(buffer.part(written..CHUNK)) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(more) => written = written.saturating_add(more),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    // Not this file system, or not from where a short write has ended.
                    Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                        set_direct(&self.file, false)?;
                        self.file.write_all(buffer.part(written..CHUNK))?;
                        self.direct = None;
                        break;
                    }
                    Err(e) => return Err(e),
                }
            }
            if let Some(buffer) = &mut self.direct {
                buffer.filled = 0;
            }
        }
        self.file.write_all(bytes)
    }

    /// Whether it was written past the page cache.
    pub(super) const fn is_large(&self) -> bool {
        self.direct.is_some()
    }

    /// Writes what is left in the buffer, and hands out the file to be synced.
    pub(crate) fn finish(&mut self) -> io::Result<&File> {
        if let Some(buffer) = self.direct.take() {
            // The end of a file is rarely aligned.
            set_direct(&self.file, false)?;
            self.file.write_all(buffer.part(0..buffer.filled))?;
        }
        Ok(&self.file)
    }
}

impl Aligned {
    fn new() -> Self {
        let memory = vec![0; CHUNK + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Self {
            memory,
            start,
            filled: 0,
        }
    }

    /// Takes as much of `bytes` as there is room for, and answers the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = CHUNK.saturating_sub(self.filled);
        let (taken, rest) = bytes.split_at(room.min(bytes.len()));
        let from = self.start.saturating_add(self.filled);
        let to = from.saturating_add(taken.len());
        if let Some(target) = self.memory.get_mut(from..to) {
            target.copy_from_slice(taken);
        }
        self.filled = self.filled.saturating_add(taken.len());
        rest
    }

    fn part(&self, range: Range<usize>) -> &[u8] {
        let from = self.start.saturating_add(range.start);
        let to = self.start.saturating_add(range.end);
        self.memory.get(from..to).unwrap_or_default()
    }
}

fn set_direct(file: &File, direct: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of every kind of length, written to a file on the disk of the working directory's
    /// file system: a temporary one may be in memory.
    #[test]
    fn what_was_appended_is_what_the_file_has() {
        let folder = tempfile::tempdir().unwrap();
        for sizes in [
            &[1, 2, 3][..],
            &[CHUNK],
            &[CHUNK, CHUNK],
            &[CHUNK, 1],
            &[CHUNK + 1, CHUNK - 1, 5],
            &[CHUNK - 1, CHUNK, CHUNK],
            &[3 * CHUNK + 4097, 4096, 2 * CHUNK],
        ] {
            let path = folder.path().join("file");
            let mut appender = Appender::new(File::create(&path).unwrap());
            let mut expected = Vec::new();
            for size in sizes {
                let piece: Vec<u8> = (0..*size).map(|at| (at % 251) as u8).collect();
                appender.append(&piece).unwrap();
                expected.extend_from_slice(&piece);
            }
            appender.finish().unwrap().sync_all().unwrap();
            assert!(std::fs::read(&path).unwrap() == expected, "{sizes:?}");
        }
    }

    #[test]
    fn a_buffer_is_aligned() {
        let buffer = Aligned::new();
        assert_eq!(buffer.part(0..1).as_ptr().align_offset(ALIGNMENT), 0);
        assert_eq!(buffer.part(0..CHUNK).len(), CHUNK);
    }
}

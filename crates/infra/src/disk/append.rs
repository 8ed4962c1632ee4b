//! Writing a file from its beginning to its end.
//!
//! A large file is written past the page cache (`O_DIRECT`): the copy into the cache, the first
//! touch of its pages and the write-back cost more CPU than everything else that is done with the
//! bytes, and would push out what is read often. It also leaves nothing for the final sync to wait
//! for. Small files, and file systems without direct writes, go the usual way.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;

use super::direct::{ALIGNMENT, set_direct, write_direct};

/// Bytes of a direct write at least; a multiple of [`ALIGNMENT`].
const CHUNK: usize = 256 * 1024;

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
            if bytes.is_empty() {
                return Ok(());
            }
            let whole = buffer.whole(bytes);
            if whole > 0 {
                // It lies where a direct write can take it from.
                let (now, rest) = bytes.split_at(whole);
                bytes = rest;
                if !write_direct(&self.file, now)? {
                    self.direct = None;
                }
                continue;
            }
            bytes = buffer.fill(bytes);
            if buffer.filled < CHUNK {
                return Ok(());
            }
            if write_direct(&self.file, buffer.part(0..CHUNK))? {
                buffer.filled = 0;
            } else {
                self.direct = None;
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
    /// Takes memory only when it is filled.
    const fn new() -> Self {
        Self {
            memory: Vec::new(),
            start: 0,
            filled: 0,
        }
    }

    /// How many of `bytes` can be written from where they lie: an aligned address, nothing waiting
    /// in front of them, and enough for a write of its own.
    fn whole(&self, bytes: &[u8]) -> usize {
        let is_aligned = bytes.as_ptr().align_offset(ALIGNMENT) == 0;
        if self.filled > 0 || !is_aligned || bytes.len() < CHUNK {
            return 0;
        }
        bytes.len() - bytes.len() % ALIGNMENT
    }

    /// Takes as much of `bytes` as there is room for, and answers the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if self.memory.is_empty() {
            self.memory.resize(CHUNK + ALIGNMENT, 0);
            self.start = self.memory.as_ptr().align_offset(ALIGNMENT);
        }
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

    /// The same from memory that is aligned for some of the pieces.
    #[test]
    fn aligned_pieces_need_no_copy_and_are_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let memory: Vec<u8> = (0..ALIGNMENT + 4 * CHUNK)
            .map(|at| (at % 251) as u8)
            .collect();
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        let bytes = &memory[start..];
        for sizes in [
            &[CHUNK, 1][..],
            &[CHUNK, CHUNK, CHUNK],
            &[2 * CHUNK + 5, CHUNK - 5, CHUNK],
            &[CHUNK, ALIGNMENT, CHUNK],
        ] {
            let path = folder.path().join("file");
            let mut appender = Appender::new(File::create(&path).unwrap());
            let mut rest = bytes;
            for size in sizes {
                let (piece, after) = rest.split_at(*size);
                appender.append(piece).unwrap();
                rest = after;
            }
            let needed_a_copy = sizes.iter().any(|size| size % CHUNK > 0);
            if let Some(buffer) = &appender.direct {
                assert_eq!(!buffer.memory.is_empty(), needed_a_copy, "{sizes:?}");
            }
            appender.finish().unwrap().sync_all().unwrap();
            let length = sizes.iter().sum();
            assert!(
                std::fs::read(&path).unwrap() == bytes[..length],
                "{sizes:?}"
            );
        }
    }

    #[test]
    fn a_buffer_is_aligned() {
        let mut buffer = Aligned::new();
        buffer.fill(&[1]);
        assert_eq!(buffer.part(0..1).as_ptr().align_offset(ALIGNMENT), 0);
        assert_eq!(buffer.part(0..CHUNK).len(), CHUNK);
    }
}

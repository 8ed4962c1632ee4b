//! Reading a published file, each block of it checked before it is answered.

use std::fs::{self, File};
use std::io::{self, IoSliceMut, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use kms_domain::files::{BlobReader, Sha256};
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use sha2::Digest as _;

use super::DataDir;
use super::sums::{self, BLOCK, BLOCK_SIZE, Sums, SumsWriter};

/// What the device is asked to have ready behind a block that had to be waited for: the transfer
/// of one block and the reading of the next ones overlap, and the next ones are found in memory.
const AHEAD: u64 = 4 * BLOCK_SIZE;

/// A published file.
pub(super) struct FileReader {
    /// Keeps the folder locked, and has the staging area.
    dir: DataDir,
    file: File,
    path: PathBuf,
    sha256: Sha256,
    size: u64,
    place: u64,
    checks: Checks,
    /// A block of which only a part was asked for.
    held: Option<Held>,
    /// Whether nobody can tell what is in memory.
    always_waits: bool,
}

/// What blocks are compared with.
enum Checks {
    /// Nothing was read yet.
    Unknown,
    /// The only block with the digest of the whole.
    Digest,
    /// Each block with its checksum.
    Sums(Sums),
}

struct Held {
    number: u64,
    bytes: Vec<u8>,
}

/// Whether reading may wait for the device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Allowed,
    Forbidden,
}

/// A block, and the place in it.
#[derive(Clone, Copy)]
struct Spot {
    number: u64,
    start: u64,
    length: usize,
    offset: usize,
}

impl FileReader {
    pub(super) const fn new(
        dir: DataDir,
        file: File,
        path: PathBuf,
        sha256: Sha256,
        size: u64,
    ) -> Self {
        Self {
            dir,
            file,
            path,
            sha256,
            size,
            place: 0,
            checks: Checks::Unknown,
            held: None,
            always_waits: false,
        }
    }

    /// Where the place is. Behind the end there is an empty block.
    fn spot(&self) -> Spot {
        let number = self.place / BLOCK_SIZE;
        let start = number.saturating_mul(BLOCK_SIZE);
        let length = self.size.saturating_sub(start).min(BLOCK_SIZE);
        let offset = self.place.saturating_sub(start).min(length);
        Spot {
            number,
            start,
            // Not more than a block.
            length: usize::try_from(length).unwrap_or(BLOCK),
            offset: usize::try_from(offset).unwrap_or(BLOCK),
        }
    }

    /// Reads from the place on, at most to the end of the block. `None`: would have to wait.
    fn serve(&mut self, into: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        let spot = self.spot();
        if self.checks.is_unknown() {
            if wait == Wait::Forbidden {
                return Ok(None);
            }
            self.checks = self.find_checks()?;
        }
        let wanted = spot.length.saturating_sub(spot.offset).min(into.len());
        if wanted == 0 {
            return Ok(Some(0));
        }
        let target = into.get_mut(..wanted).unwrap_or_default();
        if wanted == spot.length {
            if !self.fetch(spot, target, wait)? {
                return Ok(None);
            }
        } else {
            if self
                .held
                .as_ref()
                .is_none_or(|held| held.number != spot.number)
            {
                let mut bytes = self.held.take().map(|held| held.bytes).unwrap_or_default();
                bytes.resize(spot.length, 0);
                if !self.fetch(spot, &mut bytes, wait)? {
                    return Ok(None);
                }
                let number = spot.number;
                self.held = Some(Held { number, bytes });
            }
            let bytes = self.held.as_ref().map(|held| held.bytes.as_slice());
            let end = spot.offset.saturating_add(wanted);
            let bytes = bytes.and_then(|bytes| bytes.get(spot.offset..end));
            target.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        let wanted_bytes = u64::try_from(wanted).map_err(io::Error::other)?;
        self.place = self.place.saturating_add(wanted_bytes);
        Ok(Some(wanted))
    }

    /// Fills `target` with the whole block, which is right then. `false`: would have to wait.
    fn fetch(&mut self, spot: Spot, target: &mut [u8], wait: Wait) -> io::Result<bool> {
        let read = match wait {
            Wait::Allowed => self.read_waiting(spot, target).map(|()| true),
            Wait::Forbidden => self.read_at_once(spot, target),
        };
        if !read? {
            return Ok(false);
        }
        let is_right = match &mut self.checks {
            Checks::Unknown => false,
            Checks::Digest => is_digest(&self.sha256, sha2::Sha256::digest(&*target).as_slice()),
            Checks::Sums(sums) => {
                let sum = match wait {
                    Wait::Allowed => sums.get(spot.number),
                    Wait::Forbidden => sums.get_now(spot.number),
                };
                match sum {
                    Some(sum) => sum == sums::sum_of(target),
                    None if wait == Wait::Forbidden => return Ok(false),
                    None => {
                        let mut sums = self.renew_sums()?;
                        let sum = sums.get(spot.number);
                        self.checks = Checks::Sums(sums);
                        sum == Some(sums::sum_of(target))
                    }
                }
            }
        };
        if is_right {
            Ok(true)
        } else {
            target.fill(0);
            Err(damaged("a block is not what was written"))
        }
    }

    fn read_waiting(&self, spot: Spot, target: &mut [u8]) -> io::Result<()> {
        self.read_exact(target, spot.start)?;
        let next = spot.start.saturating_add(BLOCK_SIZE);
        if next < self.size {
            // Only a hint.
            let _ = fadvise(&self.file, next, AHEAD.try_into().ok(), Advice::WillNeed);
        }
        Ok(())
    }

    fn read_exact(&self, target: &mut [u8], at: u64) -> io::Result<()> {
        self.file
            .read_exact_at(target, at)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged("the file is shorter than it was"),
                _ => error,
            })
    }

    fn read_at_once(&mut self, spot: Spot, target: &mut [u8]) -> io::Result<bool> {
        if self.always_waits {
            return Ok(false);
        }
        let wanted = target.len();
        let buffers = &mut [IoSliceMut::new(target)];
        match preadv2(&self.file, buffers, spot.start, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read == wanted),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                self.always_waits = true;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn find_checks(&self) -> io::Result<Checks> {
        if self.size > BLOCK_SIZE {
            let path = sums::path_of(&self.path);
            return Ok(Checks::Sums(
                match Sums::open(&path, &self.sha256, self.size)? {
                    Some(sums) => sums,
                    None => self.renew_sums()?,
                },
            ));
        }
        // Of nothing, no byte will ask whether it is right.
        if self.size == 0 && !is_digest(&self.sha256, sha2::Sha256::digest([]).as_slice()) {
            return Err(damaged("the file is empty"));
        }
        Ok(Checks::Digest)
    }

    /// Makes checksums anew where they are missing or damaged themselves, once everything has
    /// proved to be what its SHA-256 says. They are not synced: what a power cut leaves of them is
    /// found out and made anew.
    fn renew_sums(&self) -> io::Result<Sums> {
        let random = u128::from_be_bytes(crate::random::random_bytes().map_err(io::Error::other)?);
        let staged = self.dir.staging().join(format!("{random:032x}.sums"));
        let mut sums = SumsWriter::new(staged);
        let mut hash = sha2::Sha256::new();
        let mut block = vec![0; BLOCK];
        let mut at = 0;
        while at < self.size {
            let length = self.size.saturating_sub(at).min(BLOCK_SIZE);
            let length_here = usize::try_from(length).unwrap_or(BLOCK);
            let bytes = block.get_mut(..length_here).unwrap_or_default();
            self.read_exact(bytes, at)?;
            hash.update(&*bytes);
            sums.add(bytes)?;
            at = at.saturating_add(length);
        }
        if !is_digest(&self.sha256, hash.finalize().as_slice()) {
            return Err(damaged("the file is not what was written"));
        }
        sums.finish(&self.sha256)?;
        let path = sums::path_of(&self.path);
        sums.move_to(&path)?;
        // Whoever removes a blob removes the file first and its checksums second. If the file was
        // there after these got their name, they go with it.
        let opened = Sums::open(&path, &self.sha256, self.size);
        if !self.path.try_exists()? {
            let _ = fs::remove_file(&path);
        }
        tracing::warn!(path = %path.display(), "checksums were missing or damaged and were made anew");
        opened?.ok_or_else(|| damaged("its new checksums are damaged"))
    }
}

impl Checks {
    const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl Read for FileReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.serve(into, Wait::Allowed)
            .map(Option::unwrap_or_default)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}

impl BlobReader for FileReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        self.serve(into, Wait::Forbidden)
    }
}

fn is_digest(sha256: &Sha256, found: &[u8]) -> bool {
    found == sha256.as_bytes()
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;

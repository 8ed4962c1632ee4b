//! How a pack looks on disk.
//!
//! A pack is a row of blocks of [`BLOCK`] bytes. The first is its head: a magic, a nonce, a check.
//! Records follow, each from a block's first byte on: a head of [`RECORD_HEAD`] bytes, the content,
//! zeros up to the end of its last block. Where a record was removed there is a hole, which reads as
//! zeros, and so does what was made ready for records to come.
//!
//! Between the end of the content and that of its last block there may be a note: what is to be done with
//! the content, for a start that finds that it was not done.
//!
//! Whoever has a key needs no head: a key names the pack, the block and the length. Heads are for
//! finding records without their keys. A head's check is keyed with the pack's nonce, which never
//! leaves the server, so that content cannot be made that looks like a head.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use kms_domain::files::{BlobKey, BlobKeyError, Sha256};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use sha2::Digest as _;

/// What records are aligned to: the block of the file systems in use, so that the hole of a removed
/// record gives all of its room back, and the largest sector, so that writing one record never
/// touches a sector of another.
pub(super) const BLOCK: u64 = 4096;

/// Bytes before the content of a record.
pub(super) const RECORD_HEAD: usize = 64;

/// Most bytes of content of one record: 16 blocks.
pub(in crate::disk) const MAX_CONTENT: usize = 64 * 1024 - RECORD_HEAD;

const PACK_MAGIC: &[u8; 8] = b"KMSPACK1";
const RECORD_MAGIC: &[u8; 8] = b"KMSBLOB1";
const NOTE_MAGIC: &[u8; 8] = b"KMSNOTE1";
/// Bytes before a note.
const NOTE_HEAD: usize = NOTE_MAGIC.len() + 2 + CHECK;
/// Bytes of a check: a truncated SHA-256.
const CHECK: usize = 16;

/// Name of a pack, never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PackId([u8; 8]);

/// Keys the checks of one pack.
#[derive(Clone, Copy)]
pub(super) struct Nonce([u8; 32]);

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pack: PackId,
    /// Number of its first block.
    pub(super) block: u32,
    /// Bytes of its content.
    pub(super) length: u16,
    pub(super) sha256: Sha256,
}

impl PackId {
    pub(super) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Reads a file name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let number = u64::from_str_radix(name, 16).ok()?;
        let id = Self(number.to_be_bytes());
        (id.to_string() == name).then_some(id)
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackId({self})")
    }
}

impl Place {
    /// Reads a key. `None` for keys of blobs that are elsewhere.
    pub(super) fn parse(key: &BlobKey) -> Option<Self> {
        let mut parts = key.as_str().split('-');
        let place = Self {
            sha256: Sha256::parse(parts.next()?).ok()?,
            pack: PackId::parse(parts.next()?)?,
            block: u32::from_str_radix(parts.next()?, 16).ok()?,
            length: u16::from_str_radix(parts.next()?, 16).ok()?,
        };
        // One place, one key.
        (place.name() == key.as_str()).then_some(place)
    }

    pub(super) fn key(&self) -> Result<BlobKey, BlobKeyError> {
        BlobKey::parse(&self.name())
    }

    /// The text of its key.
    pub(super) fn name(&self) -> String {
        let Self {
            pack,
            block,
            length,
            sha256,
        } = self;
        format!("{sha256}-{pack}-{block:08x}-{length:04x}")
    }

    /// Where in its pack it begins.
    pub(super) fn offset(&self) -> u64 {
        u64::from(self.block).saturating_mul(BLOCK)
    }

    /// Bytes from its head to the end of its last block.
    pub(super) fn span(&self) -> u64 {
        span_of(usize::from(self.length))
    }

    /// The record whose head is in `bytes`, which must be from its block.
    fn of_head(pack: PackId, nonce: &Nonce, block: u32, bytes: &[u8; RECORD_HEAD]) -> Option<Self> {
        let rest = bytes.strip_prefix(RECORD_MAGIC)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (sha256, rest) = rest.split_first_chunk()?;
        let length = u64::from_le_bytes(*length);
        let place = Self {
            pack,
            block,
            length: u16::try_from(length).ok()?,
            sha256: Sha256::from_bytes(*sha256),
        };
        (rest == nonce.check(&place)).then_some(place)
    }

    /// Whether `record` begins as this one was written. Which bytes follow is not compared.
    pub(super) fn is_head_of(&self, record: &[u8]) -> bool {
        let found = record
            .strip_prefix(RECORD_MAGIC)
            .and_then(|rest| rest.strip_prefix(&u64::from(self.length).to_le_bytes()))
            .and_then(|rest| rest.strip_prefix(self.sha256.as_bytes()));
        found.is_some()
    }

    /// Bytes of head and content, without the zeros behind them.
    pub(super) fn filled(&self) -> usize {
        RECORD_HEAD.saturating_add(self.length.into())
    }
}

/// Bytes that a record with so much content takes up.
pub(super) fn span_of(content: usize) -> u64 {
    let filled = u64::try_from(RECORD_HEAD.saturating_add(content)).unwrap_or(u64::MAX);
    filled.div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// Appends a record to `buffer`, and says whether the note is in it: it is if there is room between the end
/// of the content and that of its last block.
pub(super) fn write_record(
    buffer: &mut Vec<u8>,
    nonce: &Nonce,
    place: &Place,
    content: &[u8],
    note: Option<&[u8]>,
) -> bool {
    let end = usize::try_from(place.span())
        .unwrap_or(usize::MAX)
        .saturating_add(buffer.len());
    buffer.extend_from_slice(RECORD_MAGIC);
    buffer.extend_from_slice(&u64::from(place.length).to_le_bytes());
    buffer.extend_from_slice(place.sha256.as_bytes());
    buffer.extend_from_slice(&nonce.check(place));
    buffer.extend_from_slice(content);
    let room = end.saturating_sub(buffer.len());
    let is_noted = note.is_some_and(|note| {
        let Ok(length) = u16::try_from(note.len()) else {
            return false;
        };
        if NOTE_HEAD.saturating_add(note.len()) > room {
            return false;
        }
        buffer.extend_from_slice(NOTE_MAGIC);
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&nonce.check_note(place, note));
        buffer.extend_from_slice(note);
        true
    });
    buffer.resize(end, 0);
    is_noted
}

/// The note in `padding`, which is what follows the content of the record at `place`. `None`: there is none.
pub(super) fn note_in<'a>(padding: &'a [u8], nonce: &Nonce, place: &Place) -> Option<&'a [u8]> {
    let rest = padding.strip_prefix(NOTE_MAGIC)?;
    let (length, rest) = rest.split_first_chunk()?;
    let (check, rest) = rest.split_first_chunk::<CHECK>()?;
    let note = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
    (*check == nonce.check_note(place, note)).then_some(note)
}

impl Nonce {
    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first block of a pack.
    pub(super) fn pack_head(&self) -> Vec<u8> {
        let mut head = PACK_MAGIC.to_vec();
        head.extend_from_slice(&self.0);
        head.extend_from_slice(&self.seal());
        head.resize(usize::try_from(BLOCK).unwrap_or_default(), 0);
        head
    }

    pub(super) fn of_pack(file: &File) -> io::Result<Option<Self>> {
        let mut head = [0; PACK_MAGIC.len() + 32 + CHECK];
        if !read_whole(file, &mut head, 0)? {
            return Ok(None);
        }
        let nonce = head
            .strip_prefix(PACK_MAGIC)
            .and_then(|rest| rest.split_first_chunk())
            .map(|(nonce, check)| (Self(*nonce), check));
        Ok(nonce
            .filter(|(nonce, check)| *check == nonce.seal())
            .map(|(nonce, _)| nonce))
    }

    fn seal(&self) -> [u8; CHECK] {
        truncated(sha2::Sha256::new_with_prefix(PACK_MAGIC).chain_update(self.0))
    }

    fn check(&self, place: &Place) -> [u8; CHECK] {
        truncated(
            sha2::Sha256::new_with_prefix(self.0)
                .chain_update(place.block.to_le_bytes())
                .chain_update(place.length.to_le_bytes())
                .chain_update(place.sha256.as_bytes()),
        )
    }

    /// Of a note, which belongs to one record.
    fn check_note(&self, place: &Place, note: &[u8]) -> [u8; CHECK] {
        truncated(
            sha2::Sha256::new_with_prefix(NOTE_MAGIC)
                .chain_update(self.check(place))
                .chain_update(self.0)
                .chain_update(note),
        )
    }
}

fn truncated(hash: sha2::Sha256) -> [u8; CHECK] {
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Calls `each` for every record of a pack that has been written and not removed, in their order.
/// What looks like neither a record nor zeros is passed over: a record that never became whole, or
/// one whose head was damaged.
pub(super) fn walk(
    pack: PackId,
    file: &File,
    each: &mut dyn FnMut(Place) -> Result<(), BlobKeyError>,
) -> io::Result<()> {
    let Some(nonce) = Nonce::of_pack(file)? else {
        return Ok(());
    };
    let mut each = |place| each(place).map_err(io::Error::other);
    // A block that the device does not give keeps nobody from the others.
    let mut unreadable = |block, error: io::Error| {
        tracing::warn!(%error, %pack, block, "a block of a pack could not be read");
        Ok(())
    };
    walk_from(1, pack, &nonce, file, &mut each, &mut unreadable)
}

/// The same from a block on, in a pack whose head has been read. `unreadable` is told of blocks that the
/// device does not give, and says whether to go on.
pub(super) fn walk_from(
    first: u32,
    pack: PackId,
    nonce: &Nonce,
    file: &File,
    each: &mut dyn FnMut(Place) -> io::Result<()>,
    unreadable: &mut dyn FnMut(u32, io::Error) -> io::Result<()>,
) -> io::Result<()> {
    let mut block = first.max(1);
    loop {
        let Some(data) = next_data(file, u64::from(block).saturating_mul(BLOCK))? else {
            return Ok(());
        };
        let Ok(at) = u32::try_from(data / BLOCK) else {
            return Ok(());
        };
        let mut head = [0; RECORD_HEAD];
        match read_whole(file, &mut head, u64::from(at).saturating_mul(BLOCK)) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => unreadable(at, error)?,
        }
        let found = Place::of_head(pack, nonce, at, &head);
        let blocks = found.map_or(1, |place| place.span() / BLOCK);
        if let Some(place) = found {
            each(place)?;
        }
        block = at.saturating_add(u32::try_from(blocks).unwrap_or(u32::MAX));
    }
}

/// Whether there is nothing but a head and holes.
pub(super) fn is_empty(file: &File) -> io::Result<bool> {
    Ok(next_data(file, BLOCK)?.is_none())
}

/// Where the first byte from `offset` on is that is not in a hole.
pub(super) fn next_data(file: &File, offset: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Ok(Some(data.max(offset))),
        // Behind the end, or nothing but a hole up to there.
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Fills `buffer`, or answers that the file ends before.
pub(super) fn read_whole(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

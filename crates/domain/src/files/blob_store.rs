use std::fmt;
use std::io::{self, Read, Seek};

use super::{Noted, Sha256};
use crate::{Done, PortError};

/// Content of at most so many bytes is small: where a store [says so](BlobStore::takes_small_at_once),
/// staging it does not block, and [`StagedBlob::publish_then`] does not either. Hashing as much takes a
/// tenth of a millisecond.
pub const SMALL_CONTENT: usize = 48 * 1024;

/// Where the bytes are. Content is written once, never changed, and named by a key that is never
/// used again. Every call may block on a device, but for what is said of [`SMALL_CONTENT`].
pub trait BlobStore: Send + Sync {
    /// Opens a fresh place for bytes that nobody can read yet.
    ///
    /// # Errors
    /// [`PortError`].
    fn stage(&self) -> Result<Box<dyn StagedBlob>, PortError>;

    /// Whether what is said of [`SMALL_CONTENT`] holds at this moment. Does not block. As it stands, it
    /// does not hold.
    fn takes_small_at_once(&self) -> bool {
        false
    }

    /// Opens a published blob. `None`: there is none under this key.
    ///
    /// # Errors
    /// [`PortError`] when that could not be found out, also because there is no store in which it could
    /// be: its disk is away, for example.
    fn open(&self, key: &BlobKey) -> Result<Option<Box<dyn BlobReader>>, PortError>;

    /// How many bytes the store sees under a key, as of [`BlobReader::size`], for who wants none of them.
    /// `None` as of [`open`](Self::open). As it stands, it opens them.
    ///
    /// # Errors
    /// [`PortError`] when that could not be found out.
    fn find_size(&self, key: &BlobKey) -> Result<Option<u64>, PortError> {
        Ok(self.open(key)?.map(|reader| reader.size()))
    }

    /// Removes a published blob. Idempotent: one that is not there is as good as removed. A
    /// reader that is open goes on reading.
    ///
    /// # Errors
    /// [`PortError`]; the blob may still be there then.
    fn remove(&self, key: &BlobKey) -> Result<(), PortError>;

    /// Removes a published blob soon, for callers that can neither wait nor do anything about a
    /// failure: if it is still there later, it costs its room until it is collected. As it stands,
    /// it removes at once.
    fn discard(&self, key: &BlobKey) {
        // What failed is told by who fails; here is nobody who could act on it.
        let _ = self.remove(key);
    }
}

/// What became of bytes that were published with a note.
#[derive(Clone, Debug)]
pub struct Published {
    /// Their key.
    pub key: BlobKey,
    /// Where their note is. `None`: none was kept, and they are durable.
    pub noted: Option<Noted>,
}

/// Bytes on their way in. Dropping it discards them.
pub trait StagedBlob: Send {
    /// Appends `bytes`, all of them or an error.
    ///
    /// # Errors
    /// [`PortError`]; the staged blob is good for nothing but dropping then.
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError>;

    /// Makes the bytes durable and readable under a fresh key that begins with `sha256`, the
    /// digest of all that was written. On `Ok` both the bytes and their name survive a power cut.
    ///
    /// # Errors
    /// [`PortError`]; nothing is readable then, and nothing is left behind that a restart does
    /// not clear away.
    fn publish(self: Box<Self>, sha256: &Sha256) -> Result<BlobKey, PortError>;

    /// Like [`publish`](Self::publish), for a caller that does not wait: `done` is called with the
    /// key. Does not block if at most [`SMALL_CONTENT`] bytes were written to a store that
    /// [takes them at once](BlobStore::takes_small_at_once). As it stands, it waits like `publish`.
    fn publish_then(self: Box<Self>, sha256: &Sha256, done: Done<BlobKey>) {
        done(self.publish(sha256));
    }

    /// Like [`publish_then`](Self::publish_then), with a note of what is to be done with the bytes, which a
    /// store may keep beside them. If it did, the answer says where, and may come before bytes and note are
    /// durable, which they are together ([`Noted`]); answers come in the order of the marks then. As it stands,
    /// none is kept.
    fn publish_noted(self: Box<Self>, sha256: &Sha256, note: Vec<u8>, done: Done<Published>) {
        let _ = note;
        let done = move |key: Result<_, _>| done(key.map(|key| Published { key, noted: None }));
        self.publish_then(sha256, Box::new(done));
    }
}

/// A published blob, open for reading.
///
/// Every byte that it answers was compared with what was written before it is answered, also when
/// only a part is read. Where the comparison fails, reading fails with
/// [`InvalidData`](io::ErrorKind::InvalidData) and the place stays where it was; what the buffer
/// holds then is nobody's content. Damage elsewhere is no reason to fail: sound bytes around it can
/// be read, unless the store has nothing to tell them by.
pub trait BlobReader: Read + Seek + Send {
    /// Its size in bytes, as the store sees it.
    fn size(&self) -> u64;

    /// Does what [`Read::read`] does if that takes no longer than copying and checking bytes which
    /// are in memory, for who must not wait for a device. `None`: it would take longer, or nobody
    /// can tell; the place is unchanged, and `read` is to be called where it may block. A store may
    /// always answer so.
    ///
    /// # Errors
    /// As of `read`, with the place unchanged.
    fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let _ = into;
        Ok(None)
    }
}

/// Most characters of a key.
const MAX_KEY_CHARS: usize = 200;

/// The name of a blob in its store: `<sha256>-<random>`. Lower-case letters, digits, `-`, `_` and
/// `.` only, at most 200, so that every kind of store can use it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey(String);

/// Why a text is no [`BlobKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a blob key has 1 to 200 of a-z, 0-9, -, _ and ., and does not begin with a dot")]
pub struct BlobKeyError;

impl BlobKey {
    /// Checks a key that a store made or a repository kept.
    ///
    /// # Errors
    /// [`BlobKeyError`], in particular for everything that could leave a folder.
    pub fn parse(raw: &str) -> Result<Self, BlobKeyError> {
        let legal = (1..=MAX_KEY_CHARS).contains(&raw.len())
            && !raw.starts_with('.')
            && raw
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        if legal {
            Ok(Self(raw.to_owned()))
        } else {
            Err(BlobKeyError)
        }
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_leave_their_folder() {
        for raw in ["ab12-00ff", "a", &"a".repeat(200), "a.b_c"] {
            assert_eq!(BlobKey::parse(raw).unwrap().as_str(), raw);
        }
        for raw in [
            "",
            "../a",
            "a/b",
            "A",
            "a b",
            ".",
            "..",
            ".a",
            "a\0",
            &"a".repeat(201),
        ] {
            assert_eq!(BlobKey::parse(raw), Err(BlobKeyError), "{raw:?}");
        }
    }
}

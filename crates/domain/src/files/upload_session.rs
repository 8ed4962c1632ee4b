use super::hashers::Hashers;
use super::{BlobKey, Md5, NewBlob, Published, RedoNote, Sha256, StagedBlob};
use crate::{Done, PortError, Timestamp, wait_for};

/// Bytes on their way in: staged, counted and hashed in one pass, whoever sends them and however
/// they were wrapped. It knows nobody's name yet, because in the contract's bodies the token may
/// come last. Dropping it discards what was staged.
///
/// Hashing is serial and the slowest stage, so the session comes apart ([`split`](Self::split)): a
/// caller with two threads feeds every piece to both halves at once and joins them again.
pub struct UploadSession {
    content: ContentHalf,
    digest: DigestHalf,
}

/// The half of an [`UploadSession`] that stages the bytes and counts them.
pub struct ContentHalf {
    staged: Box<dyn StagedBlob>,
    size: u64,
    limit: u64,
}

/// The half of an [`UploadSession`] that computes the digests.
pub struct DigestHalf {
    hashers: Hashers,
}

/// The halves of a session were not fed the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{content} bytes of an upload were staged, and {digest} hashed")]
pub struct JoinError {
    content: u64,
    digest: u64,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// More bytes than the limit.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes allowed.
        limit: u64,
    },
    /// The store failed.
    #[error("the content could not be staged")]
    Port(#[from] PortError),
}

impl UploadSession {
    /// A session over a freshly staged blob, taking at most `limit` bytes.
    #[must_use]
    pub fn new(staged: Box<dyn StagedBlob>, limit: u64) -> Self {
        Self {
            content: ContentHalf {
                staged,
                size: 0,
                limit,
            },
            digest: DigestHalf {
                hashers: Hashers::new(),
            },
        }
    }

    /// Takes the next bytes. May block on the store.
    ///
    /// The session goes in and comes back, so that one whose bytes were refused cannot be finished
    /// and stored in part.
    ///
    /// # Errors
    /// [`PushError`]; what was staged is discarded then.
    pub fn push(self, bytes: &[u8]) -> Result<Self, PushError> {
        Ok(Self {
            content: self.content.push(bytes)?,
            digest: self.digest.push(bytes),
        })
    }

    /// Takes the session apart, for two threads.
    #[must_use]
    pub fn split(self) -> (ContentHalf, DigestHalf) {
        (self.content, self.digest)
    }

    /// Puts the halves of a session together again.
    ///
    /// # Errors
    /// [`JoinError`] when they were fed different amounts; what was staged is discarded then.
    pub fn join(content: ContentHalf, digest: DigestHalf) -> Result<Self, JoinError> {
        let hashed = digest.hashers.size();
        if content.size == hashed {
            Ok(Self { content, digest })
        } else {
            Err(JoinError {
                content: content.size,
                digest: hashed,
            })
        }
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.content.size
    }

    /// All bytes are here: fixes their digests. Nothing is durable yet.
    #[must_use]
    pub fn finish(self) -> FinishedUpload {
        let (md5, sha256) = self.digest.hashers.finish();
        FinishedUpload {
            staged: self.content.staged,
            sha256,
            md5,
            size: self.content.size,
        }
    }
}

impl ContentHalf {
    /// Takes the next bytes. May block on the store.
    ///
    /// # Errors
    /// [`PushError`]; what was staged is discarded then.
    pub fn push(mut self, bytes: &[u8]) -> Result<Self, PushError> {
        let size = u64::try_from(bytes.len())
            .ok()
            .and_then(|more| self.size.checked_add(more))
            .filter(|size| *size <= self.limit)
            .ok_or(PushError::TooLarge { limit: self.limit })?;
        self.staged.write(bytes)?;
        self.size = size;
        Ok(self)
    }
}

impl DigestHalf {
    /// Takes the next bytes. Costs a core more than a nanosecond a byte, and never blocks.
    #[must_use]
    pub fn push(mut self, bytes: &[u8]) -> Self {
        self.hashers.update(bytes);
        self
    }
}

impl std::fmt::Debug for UploadSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadSession")
            .field("size", &self.content.size)
            .field("limit", &self.content.limit)
            .finish_non_exhaustive()
    }
}

/// A complete upload whose bytes are still only staged. Dropping it discards them.
pub struct FinishedUpload {
    staged: Box<dyn StagedBlob>,
    /// Identity of the content.
    pub sha256: Sha256,
    /// The contract's key for it.
    pub md5: Md5,
    /// Bytes.
    pub size: u64,
}

impl FinishedUpload {
    /// Makes the bytes durable. What comes back is not known to any repository yet.
    ///
    /// # Errors
    /// [`PortError`]; nothing is readable then.
    pub fn publish(self, at: Timestamp) -> Result<NewBlob, PortError> {
        wait_for(|done| self.publish_then(at, done))
    }

    /// Like [`publish`](Self::publish), for a caller that does not wait. Does not block if the
    /// content is [small](super::SMALL_CONTENT) and the store takes it at once.
    pub fn publish_then(self, at: Timestamp, done: Done<NewBlob>) {
        let (sha256, size) = (self.sha256, self.size);
        let done = move |key: Result<BlobKey, PortError>| {
            done(key.map(|key| NewBlob {
                sha256,
                size,
                key,
                created_at: at,
                noted: None,
            }));
        };
        self.staged.publish_then(&sha256, Box::new(done));
    }

    /// Like [`publish_then`](Self::publish_then), with a note of the entry that is to be made of it.
    pub fn publish_noted(self, note: &RedoNote, done: Done<NewBlob>) {
        let (sha256, size, created_at) = (self.sha256, self.size, note.stored_at);
        let done = move |published: Result<Published, PortError>| {
            done(published.map(|Published { key, noted }| NewBlob {
                sha256,
                size,
                key,
                created_at,
                noted,
            }));
        };
        self.staged
            .publish_noted(&sha256, note.to_bytes(), Box::new(done));
    }
}

impl std::fmt::Debug for FinishedUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishedUpload")
            .field("sha256", &self.sha256)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_doubles::RecordingStage;

    #[test]
    fn digests_do_not_depend_on_how_the_bytes_were_cut() {
        let cut = |sizes: usize| {
            let mut session = UploadSession::new(Box::new(RecordingStage::default()), 100);
            for piece in b"message digest".chunks(sizes) {
                session = session.push(piece).unwrap();
            }
            session.finish()
        };
        let (whole, bytewise) = (cut(100), cut(1));
        // RFC 1321, A.5.
        assert_eq!(whole.md5.to_string(), "f96b697d7cb7938d525a2f31aaf161d0");
        assert_eq!(whole.md5, bytewise.md5);
        assert_eq!(whole.sha256, bytewise.sha256);
        assert_eq!((whole.size, bytewise.size), (14, 14));
    }

    #[test]
    fn the_limit_is_the_last_byte_taken() {
        let session = UploadSession::new(Box::new(RecordingStage::default()), 4);
        let session = session.push(b"abc").unwrap().push(b"d").unwrap();
        assert_eq!(session.size(), 4);
        assert!(matches!(
            session.push(b"e"),
            Err(PushError::TooLarge { limit: 4 })
        ));
    }

    #[test]
    fn halves_that_were_fed_the_same_make_the_session_that_was_never_apart() {
        let session = || UploadSession::new(Box::new(RecordingStage::default()), 100);
        let (content, digest) = session().push(b"message ").unwrap().split();
        let joined = UploadSession::join(content.push(b"digest").unwrap(), digest.push(b"digest"));
        let (joined, whole) = (
            joined.unwrap().finish(),
            session().push(b"message digest").unwrap().finish(),
        );
        assert_eq!((joined.md5, joined.sha256), (whole.md5, whole.sha256));
        assert_eq!((joined.size, whole.size), (14, 14));
    }

    #[test]
    fn halves_that_were_fed_different_amounts_do_not_fit() {
        let session = UploadSession::new(Box::new(RecordingStage::default()), 100);
        let (content, digest) = session.split();
        let joined = UploadSession::join(content.push(b"ab").unwrap(), digest.push(b"a"));
        let fed = JoinError {
            content: 2,
            digest: 1,
        };
        assert_eq!(joined.unwrap_err(), fed);
    }
}

use std::io::SeekFrom;
use std::sync::Arc;

use sha2::Digest as _;

use super::{BlobId, BlobKey, BlobReader, BlobRef, BlobRepository, BlobStore, Sha256};
use crate::PortError;

/// Content on its way out, checked as it goes. The last block is handed out only after the
/// SHA-256 of everything was compared, so that wrong bytes are never a whole answer: content that
/// fits one block is checked before its first byte leaves, longer content breaks off. A
/// [`part`](Self::part) of content is read alone and therefore not compared.
pub struct Download {
    reader: Box<dyn BlobReader>,
    blobs: Arc<dyn BlobRepository>,
    blob: BlobId,
    key: BlobKey,
    expected: Sha256,
    /// `None` for a part, of which the digest of the whole says nothing.
    hash: Option<sha2::Sha256>,
    size: u64,
    remaining: u64,
    /// Whether the bytes were found damaged before.
    flagged: bool,
}

/// Why content could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The bytes are not the ones that were stored. They have been flagged, so that the next
    /// upload of the same content heals them.
    #[error("stored content {key} is damaged: {reason}")]
    Damaged {
        /// Which bytes.
        key: BlobKey,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A port failed.
    #[error("stored content could not be read")]
    Port(#[from] PortError),
}

impl Download {
    /// Opens the bytes of `blob`.
    ///
    /// # Errors
    /// [`DownloadError::Damaged`] when they are missing or have another size.
    pub(crate) fn open(
        store: &dyn BlobStore,
        blobs: Arc<dyn BlobRepository>,
        blob: BlobRef,
    ) -> Result<Self, DownloadError> {
        let reason = match store.open(&blob.key)? {
            Some(reader) if reader.size() == blob.size => {
                return Ok(Self {
                    reader,
                    blobs,
                    blob: blob.id,
                    key: blob.key,
                    expected: blob.sha256,
                    hash: Some(sha2::Sha256::new()),
                    size: blob.size,
                    remaining: blob.size,
                    flagged: blob.damaged,
                });
            }
            Some(_) => "its size has changed",
            None => "it is missing",
        };
        blobs.flag_damaged(blob.id, &blob.key)?;
        Err(DownloadError::Damaged {
            key: blob.key,
            reason,
        })
    }

    /// Narrows to the `length` bytes from `start` on, as far as there are so many. The rest is not
    /// read, so that the bytes of a part that is not the whole are handed out as they are found:
    /// who puts parts together compares the result with [`sha256`](Self::sha256). Reading begins
    /// anew, wherever it was. May block on the store.
    ///
    /// # Errors
    /// [`DownloadError::Damaged`] for a true part of bytes that are flagged already, because
    /// nothing would notice the damage.
    pub fn part(mut self, start: u64, length: u64) -> Result<Self, DownloadError> {
        let start = start.min(self.size);
        let length = length.min(self.size.saturating_sub(start));
        if self.flagged && length < self.size {
            return Err(DownloadError::Damaged {
                key: self.key,
                reason: "it was found damaged before",
            });
        }
        self.reader
            .seek(SeekFrom::Start(start))
            .map_err(PortError::internal)?;
        self.hash = (length == self.size).then(sha2::Sha256::new);
        self.remaining = length;
        Ok(self)
    }

    /// Bytes of the whole content.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that are still to be read.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Identity of the whole content.
    #[must_use]
    pub const fn sha256(&self) -> Sha256 {
        self.expected
    }

    /// Whether all bytes have been read, and with that checked, unless they are a part.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.remaining == 0
    }

    /// Reads the next bytes into `buffer`, filling it except at the end, and answers how many;
    /// 0 when all has been read. May block on the store.
    ///
    /// # Errors
    /// [`DownloadError`]; nothing more may be sent then, and the answer must not look whole.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DownloadError> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(most);
        let Some(target) = buffer.get_mut(..wanted) else {
            return Ok(0);
        };
        if let Err(error) = self.reader.read_exact(target) {
            return Err(match error.kind() {
                std::io::ErrorKind::UnexpectedEof => self.damaged("it is short")?,
                _ => PortError::internal(error).into(),
            });
        }
        if let Some(hash) = &mut self.hash {
            hash.update(&*target);
        }
        let left = self
            .remaining
            .saturating_sub(u64::try_from(wanted).unwrap_or(u64::MAX));
        if left == 0
            && wanted > 0
            && let Some(hash) = &mut self.hash
        {
            let found: [u8; 32] = hash.finalize_reset().into();
            if found != *self.expected.as_bytes() {
                return Err(self.damaged("its bytes have changed")?);
            }
        }
        // Only now, so that a caller who asks again after a mismatch meets an error and not the 0
        // of a whole answer.
        self.remaining = left;
        Ok(wanted)
    }

    /// Flags the bytes, then names what is wrong. That they could not be flagged comes first.
    fn damaged(&self, reason: &'static str) -> Result<DownloadError, PortError> {
        self.blobs.flag_damaged(self.blob, &self.key)?;
        Ok(DownloadError::Damaged {
            key: self.key.clone(),
            reason,
        })
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("key", &self.key)
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

use std::io::{self, SeekFrom};
use std::sync::Arc;

use super::{BlobId, BlobKey, BlobReader, BlobRef, BlobRepository, BlobStore, Sha256};
use crate::PortError;

/// Content on its way out. The store compares each byte with what was written before it answers
/// it, so that wrong bytes never leave, in a whole or in a [`part`](Self::part): content whose
/// damage lies in its first block fails before its first byte, other content breaks off in front of
/// the damage. This type notes what was found.
pub struct Download {
    reader: Box<dyn BlobReader>,
    blobs: Arc<dyn BlobRepository>,
    blob: BlobId,
    key: BlobKey,
    expected: Sha256,
    size: u64,
    remaining: u64,
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
                    size: blob.size,
                    remaining: blob.size,
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

    /// Narrows to the `length` bytes from `start` on, as far as there are so many. Damage outside
    /// of it does not matter. Reading begins anew, wherever it was. May block on the store.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn part(mut self, start: u64, length: u64) -> Result<Self, PortError> {
        let start = start.min(self.size);
        self.reader
            .seek(SeekFrom::Start(start))
            .map_err(PortError::internal)?;
        self.remaining = length.min(self.size.saturating_sub(start));
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

    /// Whether all bytes have been read.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.remaining == 0
    }

    /// Reads the next bytes into `buffer` and answers how many, which may be fewer than there is
    /// room for; 0 when all has been read. May block on the store.
    ///
    /// # Errors
    /// [`DownloadError`]; nothing more may be sent then, and the answer must not look whole.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DownloadError> {
        let target = self.target(buffer);
        if target.is_empty() {
            return Ok(0);
        }
        loop {
            match self.reader.read(target) {
                Ok(0) => return Err(self.damaged("it is short")?),
                Ok(read) => return Ok(self.count(read)),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::UnexpectedEof => return Err(self.damaged("it is short")?),
                    io::ErrorKind::InvalidData => {
                        return Err(self.damaged("its bytes have changed")?);
                    }
                    _ => return Err(PortError::internal(error).into()),
                },
            }
        }
    }

    /// Does what [`read`](Self::read) does if nobody has to wait for it. `None`: somebody would, or
    /// the bytes are not sound; the place is unchanged, and `read` will tell.
    pub fn read_now(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let target = self.target(buffer);
        if target.is_empty() {
            return Some(0);
        }
        // What was found wrong is found again where there is time to write it down.
        let read = self.reader.read_now(target).ok()??;
        (read > 0).then(|| self.count(read))
    }

    /// As much of `buffer` as there are bytes left.
    fn target<'b>(&self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(most);
        buffer.get_mut(..wanted).unwrap_or_default()
    }

    fn count(&mut self, read: usize) -> usize {
        let read_bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.remaining = self.remaining.saturating_sub(read_bytes);
        read
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

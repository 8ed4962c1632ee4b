use super::{BlobId, BlobKey, BlobRef, Sha256};
use crate::PortError;

/// The rows about stored content, as far as they concern content rather than entries. Every
/// method is one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait BlobRepository: Send + Sync {
    /// The live content with this SHA-256. `None`: there is none.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_live(&self, sha256: &Sha256) -> Result<Option<BlobRef>, PortError>;

    /// Notes that the bytes of `blob` were found missing, short or changed, provided that they
    /// are still looked for under `key`. A damaged blob is never claimed by an instant upload, and
    /// the next upload of the same bytes heals it. Idempotent; a blob that is gone or has another
    /// key by now is left alone.
    ///
    /// # Errors
    /// [`PortError`].
    fn flag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError>;

    /// Takes that note back, for who has read all of the copy under `key` and found it right: it was
    /// flagged while its disk was away, for example. Provided that the bytes are still looked for under
    /// `key`. Idempotent; a blob that is gone or has another key by now is left alone. Whoever finds the
    /// copy wanting later flags it again.
    ///
    /// # Errors
    /// [`PortError`].
    fn unflag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError>;
}

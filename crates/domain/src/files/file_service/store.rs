//! Uploads with their bytes.

use std::sync::Arc;

use super::{FileError, FileReceipt, FileService};
use crate::files::{
    Attached, BlobKey, FinishedUpload, Md5, NewBlob, RedoNote, Sha256, Title, UploadSession,
    Visibility,
};
use crate::users::Actor;
use crate::{PortError, wait_for};

/// An upload with its bytes.
#[derive(Clone, Debug)]
pub struct StoreFile {
    /// Title of the new entry.
    pub title: Title,
    /// Who may read it; the configured default when absent.
    pub visibility: Option<Visibility>,
    /// What the client says the bytes' MD5 is.
    pub md5: Option<Md5>,
    /// What the client says the bytes' SHA-256 is.
    pub sha256: Option<Sha256>,
}

/// What became of an upload with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadOutcome {
    /// An entry over new content.
    Stored(FileReceipt),
    /// An entry over content that was known. The client is not told the difference.
    Linked(FileReceipt),
    /// No bytes at all; nothing was stored.
    Empty,
    /// The bytes do not have the digest the client named; nothing was stored.
    DigestMismatch,
    /// The account has no room for them; nothing was stored.
    OverQuota,
}

impl StoreFile {
    /// Why these bytes are not stored.
    pub(super) fn refusal(&self, upload: &FinishedUpload) -> Option<UploadOutcome> {
        if upload.size == 0 {
            return Some(UploadOutcome::Empty);
        }
        let differs = self.md5.is_some_and(|md5| md5 != upload.md5)
            || self.sha256.is_some_and(|sha256| sha256 != upload.sha256);
        differs.then_some(UploadOutcome::DigestMismatch)
    }
}

/// An upload whose row has been settled.
pub(super) struct Settled {
    pub(super) outcome: UploadOutcome,
    /// A copy to which no row refers any more.
    pub(super) surplus: Option<BlobKey>,
}

impl FileService {
    /// Opens a session for bytes to come, before it is known whose they are.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn begin_upload(&self) -> Result<UploadSession, FileError> {
        Ok(UploadSession::new(
            self.store.stage()?,
            self.config.max_size,
        ))
    }

    /// Stores an entry over the uploaded bytes: bytes first, row second, then the surplus copy
    /// goes. Known and new content take the same steps, and answer alike.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn store(
        &self,
        actor: &Actor,
        upload: FinishedUpload,
        request: StoreFile,
    ) -> Result<UploadOutcome, FileError> {
        let settled = wait_for(|done| self.begin_store(actor, upload, request, done))?;
        if let Some(key) = settled.surplus {
            // The entry is stored; a copy that stays behind costs space until it is collected.
            let _ = self.store.remove(&key);
        }
        Ok(settled.outcome)
    }

    /// Whether an upload of [small](crate::files::SMALL_CONTENT) content can be stored without blocking.
    #[must_use]
    pub fn takes_small_at_once(&self) -> bool {
        self.store.takes_small_at_once()
    }

    /// Like [`store`](Self::store), for a caller that does not wait. Does not block if the content is
    /// [small](crate::files::SMALL_CONTENT) and [taken at once](Self::takes_small_at_once). `done` is
    /// called once, maybe before this returns; what is said of [`Done`](crate::Done) holds for it.
    pub fn store_then(
        &self,
        actor: &Actor,
        upload: FinishedUpload,
        request: StoreFile,
        done: impl FnOnce(Result<UploadOutcome, FileError>) + Send + 'static,
    ) {
        let store = Arc::clone(&self.store);
        let done = move |settled: Result<Settled, FileError>| {
            done(settled.map(|settled| {
                if let Some(key) = settled.surplus {
                    store.discard(&key);
                }
                settled.outcome
            }));
        };
        self.begin_store(actor, upload, request, Box::new(done));
    }

    /// Everything of an upload but what becomes of the surplus copy.
    fn begin_store(
        &self,
        actor: &Actor,
        upload: FinishedUpload,
        request: StoreFile,
        done: Box<dyn FnOnce(Result<Settled, FileError>) + Send>,
    ) {
        if let Some(outcome) = request.refusal(&upload) {
            return done(Ok(Settled {
                outcome,
                surplus: None,
            }));
        }
        // The repository decides; this saves publishing what it would refuse.
        match self.standing(actor) {
            Ok(standing) if standing.has_room_for(upload.size) => {}
            Ok(_) => {
                return done(Ok(Settled {
                    outcome: UploadOutcome::OverQuota,
                    surplus: None,
                }));
            }
            Err(error) => return done(Err(error)),
        }
        let now = self.clock.now();
        let file = self.new_file(actor, request.title, request.visibility, upload.md5, now);
        let file = match file {
            Ok(file) => file,
            Err(error) => return done(Err(error)),
        };
        let receipt = FileReceipt::new(&file, upload.sha256, upload.size);
        let attached = move |attached: Result<(Attached, BlobKey), PortError>| {
            done(
                attached
                    .map(|(it, offered)| receipt.settled(it, offered))
                    .map_err(FileError::from),
            );
        };
        let files = Arc::clone(&self.files);
        let note = RedoNote {
            file: file.clone(),
            stored_at: now,
        };
        let published = move |blob: Result<NewBlob, PortError>| match blob {
            // When this fails, the published bytes stay: the row may be there all the same, and
            // bytes without a row are the collector's business.
            Ok(blob) => {
                let key = blob.key.clone();
                let done = move |it: Result<_, _>| attached(it.map(|it| (it, key)));
                files.attach_then(file, blob, Box::new(done));
            }
            Err(error) => attached(Err(error)),
        };
        upload.publish_noted(&note, Box::new(published));
    }
}

impl FileReceipt {
    /// What became of it, and which copy goes. `offered`: the key of its own.
    pub(super) fn settled(self, attached: Attached, offered: BlobKey) -> Settled {
        match attached {
            Attached::Stored => Settled {
                outcome: UploadOutcome::Stored(self),
                surplus: None,
            },
            Attached::Replaced { surplus } => Settled {
                outcome: UploadOutcome::Linked(self),
                surplus: Some(surplus),
            },
            // Somebody has used the room up since it was looked for.
            Attached::OverQuota => Settled {
                outcome: UploadOutcome::OverQuota,
                surplus: Some(offered),
            },
        }
    }
}

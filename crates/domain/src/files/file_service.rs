mod delete;
mod edit;
mod favourites;
mod lists;
mod once;
mod room;
mod store;
mod trash;

use std::sync::Arc;

use super::{
    BlobId, BlobKey, BlobRef, BlobRepository, BlobStore, ClaimCandidates, ClaimScope, Claimed,
    Download, DownloadError, FavouriteRepository, FileId, FileRepository, InstantUpload, Label,
    Md5, NewFile, Quota, Sha256, StoredFile, Title, TrashRepository, UsageRepository, Visibility,
};
use crate::recommend::DownloadQueue;
use crate::users::Actor;
use crate::{Clock, Done, IdSource, PortError, Timestamp};
pub use delete::DeleteOutcome;
pub use edit::EditOutcome;
pub use favourites::{CancelOutcome, FavouriteOutcome, FavouritePage};
pub use lists::{OwnPage, SortedPage};
pub use once::{KeyPolicy, KeyStanding, OnceOutcome, OnceService, StoreOnce};
pub use store::{StoreFile, UploadOutcome};
pub use trash::{PurgeOutcome, RestoreOutcome, TrashPage};

/// Entries on one page of an own list. A list is paged so that neither memory nor a read transaction
/// grows with an account: titles of 255 characters make a page of 256 KiB at most.
const LIST_PAGE: usize = 256;

/// Times a reader looks where the bytes are. Each but the first needs another upload of the same bytes to be
/// acknowledged just between looking and opening.
pub(crate) const OPEN_ROUNDS: usize = 8;

/// What the operator decides about files.
#[derive(Clone, Copy, Debug)]
pub struct FileServiceConfig {
    /// Most bytes of one file.
    pub max_size: u64,
    /// Visibility of an entry whose upload does not say.
    pub default_visibility: Visibility,
    /// How far an MD5 alone goes.
    pub instant_upload: InstantUpload,
    /// How much an account may hold about which nothing else was decided.
    pub quota: Quota,
    /// How long a deleted entry can be brought back, in milliseconds. 0: not at all, it is removed for
    /// good at once.
    pub trash_retention: i64,
}

/// Storing, claiming, opening and listing files.
#[derive(Clone)]
pub struct FileService {
    /// The entries.
    pub files: Arc<dyn FileRepository>,
    /// Those that were deleted.
    pub trash: Arc<dyn TrashRepository>,
    /// Those that were made of other people's.
    pub favourites: Arc<dyn FavouriteRepository>,
    /// The rows of their content.
    pub blobs: Arc<dyn BlobRepository>,
    /// What accounts hold.
    pub usage: Arc<dyn UsageRepository>,
    /// The bytes.
    pub store: Arc<dyn BlobStore>,
    /// Source of fids.
    pub ids: Arc<dyn IdSource>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What was downloaded of others, for who learns from it.
    pub downloads: DownloadQueue,
    /// What the operator decides.
    pub config: FileServiceConfig,
}

/// An upload without its bytes.
#[derive(Clone, Debug)]
pub struct ClaimFile {
    /// Title of the new entry.
    pub title: Title,
    /// Who may read it; the configured default when absent.
    pub visibility: Option<Visibility>,
    /// MD5 of the bytes.
    pub md5: Md5,
    /// SHA-256 of the bytes, from clients that know it.
    pub sha256: Option<Sha256>,
}

/// A new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileReceipt {
    /// Its identity.
    pub id: FileId,
    /// Identity of its content.
    pub sha256: Sha256,
    /// The contract's key for its content.
    pub md5: Md5,
    /// Bytes.
    pub size: u64,
    /// Who may read it.
    pub visibility: Visibility,
    /// When it was stored.
    pub created_at: Timestamp,
}

impl FileReceipt {
    const fn new(file: &NewFile, sha256: Sha256, size: u64) -> Self {
        Self {
            id: file.id,
            sha256,
            md5: file.md5,
            size,
            visibility: file.visibility,
            created_at: file.created_at,
        }
    }

    const fn outcome(self, claimed: Claimed) -> ClaimOutcome {
        match claimed {
            Claimed::Linked => ClaimOutcome::Linked(self),
            Claimed::NotEligible => ClaimOutcome::NotHeld,
            Claimed::OverQuota => ClaimOutcome::OverQuota,
        }
    }
}

/// A claim that only the repository can still refuse.
struct PreparedClaim {
    file: NewFile,
    scope: ClaimScope,
    blob: BlobRef,
    receipt: FileReceipt,
}

/// What became of an instant upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// A new entry over known content.
    Linked(FileReceipt),
    /// Send the bytes. One answer, whatever the reason.
    NotHeld,
    /// The account has no room; nothing was stored.
    OverQuota,
}

/// What became of opening an entry.
#[derive(Debug)]
pub enum OpenOutcome {
    /// Here it is.
    Opened(Box<OpenedFile>),
    /// There is none, or none for this user.
    NotFound,
}

/// An entry with its content open for reading.
#[derive(Debug)]
pub struct OpenedFile {
    /// Its title.
    pub title: Title,
    /// What the caller files it under; always absent for an entry of somebody else.
    pub label: Option<Label>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// Its content, if somebody else has made it public: for [`FileService::note_download`].
    pub shared: Option<BlobId>,
    /// Its bytes.
    pub content: Download,
}

/// Why a use case of [`FileService`] has no answer.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The stored bytes are not what they were.
    #[error("the file could not be read")]
    Content(#[from] DownloadError),
    /// A port failed.
    #[error("the files could not be reached")]
    Port(#[from] PortError),
}

impl FileService {
    /// Stores an entry over content that the caller may read anyway, without its bytes being
    /// sent. The bytes are looked at first: a promise is only given for what can be served.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn claim(&self, actor: &Actor, request: ClaimFile) -> Result<ClaimOutcome, FileError> {
        let Some(claim) = self.prepare_claim(actor, request)? else {
            return self.miss(actor);
        };
        let claimed = self.files.claim(&claim.file, &claim.scope, claim.blob.id)?;
        Ok(claim.receipt.outcome(claimed))
    }

    /// Like [`claim`](Self::claim), for a caller that does not wait for the write: looks, which is a
    /// few indexed reads and one look at a file, and leaves the rest to the repository. `done` is
    /// called once, maybe before this returns; what is said of [`Done`] holds for it.
    pub fn claim_then(
        &self,
        actor: &Actor,
        request: ClaimFile,
        done: impl FnOnce(Result<ClaimOutcome, FileError>) + Send + 'static,
    ) {
        let claim = match self.prepare_claim(actor, request) {
            Ok(Some(claim)) => claim,
            Ok(None) => return done(self.miss(actor)),
            Err(error) => return done(Err(error)),
        };
        let receipt = claim.receipt;
        let done: Done<Claimed> = Box::new(move |claimed| {
            done(
                claimed
                    .map(|it| receipt.outcome(it))
                    .map_err(FileError::from),
            );
        });
        self.files
            .claim_then(claim.file, claim.scope, claim.blob.id, done);
    }

    /// Everything of a claim but the write. `None`: there is nothing to claim.
    fn prepare_claim(
        &self,
        actor: &Actor,
        request: ClaimFile,
    ) -> Result<Option<PreparedClaim>, FileError> {
        let Some(scope) = ClaimScope::new(
            self.config.instant_upload,
            actor.user(),
            request.md5,
            request.sha256,
        ) else {
            return Ok(None);
        };
        let Some(blob) = self.find_servable(&scope)? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let file = self.new_file(actor, request.title, request.visibility, request.md5, now)?;
        let receipt = FileReceipt::new(&file, blob.sha256, blob.size);
        Ok(Some(PreparedClaim {
            file,
            scope,
            blob,
            receipt,
        }))
    }

    /// The one content in `scope`, if its bytes are where they should be, in full length. As with a
    /// reader, an upload of the same bytes may replace the copy between the look-up and the look at it.
    /// Only what is named twice and wanting is flagged: a flag is a write, for which everybody waits.
    fn find_servable(&self, scope: &ClaimScope) -> Result<Option<BlobRef>, FileError> {
        let mut looked_at: Option<BlobKey> = None;
        for _ in 0..OPEN_ROUNDS {
            let ClaimCandidates::One(blob) = self.files.find_claimable(scope)? else {
                return Ok(None);
            };
            if blob.damaged {
                return Ok(None);
            }
            if looked_at.as_ref() == Some(&blob.key) {
                self.blobs.flag_damaged(blob.id, &blob.key)?;
                return Ok(None);
            }
            if self.store.find_size(&blob.key)? == Some(blob.size) {
                return Ok(Some(blob));
            }
            looked_at = Some(blob.key);
        }
        Ok(None)
    }

    /// Opens an entry that the caller may read.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(&self, actor: &Actor, id: FileId) -> Result<OpenOutcome, FileError> {
        let Some(mut file) = self.files.find_readable(id, actor.user())? else {
            return Ok(OpenOutcome::NotFound);
        };
        for _ in 1..OPEN_ROUNDS {
            let key = file.blob.key.clone();
            let damaged = match self.open_stored(actor, file) {
                Err(error @ DownloadError::Damaged { .. }) => error,
                opened => return Ok(opened?),
            };
            // An upload of the same bytes may have replaced the copy between the look-up and the
            // opening; then the row names another one by now, which may be replaced as well.
            match self.files.find_readable(id, actor.user())? {
                Some(again) if again.blob.key != key => file = again,
                Some(_) => return Err(damaged.into()),
                None => return Ok(OpenOutcome::NotFound),
            }
        }
        Ok(self.open_stored(actor, file)?)
    }

    /// Notes that bytes of an opened entry are sent, which says something of what the caller cares for.
    /// `shared`: as it was [opened](OpenedFile::shared).
    pub fn note_download(&self, actor: &Actor, shared: Option<BlobId>) {
        if let Some(blob) = shared {
            self.downloads.push(actor.user(), blob, self.clock.now());
        }
    }

    fn open_stored(&self, actor: &Actor, file: StoredFile) -> Result<OpenOutcome, DownloadError> {
        let is_shared = file.owner != actor.user() && file.visibility.is_public();
        let shared = is_shared.then_some(file.blob.id);
        let content = Download::open(&*self.store, Arc::clone(&self.blobs), file.blob)?;
        Ok(OpenOutcome::Opened(Box::new(OpenedFile {
            title: file.title,
            label: file.label,
            created_at: file.created_at,
            shared,
            content,
        })))
    }

    /// What is known of an entry that the caller may read. `None`: there is none, or none for this user.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn find(&self, actor: &Actor, id: FileId) -> Result<Option<StoredFile>, FileError> {
        Ok(self.files.find_readable(id, actor.user())?)
    }

    fn new_file(
        &self,
        actor: &Actor,
        title: Title,
        visibility: Option<Visibility>,
        md5: Md5,
        now: Timestamp,
    ) -> Result<NewFile, FileError> {
        Ok(NewFile {
            id: FileId::from_uuid(self.ids.new_id()?),
            owner: actor.user(),
            title,
            md5,
            visibility: visibility.unwrap_or(self.config.default_visibility),
            created_at: now,
            quota: self.config.quota,
        })
    }
}

#[cfg(test)]
mod tests;

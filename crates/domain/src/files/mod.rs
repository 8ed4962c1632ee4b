//! The deduplicated store: content, entries over it, uploads and downloads.

mod blob_repository;
mod blob_store;
mod claim;
mod digest;
mod download;
mod entry;
mod favourite_repository;
mod file_service;
mod hashers;
mod listing;
mod md5_hasher;
mod once_repository;
mod quota_service;
mod redo;
mod repository;
mod scratch;
mod trash_repository;
mod upload_session;
mod usage;
mod usage_repository;

pub use blob_repository::BlobRepository;
pub use blob_store::{
    BlobKey, BlobKeyError, BlobReader, BlobStore, Published, SMALL_CONTENT, StagedBlob,
};
pub use claim::{ClaimCandidates, ClaimScope, InstantUpload};
pub use digest::{DigestError, Md5, Sha256};
pub use download::{Download, DownloadError};
pub use entry::{FileId, Label, LabelError, Title, TitleError, Visibility};
pub use favourite_repository::{
    Favoured, Favourite, FavouriteRepository, LostSource, NewFavourite,
};
pub use file_service::{
    CancelOutcome, ClaimFile, ClaimOutcome, DeleteOutcome, EditOutcome, FavouriteOutcome,
    FavouritePage, FileError, FileReceipt, FileService, FileServiceConfig, KeyPolicy, KeyStanding,
    OnceOutcome, OnceService, OpenOutcome, OpenedFile, OwnPage, PurgeOutcome, RestoreOutcome,
    SortedPage, StoreFile, StoreOnce, TrashPage, UploadOutcome,
};
pub use listing::{DatedPlace, ListedFile, OwnFilter, OwnOrder};
pub use once_repository::{
    AttachedOnce, KeptUpload, NewKey, Once, OnceRepository, RequestDigest, UploadKey,
    UploadKeyError,
};
pub use quota_service::QuotaService;
pub use redo::{Noted, RedoMark, RedoNote, RedoNoteError, Settle, Settling};
pub use repository::{
    Attached, BlobId, BlobRef, Claimed, Detached, Edited, EntryChange, EntryState, FileRepository,
    FileSummary, ListPosition, NewBlob, NewFile, PublicFile, StoredFile,
};
pub use scratch::{Scratch, ScratchSpace};
pub use trash_repository::{TrashRepository, TrashedFile};
pub use upload_session::{
    ContentHalf, DigestHalf, FinishedUpload, JoinError, PushError, UploadSession,
};
pub use usage::{Limit, OwnQuota, Quota, Standing, Usage, Used};
pub use usage_repository::{Counted, UsageRepository};

pub(crate) use file_service::OPEN_ROUNDS;

#[cfg(test)]
pub(crate) use blob_repository::MockBlobRepository;
#[cfg(test)]
pub(crate) use favourite_repository::MockFavouriteRepository;
#[cfg(test)]
pub(crate) use repository::MockFileRepository;
#[cfg(test)]
pub(crate) use trash_repository::MockTrashRepository;
#[cfg(test)]
pub(crate) use usage_repository::MockUsageRepository;

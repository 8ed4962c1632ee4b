//! One file a use case: `store`, `claim`, `delete`, and `read` for opening and listing.

mod claim;
mod delete;
mod edit;
mod favourites;
mod once;
mod read;
mod store;

use std::sync::Mutex;

use super::*;
use crate::codes::{Code, Coded as _};
use crate::files::{
    BlobId, BlobKey, BlobRef, Detached, MockBlobRepository, MockFavouriteRepository,
    MockFileRepository, MockTrashRepository, StoredFile, Used,
};
use crate::test_doubles::{
    FRESH_ID, KINDS, NOW, RecordingStore, Script, actor, attachments, blobs, clock_at,
    fail_every_call, held, holding, ids, published_key, sha256_of, user,
};

const CONFIG: FileServiceConfig = FileServiceConfig {
    max_size: 8,
    default_visibility: Visibility::Public,
    instant_upload: InstantUpload::Public,
    quota: Quota {
        bytes: Some(8),
        files: Some(1),
    },
    trash_retention: 1,
};

/// As much as [`CONFIG`] allows.
const FULL: Used = Used { bytes: 1, files: 1 };

const CONTENT: &[u8] = b"content!";

fn service(script: &Script, files: MockFileRepository, store: RecordingStore) -> FileService {
    FileService {
        files: Arc::new(files),
        trash: Arc::new(MockTrashRepository::new()),
        favourites: Arc::new(MockFavouriteRepository::new()),
        blobs: Arc::new(blobs(script)),
        usage: Arc::new(holding(script, Used::default())),
        store: Arc::new(store),
        ids: Arc::new(ids(script)),
        clock: Arc::new(clock_at(NOW)),
        downloads: DownloadQueue::new(),
        config: CONFIG,
    }
}

fn title() -> Title {
    Title::parse("报告.pdf").unwrap()
}

fn md5_of(bytes: &[u8]) -> Md5 {
    Md5::from_bytes(md5::compute(bytes).0)
}

fn receipt() -> FileReceipt {
    FileReceipt {
        id: FileId::from_uuid(FRESH_ID),
        sha256: sha256_of(CONTENT),
        md5: md5_of(CONTENT),
        size: 8,
        visibility: CONFIG.default_visibility,
        created_at: NOW,
    }
}

//! The adapters keep what their ports promise: the shared suites of `kms-testkit`, over SQLite, a
//! folder on disk, bcrypt and the system's sources.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kms_infra::disk::{DataDir, DiskBlobStore, DiskScratchSpace};
use kms_infra::sqlite::{
    SqliteAvatarRepository, SqliteBlobRepository, SqliteConfig, SqliteDatabase,
    SqliteFileRepository, SqliteSessionRepository, SqliteUserRepository,
};
use kms_infra::{BcryptHasher, RandomIds, RandomTokens, SystemClock};
use kms_testkit::contract::{Counter, Hashers, Repositories, Scratches, Store};

fn repositories() -> Repositories {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig {
        readers: 2,
        ..SqliteConfig::new(folder.path().join("kms.db"))
    };
    let db = SqliteDatabase::open(config).unwrap();
    Repositories {
        users: Arc::new(SqliteUserRepository::new(&db)),
        sessions: Arc::new(SqliteSessionRepository::new(&db)),
        avatars: Arc::new(SqliteAvatarRepository::new(&db)),
        files: Arc::new(SqliteFileRepository::new(&db)),
        blobs: Arc::new(SqliteBlobRepository::new(&db, Arc::new(SystemClock))),
        keep: Arc::new(folder),
    }
}

fn store() -> Store {
    store_made_by(DiskBlobStore::new)
}

/// As on file systems that make no holes.
fn store_without_packs() -> Store {
    store_made_by(DiskBlobStore::without_packs)
}

fn store_made_by(make: fn(&DataDir) -> DiskBlobStore) -> Store {
    let folder = tempfile::tempdir().unwrap();
    let store = make(&DataDir::open(folder.path()).unwrap());
    let published = store.clone();
    Store {
        store: Arc::new(store),
        staged: counter(folder.path().join("staging")),
        published: Box::new(move || {
            let mut count = 0;
            published.keys(&mut |_| count += 1).unwrap();
            count
        }),
        keep: Box::new(folder),
    }
}

fn scratches() -> Scratches {
    let folder = tempfile::tempdir().unwrap();
    let space = DiskScratchSpace::new(&DataDir::open(folder.path()).unwrap());
    Scratches {
        space: Arc::new(space),
        visible: counter(folder.path().join("staging")),
        keep: Box::new(folder),
    }
}

/// Counts the files below `folder`.
fn counter(folder: PathBuf) -> Counter {
    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    Box::new(move || count(&folder))
}

fn hashers() -> Hashers {
    Hashers {
        today: Arc::new(BcryptHasher::new(5)),
        weaker: Arc::new(BcryptHasher::new(4)),
    }
}

kms_testkit::repositories_contract!(repositories);
kms_testkit::blob_store_contract!(store);
kms_testkit::blob_store_contract!(blob_store_without_packs, store_without_packs);
kms_testkit::scratch_space_contract!(scratches);
kms_testkit::password_hasher_contract!(hashers);
kms_testkit::id_source_contract!(RandomIds::default);
kms_testkit::token_source_contract!(RandomTokens::default);
kms_testkit::clock_contract!(SystemClock::default);

//! The adapters keep what their ports promise: the shared suites of `kms-testkit`, over SQLite, a
//! folder on disk, bcrypt and the system's sources.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test says what is wrong by panicking"
)]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kms_domain::Clock as _;
use kms_domain::files::{BlobKey, BlobStore};
use kms_infra::disk::{DataDir, DiskBlobStore, DiskInventory, DiskScratchSpace};
use kms_infra::sqlite::{
    SqliteAuditLog, SqliteAvatarRepository, SqliteBlobRepository, SqliteConfig, SqliteDatabase,
    SqliteFavouriteRepository, SqliteFeedRepository, SqliteFileRepository,
    SqliteInteractionRepository, SqliteOnceRepository, SqliteSessionRepository,
    SqliteTrashRepository, SqliteUpkeepRepository, SqliteUsageRepository, SqliteUserRepository,
};
use kms_infra::{BcryptHasher, RandomIds, RandomTokens, SystemClock};
use kms_testkit::builders::sha256_of;
use kms_testkit::contract::{
    Counter, Damage, Damager, Hashers, Keeping, Repositories, Scratches, Store,
};

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
        trash: Arc::new(SqliteTrashRepository::new(&db)),
        favourites: Arc::new(SqliteFavouriteRepository::new(&db)),
        blobs: Arc::new(SqliteBlobRepository::new(&db, Arc::new(SystemClock))),
        upkeep: Arc::new(SqliteUpkeepRepository::new(&db, Arc::new(SystemClock))),
        audit: Arc::new(SqliteAuditLog::new(&db)),
        usage: Arc::new(SqliteUsageRepository::new(&db)),
        feed: Arc::new(SqliteFeedRepository::new(&db)),
        interactions: Arc::new(SqliteInteractionRepository::new(&db)),
        once: Arc::new(SqliteOnceRepository::new(&db)),
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
        damage: damager(folder.path().to_owned()),
        keep: Box::new(folder),
    }
}

fn keeping() -> Keeping {
    keeping_of(DiskBlobStore::new)
}

fn keeping_without_packs() -> Keeping {
    keeping_of(DiskBlobStore::without_packs)
}

fn keeping_of(make: fn(&DataDir) -> DiskBlobStore) -> Keeping {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let store = Arc::new(make(&DataDir::open(&path).unwrap()));
    let (lost, packs) = (path.clone(), path.join("packs"));
    let lock = path.join("backup.lock");
    Keeping {
        store: store.clone(),
        inventory: Arc::new(DiskInventory::new(&path)),
        trash: store.clone(),
        now: Box::new(|| SystemClock.now()),
        trashed: Box::new({
            let trash = path.join("trash");
            move || files(&trash).len()
        }),
        damage: damager(path),
        lose_copy: Box::new(move |key| {
            let files = files(&lost);
            let is_it = |path: &&PathBuf| path.file_name().is_some_and(|it| it == key.as_str());
            std::fs::remove_file(files.iter().find(is_it).unwrap()).unwrap();
            true
        }),
        waste: Box::new(move || waste(&*store, &packs)),
        back_up: Box::new(move || {
            let lock = File::open(&lock).unwrap();
            lock.try_lock_shared().ok()?;
            Some(Box::new(lock))
        }),
        keep: Box::new(folder),
    }
}

/// A pack without records, as a crash leaves it, beside the one that is appended to.
fn waste(store: &dyn BlobStore, packs: &Path) -> bool {
    let mut staged = store.stage().unwrap();
    staged.write(b"x").unwrap();
    let key = staged.publish(&sha256_of(b"x")).unwrap();
    store.remove(&key).unwrap();
    let Some(pack) = files(packs).pop() else {
        return false;
    };
    let mut content = std::fs::read(pack).unwrap();
    content[4096..].fill(0);
    let path = packs.join("00000000000000aa");
    std::fs::write(&path, content).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(long_ago).unwrap();
    true
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

/// Counts the files below `folder`. Checksums count where the file that they belong to is missing.
fn counter(folder: PathBuf) -> Counter {
    Box::new(move || {
        let files = files(&folder);
        let belongs = |path: &Path| {
            path.extension()
                .is_some_and(|extension| extension == "sums")
                && files.contains(&path.with_extension(""))
        };
        files.iter().filter(|path| !belongs(path)).count()
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Does to a file below `folder` what a disk may do to it.
fn damager(folder: PathBuf) -> Damager {
    Box::new(move |key, damage| {
        let files = files(&folder);
        let is_it = |path: &&PathBuf| path.file_name().is_some_and(|name| name == key.as_str());
        let Some(path) = files.iter().find(is_it) else {
            return damage_record(&folder, key, damage);
        };
        let mut bytes = std::fs::read(path).unwrap();
        match damage {
            Damage::Flip(place) => *bytes.get_mut(place).unwrap() ^= 1,
            Damage::Cut(length) => bytes.truncate(length),
            Damage::Grow => bytes.push(0),
        }
        std::fs::write(path, bytes).unwrap();
    })
}

/// A record's key is `<sha256>-<pack>-<block>-<length>`; its length stands in its head too.
fn damage_record(folder: &Path, key: &BlobKey, damage: Damage) {
    let parts: Vec<_> = key.as_str().split('-').collect();
    let block = u64::from_str_radix(parts[2], 16).unwrap();
    let place = match damage {
        Damage::Flip(place) => 64 + place as u64,
        Damage::Cut(_) | Damage::Grow => 8,
    };
    let pack = folder.join("packs").join(parts[1]);
    let file = File::options().read(true).write(true).open(pack).unwrap();
    let (mut byte, place) = ([0], block * 4096 + place);
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 1], place).unwrap();
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
kms_testkit::blob_inventory_contract!(keeping);
kms_testkit::blob_inventory_contract!(blob_inventory_without_packs, keeping_without_packs);
kms_testkit::blob_trash_contract!(keeping);
kms_testkit::blob_trash_contract!(blob_trash_without_packs, keeping_without_packs);
kms_testkit::scratch_space_contract!(scratches);
kms_testkit::password_hasher_contract!(hashers);
kms_testkit::id_source_contract!(RandomIds::default);
kms_testkit::token_source_contract!(RandomTokens::default);
kms_testkit::clock_contract!(SystemClock::default);

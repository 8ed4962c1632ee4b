use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use kms_domain::PortErrorKind;
use kms_domain::files::Sha256;
use rustix::io::Errno;
use sha2::Digest as _;
use tempfile::TempDir;

use super::*;
use crate::disk::append::Appender;
use crate::disk::error::kind_of;
use crate::disk::staged::{link_and_unlink, move_without_replacing};
use crate::disk::sums::SumsWriter;

struct Scene {
    folder: TempDir,
    store: DiskBlobStore,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskBlobStore::without_packs(&DataDir::open(folder.path()).unwrap());
    Scene { folder, store }
}

/// A store that syncs each file by itself, and nothing but through `gate`.
fn store_behind(gate: SyncGate, folder: &TempDir) -> DiskBlobStore {
    let dir = DataDir::open(folder.path()).unwrap();
    store_with(&dir, gate, None)
}

fn store_with(dir: &DataDir, gate: SyncGate, group: Option<GroupSync>) -> DiskBlobStore {
    let gate = Arc::new(gate);
    let packs = Packs::only_read(dir, &gate);
    DiskBlobStore::with(dir, gate, group, packs)
}

fn sha256_of(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// More than a block, so that there are checksums.
fn large() -> Vec<u8> {
    (0..600_000_u32).map(|at| (at % 251) as u8).collect()
}

fn publish(store: &DiskBlobStore, bytes: &[u8]) -> Result<BlobKey, PortError> {
    let mut staged = store.stage()?;
    staged.write(bytes)?;
    staged.publish(&sha256_of(bytes))
}

fn read(store: &DiskBlobStore, key: &BlobKey) -> Option<Vec<u8>> {
    let mut reader = store.open(key).unwrap()?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(reader.size(), bytes.len() as u64);
    Some(bytes)
}

/// Files below `folder`, however deep.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_published_file_lies_in_its_shard_for_the_owner_alone() {
    let Scene { folder, store } = scene();
    let key = publish(&store, b"bytes").unwrap();
    let (digest, random) = key.as_str().split_once('-').unwrap();
    let expected = sha256_of(b"bytes").to_string();
    assert_eq!((digest, random.len()), (expected.as_str(), 32));
    let outer = folder.path().join("blobs").join(&digest[..2]);
    let shard = outer.join(&digest[2..4]);
    let path = shard.join(key.as_str());
    assert_eq!(fs::read(&path).unwrap(), b"bytes");
    assert_eq!(mode(&path), 0o600);
    assert_eq!((mode(&outer), mode(&shard)), (0o700, 0o700));
    assert_eq!(read(&store, &key).unwrap(), b"bytes");
}

#[test]
fn a_staged_file_is_gone_after_drop_and_after_publishing() {
    let Scene { folder, store } = scene();
    let staging = folder.path().join("staging");
    let staged = store.stage().unwrap();
    assert_eq!(files(&staging).len(), 1);
    assert_eq!(mode(&files(&staging)[0]), 0o600);
    drop(staged);
    assert_eq!(files(&staging).len(), 0);
    publish(&store, b"bytes").unwrap();
    assert_eq!(files(&staging).len(), 0);
}

#[test]
fn what_a_killed_process_left_staged_is_gone_after_reopening_and_the_rest_is_not() {
    let Scene { folder, store } = scene();
    let key = publish(&store, b"bytes").unwrap();
    // A process that is killed runs no destructor; only the lock goes.
    fs::write(folder.path().join("staging/left"), b"half").unwrap();
    drop(store);
    let store = DiskBlobStore::without_packs(&DataDir::open(folder.path()).unwrap());
    assert_eq!(files(&folder.path().join("staging")).len(), 0);
    assert_eq!(read(&store, &key).unwrap(), b"bytes");
}

#[test]
fn the_folder_stays_locked_as_long_as_a_store_or_an_upload_lives() {
    let Scene { folder, store } = scene();
    let staged = store.stage().unwrap();
    drop(store);
    DataDir::open(folder.path()).unwrap_err();
    drop(staged);
    DataDir::open(folder.path()).unwrap();
}

#[test]
fn publishing_never_replaces_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    for publish in [move_without_replacing, link_and_unlink] {
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let error = publish(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
        fs::remove_file(&to).unwrap();
        publish(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert!(!from.exists());
    }
}

#[test]
fn whichever_sync_fails_nothing_is_published_until_a_restart() {
    // The file, its checksums, the shard's two parents, the shard: none of them may be forgotten.
    for k in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let calls = AtomicUsize::new(0);
        let gate = SyncGate::with(Box::new(move |file, depth| {
            if calls.fetch_add(1, Ordering::SeqCst) == k {
                return Err(io::Error::from_raw_os_error(5));
            }
            depth.sync(file)
        }));
        let store = store_with(&dir, gate, None);
        let mut before = store.stage().unwrap();
        before.write(b"before").unwrap();

        let error = publish(&store, &large()).unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Internal);
        assert_eq!(files(&folder.path().join("blobs")).len(), 0, "k = {k}");
        assert!(before.publish(&sha256_of(b"before")).is_err());
        assert!(store.stage().is_err());
        assert_eq!(files(&folder.path().join("blobs")).len(), 0, "k = {k}");
        assert_eq!(files(&folder.path().join("staging")).len(), 0, "k = {k}");

        drop((store, dir));
        let reopened = DiskBlobStore::without_packs(&DataDir::open(folder.path()).unwrap());
        publish(&reopened, &large()).unwrap();
    }
}

#[test]
fn a_full_disk_at_whichever_sync_ends_that_upload_alone() {
    for k in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let calls = AtomicUsize::new(0);
        let gate = SyncGate::with(Box::new(move |file, depth| {
            if calls.fetch_add(1, Ordering::SeqCst) == k {
                return Err(Errno::NOSPC.into());
            }
            depth.sync(file)
        }));
        let store = store_behind(gate, &folder);
        let error = publish(&store, &large()).unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::StorageFull);
        assert_eq!(files(&folder.path().join("blobs")).len(), 0, "k = {k}");
        let key = publish(&store, &large()).unwrap();
        assert!(read(&store, &key).unwrap() == large());
    }
}

#[test]
fn the_second_blob_of_a_shard_syncs_itself_and_its_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let gate = SyncGate::with(Box::new(move |file, depth| {
        counted.fetch_add(1, Ordering::SeqCst);
        depth.sync(file)
    }));
    let store = store_behind(gate, &folder);
    publish(&store, b"one").unwrap();
    assert_eq!(calls.swap(0, Ordering::SeqCst), 4);
    publish(&store, b"one").unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_full_device_is_told_as_such() {
    let Scene {
        folder: _folder,
        store,
    } = scene();
    let mut staged = StagedFile {
        store: Arc::clone(&store.0),
        file: Appender::new(OpenOptions::new().write(true).open("/dev/full").unwrap()),
        sums: SumsWriter::new(PathBuf::new()),
        path: None,
        since: None,
    };
    let error = staged.write(b"bytes").unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::StorageFull);
    let quota = io::Error::from_raw_os_error(Errno::DQUOT.raw_os_error());
    assert_eq!(kind_of(&quota), PortErrorKind::StorageFull);
    let denied = io::Error::from_raw_os_error(Errno::ACCESS.raw_os_error());
    assert_eq!(kind_of(&denied), PortErrorKind::Internal);
}

#[test]
fn keys_of_other_stores_are_not_there() {
    let Scene { folder, store } = scene();
    fs::write(folder.path().join("blobs/a"), b"not a blob").unwrap();
    let digest = sha256_of(b"").to_string();
    for raw in [
        "a",
        "a-b",
        "abab",
        &digest,
        &format!("{digest}-ff"),
        &format!("{digest}-{}", "z".repeat(32)),
    ] {
        let key = BlobKey::parse(raw).unwrap();
        assert!(store.open(&key).unwrap().is_none(), "{raw}");
        store.remove(&key).unwrap();
    }
    assert!(folder.path().join("blobs/a").exists());
}

#[test]
fn a_store_that_cannot_be_reached_is_no_missing_blob() {
    let Scene { folder, store } = scene();
    let key = publish(&store, b"bytes").unwrap();
    let outer = folder.path().join("blobs").join(&key.as_str()[..2]);
    fs::remove_dir_all(&outer).unwrap();
    fs::write(&outer, b"in the way").unwrap();
    assert!(store.open(&key).is_err());
    assert!(store.remove(&key).is_err());
}

#[test]
fn a_small_file_takes_one_sync_of_the_file_system_and_none_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (own, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (own_calls, all_calls) = (Arc::clone(&own), Arc::clone(&all));
    let gate = SyncGate::with(Box::new(move |file, depth| {
        own_calls.fetch_add(1, Ordering::SeqCst);
        depth.sync(file)
    }));
    let group = GroupSync::with(Box::new(move || {
        all_calls.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }));
    let dir = DataDir::open(folder.path()).unwrap();
    let store = store_with(&dir, gate, Some(group));
    publish(&store, b"small").unwrap();
    assert_eq!(all.load(Ordering::SeqCst), 1);
    assert_eq!(own.load(Ordering::SeqCst), 0);
}

#[test]
fn a_file_of_several_blocks_is_published_with_its_checksums_and_they_go_with_it() {
    let Scene { folder, store } = scene();
    let blobs = folder.path().join("blobs");
    let key = publish(&store, &large()).unwrap();
    let mut names: Vec<_> = files(&blobs)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    assert_eq!(names, [key.to_string(), format!("{key}.sums")]);
    assert!(files(&blobs).iter().all(|path| mode(path) == 0o600));
    assert_eq!(files(&folder.path().join("staging")).len(), 0);
    store.remove(&key).unwrap();
    assert_eq!(files(&blobs).len(), 0);
    // One block is compared with its digest and needs none.
    publish(&store, &large()[..262_144]).unwrap();
    assert_eq!(files(&blobs).len(), 1);
}

#[test]
fn what_cannot_get_its_name_leaves_no_checksums() {
    let Scene { folder, store } = scene();
    let mut staged = store.stage().unwrap();
    staged.write(&large()).unwrap();
    // Somebody empties the staging area; the file is gone, its checksums are still to be written.
    for path in files(&folder.path().join("staging")) {
        fs::remove_file(path).unwrap();
    }
    staged.publish(&sha256_of(&large())).unwrap_err();
    assert_eq!(files(&folder.path().join("blobs")).len(), 0);
    assert_eq!(files(&folder.path().join("staging")).len(), 0);
}

#[test]
fn when_the_file_system_cannot_be_synced_nothing_is_published() {
    for (kind, closed) in [
        (io::ErrorKind::StorageFull, false),
        (io::ErrorKind::Other, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let fail = Arc::new(AtomicUsize::new(1));
        let failing = Arc::clone(&fail);
        let group = GroupSync::with(Box::new(move || match failing.swap(0, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(kind.into()),
        }));
        let dir = DataDir::open(folder.path()).unwrap();
        let store = store_with(&dir, SyncGate::new(), Some(group));
        let mut begun = store.stage().unwrap();
        begun.write(b"begun before").unwrap();
        publish(&store, &large()).unwrap_err();
        // Whose bytes were lost is unknown.
        begun.publish(&sha256_of(b"begun before")).unwrap_err();
        let mut names: Vec<_> = files(folder.path())
            .into_iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, [Path::new("LOCK"), Path::new("backup.lock")]);
        assert_eq!(publish(&store, b"later").is_err(), closed);
    }
}

#[test]
fn what_was_packed_is_read_and_removed_also_where_nothing_is_packed_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let packing = DiskBlobStore::new(&DataDir::open(folder.path()).unwrap());
    let (kept, gone) = (publish(&packing, b"kept"), publish(&packing, b"gone"));
    drop(packing);
    let store = DiskBlobStore::without_packs(&DataDir::open(folder.path()).unwrap());
    let (kept, gone) = (kept.unwrap(), gone.unwrap());
    assert_eq!(read(&store, &kept).unwrap(), b"kept");
    store.remove(&gone).unwrap();
    assert_eq!(read(&store, &gone), None);
    let mut keys = Vec::new();
    store.keys(&mut |key| keys.push(key)).unwrap();
    assert_eq!(keys, [kept]);
    publish(&store, b"new").unwrap();
    assert_eq!(files(&folder.path().join("blobs")).len(), 1);
}

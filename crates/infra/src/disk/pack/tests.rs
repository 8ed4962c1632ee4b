use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kms_domain::wait_for;
use rustix::io::Errno;
use sha2::Digest as _;
use tempfile::TempDir;

use super::*;
use crate::disk::sync::Depth;

/// Longer than anything takes on a busy machine.
const BOUND: Duration = Duration::from_secs(30);

struct Scene {
    folder: TempDir,
    packs: Packs,
}

fn scene() -> Scene {
    scene_with(SyncGate::new())
}

fn scene_with(gate: SyncGate) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let packs = packs_in(folder.path(), gate);
    Scene { folder, packs }
}

fn packs_in(folder: &Path, gate: SyncGate) -> Packs {
    let packs = Packs::of(&DataDir::open(folder).unwrap(), &Arc::new(gate));
    assert!(packs.may_append(), "holes cannot be made here");
    packs
}

fn sha256_of(content: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(content).into())
}

fn try_append(packs: &Packs, content: &[u8]) -> Result<BlobKey, PortError> {
    let published = wait_for(|done| packs.append(sha256_of(content), content.to_vec(), None, done));
    published.map(|published| published.key)
}

fn append(packs: &Packs, content: &[u8]) -> BlobKey {
    try_append(packs, content).unwrap()
}

fn read(packs: &Packs, key: &BlobKey) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    packs.open(key).unwrap()?.read_to_end(&mut content).unwrap();
    Some(content)
}

fn keys(packs: &Packs) -> Vec<BlobKey> {
    let mut keys = Vec::new();
    packs.keys(&mut |key| keys.push(key)).unwrap();
    keys
}

/// The pack files, in no order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("packs")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn only_file(folder: &Path) -> PathBuf {
    let found = files(folder);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn nothing_is_made_before_there_is_a_record() {
    let Scene { folder, packs } = scene();
    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
    assert_eq!(keys(&packs), []);
    drop(packs);
    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
}

#[test]
fn records_share_a_pack_that_its_owner_alone_can_read() {
    let Scene { folder, packs } = scene();
    for size in [0, 1, 4032, 4033, MAX_CONTENT] {
        let content = vec![7; size];
        let key = append(&packs, &content);
        assert_eq!(read(&packs, &key).unwrap(), content);
        assert_eq!(packs.open(&key).unwrap().unwrap().size(), size as u64);
    }
    let mode = fs::metadata(only_file(folder.path()))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn keys_are_found_without_the_rows_also_by_the_next_process() {
    let Scene { folder, packs } = scene();
    let written: Vec<_> = (0..20_u8)
        .map(|n| append(&packs, &vec![n; 1000 * usize::from(n)]))
        .collect();
    assert_eq!(keys(&packs), written);
    packs.remove(&written[3]).unwrap();
    let mut left = written;
    left.remove(3);
    assert_eq!(keys(&packs), left);
    drop(packs);
    let packs = packs_in(folder.path(), SyncGate::new());
    assert_eq!(keys(&packs), left);
    assert_eq!(read(&packs, &left[2]).unwrap(), vec![2; 2000]);
}

#[test]
fn every_start_begins_a_fresh_pack_and_leaves_no_unused_space_in_the_old_one() {
    let Scene { folder, packs } = scene();
    append(&packs, b"one");
    let old = only_file(folder.path());
    assert!(
        fs::metadata(&old).unwrap().len() > 2 * BLOCK,
        "no space was made ready"
    );
    drop(packs);
    assert_eq!(fs::metadata(&old).unwrap().len(), 2 * BLOCK);
    let packs = packs_in(folder.path(), SyncGate::new());
    append(&packs, b"two");
    assert_eq!(files(folder.path()).len(), 2);
    assert_eq!(fs::metadata(&old).unwrap().len(), 2 * BLOCK);
}

#[test]
fn the_records_of_a_process_that_was_killed_are_all_there() {
    let Scene { folder, packs } = scene();
    let written = [append(&packs, b"one"), append(&packs, &[9; 30_000])];
    // What a kill leaves: the pack as it is, with space that was made ready and half a record.
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("LOCK"), "").unwrap();
    fs::create_dir(copy.path().join("packs")).unwrap();
    let path = only_file(folder.path());
    let left = copy.path().join("packs").join(path.file_name().unwrap());
    fs::copy(&path, &left).unwrap();
    let mut torn = Vec::new();
    let place = Place {
        pack: PackId::from_bytes([0; 8]),
        block: 12,
        length: 10,
        sha256: sha256_of(b"torn"),
    };
    format::write_record(
        &mut torn,
        &format::Nonce::from_bytes([1; 32]),
        &place,
        b"torn",
        None,
    );
    let file = OpenOptions::new().write(true).open(&left).unwrap();
    file.write_all_at(&torn, 12 * BLOCK).unwrap();

    let next = packs_in(copy.path(), SyncGate::new());
    assert_eq!(keys(&next), written);
    assert_eq!(read(&next, &written[0]).unwrap(), b"one");
    append(&next, b"three");
    assert_eq!(files(copy.path()).len(), 2);
}

#[test]
fn content_that_looks_like_a_record_is_not_taken_for_one() {
    let Scene { folder, packs } = scene();
    // Whoever has read one record's head, say in a backup, puts it where a block begins.
    let genuine = append(&packs, b"genuine");
    let path = only_file(folder.path());
    let bytes = fs::read(&path).unwrap();
    let head = &bytes[4096..4096 + RECORD_HEAD];
    let mut content = vec![0; 4096 - RECORD_HEAD];
    content.extend_from_slice(head);
    content.extend_from_slice(b"genuine");
    let wrapper = append(&packs, &content);
    // Its own head is lost; the walk comes to the block with the copied one.
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 8], Place::parse(&wrapper).unwrap().offset())
        .unwrap();
    assert_eq!(keys(&packs), [genuine]);
}

#[test]
fn a_removed_record_gives_its_room_back_and_the_last_one_its_pack() {
    let Scene { folder, packs } = scene();
    let (one, two) = (append(&packs, &[1; 40_000]), append(&packs, &[2; 40_000]));
    let path = only_file(folder.path());
    // 512 bytes each, by definition of the field.
    let room = || fs::metadata(&path).unwrap().blocks() * 512;
    let before = room();
    packs.remove(&one).unwrap();
    assert_eq!(before - room(), 10 * BLOCK);
    assert_eq!(read(&packs, &one), None);
    assert_eq!(read(&packs, &two).unwrap(), [2; 40_000]);
    packs.remove(&two).unwrap();
    assert!(path.exists(), "it is appended to");
    let three = append(&packs, b"three");
    assert_eq!(only_file(folder.path()), path);

    drop(packs);
    let packs = packs_in(folder.path(), SyncGate::new());
    assert_eq!(keys(&packs), std::slice::from_ref(&three));
    packs.remove(&three).unwrap();
    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
    packs.remove(&three).unwrap();
}

#[test]
fn a_pack_whose_records_are_gone_goes_when_it_is_sealed() {
    let Scene { folder, packs } = scene();
    let key = append(&packs, b"x");
    packs.remove(&key).unwrap();
    only_file(folder.path());
    drop(packs);
    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
}

#[test]
fn keys_that_no_pack_made_open_nothing() {
    let Scene {
        folder: _folder,
        packs,
    } = scene();
    let key = append(&packs, b"x");
    let digest = sha256_of(b"x").to_string();
    let pack = key.as_str().split('-').nth(1).unwrap();
    for raw in [
        format!("{digest}-{pack}-00000001-0002"),
        format!("{digest}-{pack}-00000001-0000"),
        format!("{digest}-{pack}-00000002-0001"),
        format!("{digest}-{pack}-00000000-0001"),
        format!("{digest}-{pack}-ffffffff-ffff"),
        format!("{digest}-{pack}-1-1"),
        format!("{digest}-{pack}-00000001-0001-1"),
        format!("{digest}-0000000000000000-00000001-0001"),
        format!("{}-{pack}-00000001-0001", sha256_of(b"y")),
    ] {
        let other = BlobKey::parse(&raw).unwrap();
        assert_eq!(read(&packs, &other), None, "{raw}");
    }
    assert_eq!(read(&packs, &key).unwrap(), b"x");
}

#[test]
fn many_at_once_share_their_syncs_and_get_their_own_content() {
    let syncs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&syncs);
    let (go_on, all_are_queued) = std::sync::mpsc::channel();
    let all_are_queued = Mutex::new(all_are_queued);
    let Scene {
        folder: _folder,
        packs,
    } = scene_with(SyncGate::with(Box::new(move |file, depth| {
        if depth == Depth::Data && counted.fetch_add(1, Ordering::SeqCst) == 0 {
            // The first record is alone; the others queue up meanwhile.
            all_are_queued.lock().unwrap().recv().unwrap();
        }
        depth.sync(file)
    })));
    let content = |n: u32| n.to_le_bytes().repeat(500);
    let (told, keys_of) = std::sync::mpsc::channel();
    let queue = |n| {
        let told = told.clone();
        let done = Box::new(move |published: Result<Published, PortError>| {
            told.send((n, published.unwrap().key)).unwrap();
        });
        packs.append(sha256_of(&content(n)), content(n), None, done);
    };
    queue(0);
    let begun = Instant::now();
    while syncs.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < BOUND, "the first record is not synced");
        std::thread::yield_now();
    }
    (1..200).for_each(queue);
    go_on.send(()).unwrap();
    for _ in 0..200 {
        let (n, key) = keys_of.recv_timeout(BOUND).unwrap();
        assert_eq!(read(&packs, &key).unwrap(), content(n));
    }
    assert_eq!(keys(&packs).len(), 200);
    assert_eq!(syncs.load(Ordering::SeqCst), 2);
}

#[test]
fn a_pack_that_is_full_is_followed_by_another() {
    let Scene { folder, packs } = scene();
    let content = vec![5; MAX_CONTENT];
    // 64 KiB each: one more than a pack of 256 MiB has room for beside its head.
    let most = 4096;
    let packs = &packs;
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                for _ in 0..most / 32 {
                    append(packs, &content);
                }
            });
        }
    });
    assert_eq!(files(folder.path()).len(), 2);
    assert_eq!(keys(packs).len(), most);
}

#[test]
fn whichever_sync_fails_nobody_is_told_of_success_and_nothing_is_stored_until_a_restart() {
    // The pack's head, its name, the space made ready, the record.
    for k in 0..4 {
        let calls = AtomicUsize::new(0);
        let gate = SyncGate::with(Box::new(move |file, depth| {
            if calls.fetch_add(1, Ordering::SeqCst) == k {
                return Err(Errno::IO.into());
            }
            depth.sync(file)
        }));
        let Scene { folder, packs } = scene_with(gate);
        for _ in 0..2 {
            let error = try_append(&packs, b"x").unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Internal, "k = {k}");
        }
        assert_eq!(keys(&packs), [], "k = {k}");
        drop(packs);
        let packs = packs_in(folder.path(), SyncGate::new());
        append(&packs, b"x");
    }
}

#[test]
fn a_full_disk_at_whichever_sync_ends_that_batch_alone() {
    for (k, depth_of_failure) in [Depth::All, Depth::All, Depth::All, Depth::Data]
        .iter()
        .enumerate()
    {
        let calls = AtomicUsize::new(0);
        let depth_of_failure = *depth_of_failure;
        let gate = SyncGate::with(Box::new(move |file, depth| {
            if calls.fetch_add(1, Ordering::SeqCst) == k {
                assert_eq!(depth, depth_of_failure, "k = {k}");
                return Err(Errno::NOSPC.into());
            }
            depth.sync(file)
        }));
        let Scene {
            folder: _folder,
            packs,
        } = scene_with(gate);
        let first = try_append(&packs, b"x");
        if k == 2 {
            // Only the space for records to come was not to be had.
            assert_eq!(read(&packs, &first.unwrap()).unwrap(), b"x");
        } else {
            assert_eq!(
                first.unwrap_err().kind(),
                PortErrorKind::StorageFull,
                "k = {k}"
            );
            assert_eq!(keys(&packs), [], "k = {k}");
        }
        let key = append(&packs, b"y");
        assert_eq!(read(&packs, &key).unwrap(), b"y");
    }
}

#[test]
fn who_was_told_last_may_drop_the_packs() {
    let Scene { folder, packs } = scene();
    let packs = Arc::new(packs);
    let (held, (sender, gone)) = (Arc::clone(&packs), std::sync::mpsc::channel());
    let done = Box::new(move |published: Result<Published, PortError>| {
        published.unwrap();
        // Not before the test has let go of its own.
        while Arc::strong_count(&held) > 1 {
            std::thread::yield_now();
        }
        drop(held);
        sender.send(()).unwrap();
    });
    packs.append(sha256_of(b"x"), b"x".to_vec(), None, done);
    drop(packs);
    gone.recv_timeout(BOUND).unwrap();
    drop(folder);
}

#[test]
fn the_folder_stays_locked_until_the_thread_has_finished() {
    let Scene { folder, packs } = scene();
    append(&packs, b"x");
    DataDir::open(folder.path()).unwrap_err();
    drop(packs);
    DataDir::open(folder.path()).unwrap();
}

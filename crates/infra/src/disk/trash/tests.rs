use std::time::{Duration, SystemTime};

use kms_domain::Clock as _;
use kms_domain::files::StagedBlob;
use kms_domain::upkeep::BlobInventory as _;
use kms_testkit::builders::{at, sha256_of};

use super::*;
use crate::SystemClock;
use crate::disk::{DataDir, DiskInventory};

struct Folder {
    temp: tempfile::TempDir,
    store: DiskBlobStore,
}

fn folder() -> Folder {
    let temp = tempfile::tempdir().unwrap();
    let store = DiskBlobStore::new(&DataDir::open(temp.path()).unwrap());
    Folder { temp, store }
}

impl Folder {
    fn publish(&self, bytes: &[u8]) -> BlobKey {
        let mut staged: Box<dyn StagedBlob> = self.store.stage().unwrap();
        staged.write(bytes).unwrap();
        staged.publish(&sha256_of(bytes)).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = folder_entries(&self.temp.path().join(folder))
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        names
    }

    fn count(&self) -> usize {
        let mut count = 0;
        let mut each = |_| {
            count += 1;
            std::ops::ControlFlow::Continue(())
        };
        let inventory = DiskInventory::new(self.temp.path());
        inventory.list(&mut each).unwrap();
        count
    }
}

#[test]
fn what_is_moved_to_the_trash_is_kept_there_to_the_letter() {
    let folder = folder();
    for size in [1, 5000, 70_000, 600_000] {
        let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        let (key, other) = (folder.publish(&bytes), folder.publish(&bytes));
        let item = StoredItem::Copy(key.clone());
        for _ in 0..2 {
            folder.store.trash(&item, at(0)).unwrap();
        }
        assert!(folder.store.open(&key).unwrap().is_none());
        assert!(folder.store.open(&other).unwrap().is_some());
        let kept = folder.store.place_in_trash(at(0), key.as_str());
        assert!(std::fs::read(kept).unwrap() == bytes, "{size}");
        folder.store.remove(&other).unwrap();
    }
    assert_eq!(folder.count(), 0);
    // Four copies, and the checksums of one.
    assert_eq!(folder.names("trash").len(), 5);
}

#[test]
fn checksums_alone_are_moved_without_a_copy() {
    let folder = folder();
    let key = folder.publish(&vec![7; 600_000]);
    let file = folder.store.locate_file(&key).unwrap();
    std::fs::remove_file(&file).unwrap();
    let item = StoredItem::Checksums(key);
    folder.store.trash(&item, at(0)).unwrap();
    assert_eq!(folder.count(), 0);
    assert_eq!(folder.names("trash").len(), 1);
}

#[test]
fn the_trash_is_emptied_by_the_time_of_the_move_and_of_nothing_else() {
    let folder = folder();
    let foreign = folder.temp.path().join("trash/keep this");
    std::fs::write(foreign, "x").unwrap();
    for millis in [0, 5, 10] {
        let key = folder.publish(&[millis as u8]);
        folder
            .store
            .trash(&StoredItem::Copy(key), at(millis))
            .unwrap();
    }
    assert_eq!(folder.store.empty(at(5)).unwrap(), 1);
    assert_eq!(folder.store.empty(at(5)).unwrap(), 0);
    assert_eq!(folder.names("trash").len(), 3);
    assert_eq!(folder.store.empty(at(1000)).unwrap(), 2);
    assert_eq!(folder.names("trash"), ["keep this"]);
}

/// Makes the packs look as if nobody had written to them for long.
fn age(folder: &Folder) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for path in folder_entries(&folder.temp.path().join("packs")).unwrap() {
        let pack = OpenOptions::new().write(true).open(path).unwrap();
        pack.set_modified(long_ago).unwrap();
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

#[test]
fn room_that_a_crash_left_is_given_back_and_records_are_not_touched() {
    let folder = folder();
    let key = folder.publish(b"content");
    let pack = folder.names("packs").remove(0);
    let path = folder.temp.path().join("packs").join(&pack);
    let copy = std::fs::read(&path).unwrap();
    assert!(copy.len() > 8192, "no space was made ready");
    age(&folder);
    assert_eq!(folder.store.reclaim(now()).unwrap(), 0, "it is appended to");

    // As a killed process leaves it: under a name that nobody appends to.
    let crashed = folder.temp.path().join("packs/00000000000000aa");
    std::fs::write(&crashed, &copy).unwrap();
    assert_eq!(folder.store.reclaim(now().minus_millis(60_000)).unwrap(), 0);
    age(&folder);
    let reclaimed = folder.store.reclaim(now()).unwrap();
    assert_eq!(reclaimed, copy.len() as u64 - 8192);
    assert_eq!(std::fs::read(&crashed).unwrap(), copy[..8192]);
    assert!(folder.store.open(&key).unwrap().is_some());
}

#[test]
fn a_pack_without_records_goes_and_one_with_something_unknown_stays() {
    let folder = folder();
    folder.publish(b"content");
    let pack = folder.names("packs").remove(0);
    let mut copy = std::fs::read(folder.temp.path().join("packs").join(pack)).unwrap();
    let packs = folder.temp.path().join("packs");
    let (empty, bare) = (
        packs.join("00000000000000aa"),
        packs.join("00000000000000ab"),
    );
    let unknown = packs.join("00000000000000ac");
    // The head of the only record is damaged: its row may still name it.
    copy[4096] ^= 1;
    std::fs::write(&unknown, &copy).unwrap();
    copy[4096..].fill(0);
    std::fs::write(&empty, &copy).unwrap();
    std::fs::write(&bare, "").unwrap();
    age(&folder);
    folder.store.reclaim(now()).unwrap();
    assert!(!empty.exists() && !bare.exists() && unknown.exists());
    assert_eq!(
        std::fs::metadata(&unknown).unwrap().len(),
        copy.len() as u64
    );
}

#[test]
fn what_cannot_be_given_back_or_deleted_keeps_nobody_from_the_rest() {
    let folder = folder();
    let packs = folder.temp.path().join("packs");
    // A pack that cannot be walked through, and one without records, before and behind it.
    std::fs::create_dir(packs.join("0000000000000002")).unwrap();
    let empty = ["0000000000000001", "0000000000000003"].map(|name| packs.join(name));
    for pack in &empty {
        std::fs::write(pack, "").unwrap();
    }
    assert!(folder.store.reclaim(now().minus_millis(-60_000)).is_err());
    assert!(!empty.iter().any(|pack| pack.exists()));

    let trash = folder.temp.path().join("trash");
    std::fs::create_dir(trash.join("2-a")).unwrap();
    for name in ["1-a", "3-a"] {
        std::fs::write(trash.join(name), "").unwrap();
    }
    assert!(folder.store.empty(at(0)).is_err());
    assert_eq!(folder.names("trash"), ["2-a"]);
}

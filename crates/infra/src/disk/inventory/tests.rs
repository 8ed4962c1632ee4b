use kms_domain::Clock as _;
use kms_domain::files::{BlobStore, StagedBlob};
use kms_testkit::builders::sha256_of;

use super::*;
use crate::SystemClock;
use crate::disk::{DataDir, DiskBlobStore};

struct Folder {
    temp: tempfile::TempDir,
    store: DiskBlobStore,
    inventory: DiskInventory,
}

fn folder() -> Folder {
    let temp = tempfile::tempdir().unwrap();
    let store = DiskBlobStore::new(&DataDir::open(temp.path()).unwrap());
    let inventory = DiskInventory::new(temp.path());
    Folder {
        temp,
        store,
        inventory,
    }
}

impl Folder {
    fn publish(&self, bytes: &[u8]) -> BlobKey {
        let mut staged: Box<dyn StagedBlob> = self.store.stage().unwrap();
        staged.write(bytes).unwrap();
        staged.publish(&sha256_of(bytes)).unwrap()
    }

    fn file(&self, key: &BlobKey) -> PathBuf {
        self.inventory.path_of(key.as_str()).unwrap()
    }

    fn list(&self) -> Vec<Stored> {
        let mut found = Vec::new();
        let mut each = |stored| {
            found.push(stored);
            ControlFlow::Continue(())
        };
        self.inventory.list(&mut each).unwrap();
        found
    }

    fn inspect(&self, key: &BlobKey) -> Inspection {
        let mut go_on = |_| ControlFlow::Continue(());
        let quick = self.inventory.inspect(key, false, &mut go_on).unwrap();
        let full = self.inventory.inspect(key, true, &mut go_on).unwrap();
        if let (Inspection::Found { size, sha256, .. }, Inspection::Found { size: same, .. }) =
            (quick, full)
        {
            assert_eq!((size, sha256), (same, None));
        }
        full
    }
}

fn sound(bytes: &[u8]) -> Inspection {
    Inspection::Found {
        size: bytes.len() as u64,
        sha256: Some(sha256_of(bytes)),
        checksums: Checksums::Sound,
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[test]
fn everything_that_was_published_is_listed_once_with_its_size_and_time() {
    let folder = folder();
    let before = SystemClock.now().minus_millis(5000);
    let sizes = [1, 100, 60_000, 70_000, 600_000];
    let mut keys: Vec<_> = sizes
        .map(|size| (folder.publish(&pattern(size)), size))
        .into();
    let mut found: Vec<_> = folder
        .list()
        .into_iter()
        .map(|stored| {
            assert!(stored.modified >= before);
            (stored.item, stored.size as usize)
        })
        .collect();
    found.sort_by_key(|(item, _)| item.key().to_string());
    keys.sort_by_key(|(key, _)| key.to_string());
    let keys: Vec<_> = keys
        .into_iter()
        .map(|(key, size)| (StoredItem::Copy(key), size))
        .collect();
    assert_eq!(found, keys);
    assert!(folder.store.remove(keys[0].0.key()).is_ok());
    assert_eq!(folder.list().len(), 4);
}

#[test]
fn checksums_without_their_copy_are_listed_and_what_no_store_made_is_not() {
    let folder = folder();
    let key = folder.publish(&pattern(600_000));
    let file = folder.file(&key);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(file.with_file_name("notes.txt"), "x").unwrap();
    std::fs::write(folder.temp.path().join("blobs/notes.txt"), "x").unwrap();
    let found: Vec<_> = folder.list().into_iter().map(|it| it.item).collect();
    assert_eq!(found, [StoredItem::Checksums(key)]);
}

#[test]
fn sound_copies_are_found_sound_and_missing_ones_missing() {
    let folder = folder();
    for size in [1, 60_000, 70_000, 262_144, 262_145, 600_000] {
        let bytes = pattern(size);
        let key = folder.publish(&bytes);
        assert_eq!(folder.inspect(&key), sound(&bytes), "{size}");
        folder.store.remove(&key).unwrap();
        assert_eq!(folder.inspect(&key), Inspection::Missing, "{size}");
    }
    let foreign = BlobKey::parse("held").unwrap();
    assert_eq!(folder.inspect(&foreign), Inspection::Missing);
}

#[test]
fn what_a_disk_did_is_found_and_looking_changes_nothing() {
    let folder = folder();
    let mut bytes = pattern(600_000);
    let key = folder.publish(&bytes);
    let file = folder.file(&key);
    let sums = sums::path_of(&file);
    std::fs::remove_file(&sums).unwrap();
    let found = folder.inspect(&key);
    assert!(matches!(
        found,
        Inspection::Found {
            checksums: Checksums::Missing,
            ..
        }
    ));
    assert!(!sums.exists());
    std::fs::write(&sums, "nonsense").unwrap();
    let found = folder.inspect(&key);
    assert!(matches!(
        found,
        Inspection::Found {
            checksums: Checksums::Damaged,
            ..
        }
    ));
    bytes[300_000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let Inspection::Found { sha256, .. } = folder.inspect(&key) else {
        panic!("it is there");
    };
    assert_eq!(sha256, Some(sha256_of(&bytes)));
    std::fs::write(&file, &bytes[..5]).unwrap();
    assert!(matches!(
        folder.inspect(&key),
        Inspection::Found { size: 5, .. }
    ));
}

#[test]
fn whoever_breaks_off_is_asked_no_more() {
    let folder = folder();
    let keys = [folder.publish(&pattern(600_000)), folder.publish(b"small")];
    for key in &keys {
        let mut asked = 0;
        let mut once = |_| {
            asked += 1;
            ControlFlow::Break(())
        };
        let found = folder.inventory.inspect(key, true, &mut once).unwrap();
        assert_eq!((found, asked), (Inspection::Interrupted, 1));
    }
    let mut listed = 0;
    let mut once = |_| {
        listed += 1;
        ControlFlow::Break(())
    };
    folder.inventory.list(&mut once).unwrap();
    assert_eq!(listed, 1);
}

#[test]
fn a_folder_without_anything_is_empty() {
    let temp = tempfile::tempdir().unwrap();
    let inventory = DiskInventory::new(&temp.path().join("none"));
    let mut each = |_| panic!("there is nothing");
    inventory.list(&mut each).unwrap();
    assert!(!temp.path().join("none").exists());
}

#[test]
fn a_disk_that_is_away_is_told_from_a_copy_that_is_missing() {
    let folder = folder();
    let (large, small) = (folder.publish(&pattern(600_000)), folder.publish(b"small"));
    let keys = [&large, &small];
    let is_there = |key: &BlobKey| {
        let found = folder.inventory.expect_store(key).is_ok();
        // Who asks the store is told the same.
        assert_eq!(folder.store.open(key).is_ok(), found);
        assert_eq!(folder.store.find_size(key).is_ok(), found);
        found
    };
    for key in keys {
        folder.store.remove(key).unwrap();
        assert!(is_there(key), "only {key} is missing");
    }
    let (blobs, packs) = (
        folder.temp.path().join("blobs"),
        folder.temp.path().join("packs"),
    );
    std::fs::rename(&blobs, folder.temp.path().join("elsewhere")).unwrap();
    assert_eq!(keys.map(is_there), [false, true]);
    // The point at which a disk was mounted.
    std::fs::create_dir(&blobs).unwrap();
    assert_eq!(keys.map(is_there), [false, true]);
    std::fs::remove_dir_all(&packs).unwrap();
    assert_eq!(keys.map(is_there), [false, false]);
}

#[test]
fn what_cannot_be_listed_is_told_and_keeps_nobody_from_the_rest() {
    let folder = folder();
    let keys = [600_000, 70_000, 10, 20].map(|size| folder.publish(&pattern(size)));
    for (broken, link) in [("blobs/00", true), ("packs/0000000000000001", false)] {
        let broken = folder.temp.path().join(broken);
        if link {
            std::os::unix::fs::symlink("00", &broken).unwrap();
        } else {
            std::fs::create_dir(&broken).unwrap();
        }
        let mut found = Vec::new();
        let listed = folder.inventory.list(&mut |stored| {
            found.push(stored.item.key().clone());
            ControlFlow::Continue(())
        });
        assert!(listed.is_err(), "{}", broken.display());
        assert!(keys.iter().all(|key| found.contains(key)), "{found:?}");
        if link {
            std::fs::remove_file(&broken).unwrap();
        }
    }
}

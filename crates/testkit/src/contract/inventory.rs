//! [`BlobInventory`](kms_domain::upkeep::BlobInventory).

use std::collections::HashMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kms_domain::files::BlobKey;
use kms_domain::upkeep::{Checksums, Inspection, Stored, StoredItem};

use super::store::pattern;
use super::{Damage, Keeping};
use crate::builders::{fresh_key, sha256_of};

/// The suite of what lies in a store, over `fn() -> Keeping`; under another name than `blob_inventory`
/// where one adapter comes in several shapes.
#[macro_export]
macro_rules! blob_inventory_contract {
    ($fresh:expr) => {
        $crate::blob_inventory_contract!(blob_inventory, $fresh);
    };
    ($name:ident, $fresh:expr) => {
        $crate::__contract_tests! { $name, $fresh,
            inventory: [
                what_was_published_is_listed_once_with_its_size_and_time,
                what_is_staged_or_removed_is_not_listed,
                checksums_without_their_copy_are_listed_as_such,
                who_breaks_off_is_told_of_nothing_more,
                what_comes_and_goes_does_not_hide_what_stays,
                a_sound_copy_has_its_size_and_its_digest_if_it_was_read,
                nothing_is_found_under_a_key_that_names_nothing,
                every_byte_that_is_read_is_told,
                who_breaks_off_reading_learns_nothing,
                damage_shows_where_bytes_are_read,
                looking_changes_nothing,
            ]
        }
    };
}

/// Around the sizes at which a store may keep bytes in another way.
pub(super) const SIZES: [usize; 7] = [1, 5_000, 65_472, 65_473, 262_144, 262_145, 1_000_000];

/// File systems round the time of a change, and some to the second.
const ROUNDED: i64 = 2000;

pub(super) fn publish(on: &Keeping, bytes: &[u8]) -> BlobKey {
    let mut staged = on.store.stage().unwrap();
    staged.write(bytes).unwrap();
    staged.publish(&sha256_of(bytes)).unwrap()
}

pub(super) fn list(on: &Keeping) -> Vec<Stored> {
    let mut found = Vec::new();
    let mut each = |stored| {
        found.push(stored);
        ControlFlow::Continue(())
    };
    on.inventory.list(&mut each).unwrap();
    found
}

pub(super) fn read(on: &Keeping, key: &BlobKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut reader = on.store.open(key).unwrap().expect("a published blob");
    reader.read_to_end(&mut bytes).unwrap();
    bytes
}

fn inspect(on: &Keeping, key: &BlobKey, bytes: bool) -> Inspection {
    let mut go_on = |_| ControlFlow::Continue(());
    on.inventory.inspect(key, bytes, &mut go_on).unwrap()
}

/// Each under its own key, equal bytes as well. A time may be later, never earlier.
pub fn what_was_published_is_listed_once_with_its_size_and_time(on: &Keeping) {
    assert!(list(on).is_empty());
    let before = (on.now)().minus_millis(ROUNDED);
    let mut published = HashMap::new();
    for size in SIZES.into_iter().chain(SIZES) {
        published.insert(publish(on, &pattern(size)), size as u64);
    }
    let found = list(on);
    assert_eq!(found.len(), published.len());
    for stored in found {
        let StoredItem::Copy(key) = &stored.item else {
            panic!("{stored:?} has its copy");
        };
        assert_eq!(published.remove(key), Some(stored.size), "{stored:?}");
        assert!(stored.modified >= before, "{stored:?}");
    }
}

/// Of whatever size.
pub fn what_is_staged_or_removed_is_not_listed(on: &Keeping) {
    for size in SIZES {
        let mut staged = on.store.stage().unwrap();
        staged.write(&pattern(size)).unwrap();
        let key = publish(on, &pattern(size));
        assert_eq!(list(on).len(), 1, "{size}");
        on.store.remove(&key).unwrap();
        assert!(list(on).is_empty(), "{size}");
    }
}

/// With the copy there, they are a part of it.
pub fn checksums_without_their_copy_are_listed_as_such(on: &Keeping) {
    let (key, whole) = (
        publish(on, &pattern(600_000)),
        publish(on, &pattern(600_000)),
    );
    if !(on.lose_copy)(&key) {
        return;
    }
    let mut items: Vec<_> = list(on).into_iter().map(|it| it.item).collect();
    items.sort_by_key(|item| matches!(item, StoredItem::Copy(_)));
    assert_eq!(
        items,
        [StoredItem::Checksums(key.clone()), StoredItem::Copy(whole)]
    );
    assert_eq!(inspect(on, &key, true), Inspection::Missing);
}

/// At whichever it was.
pub fn who_breaks_off_is_told_of_nothing_more(on: &Keeping) {
    for size in SIZES {
        publish(on, &pattern(size));
    }
    for last in 1..=SIZES.len() {
        let mut told = 0;
        let mut each = |_| {
            told += 1;
            if told == last {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        on.inventory.list(&mut each).unwrap();
        assert_eq!(told, last);
    }
}

/// It works beside whoever writes to the store: what was there all the time is found, once.
pub fn what_comes_and_goes_does_not_hide_what_stays(on: &Keeping) {
    let stays: Vec<_> = SIZES.map(|size| publish(on, &pattern(size))).into();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for size in [3_000, 300_000] {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let key = publish(on, &pattern(size));
                    on.store.remove(&key).unwrap();
                }
            });
        }
        for _ in 0..20 {
            let listed = list(on);
            for key in &stays {
                let times = listed.iter().filter(|it| it.item.key() == key).count();
                assert_eq!(times, 1, "{key}");
                assert!(matches!(inspect(on, key, true), Inspection::Found { .. }));
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// And nothing is wrong with its checksums.
pub fn a_sound_copy_has_its_size_and_its_digest_if_it_was_read(on: &Keeping) {
    for size in SIZES {
        let bytes = pattern(size);
        let key = publish(on, &bytes);
        for read in [false, true] {
            let expected = Inspection::Found {
                size: size as u64,
                sha256: read.then(|| sha256_of(&bytes)),
                checksums: Checksums::Sound,
            };
            assert_eq!(inspect(on, &key, read), expected);
        }
    }
}

/// It never did, not any more, or it is another store's.
pub fn nothing_is_found_under_a_key_that_names_nothing(on: &Keeping) {
    let mut keys = vec![
        fresh_key(&sha256_of(b"x")),
        BlobKey::parse("held").expect("a key"),
    ];
    for size in SIZES {
        let key = publish(on, &pattern(size));
        on.store.remove(&key).unwrap();
        keys.push(key);
    }
    for key in keys {
        for bytes in [false, true] {
            assert_eq!(inspect(on, &key, bytes), Inspection::Missing, "{key}");
        }
    }
}

/// Once, and nothing where only is looked.
pub fn every_byte_that_is_read_is_told(on: &Keeping) {
    for size in SIZES {
        let key = publish(on, &pattern(size));
        for (bytes, expected) in [(false, 0), (true, size as u64)] {
            let mut told = 0;
            let mut read = |more: u64| {
                told += more;
                ControlFlow::Continue(())
            };
            on.inventory.inspect(&key, bytes, &mut read).unwrap();
            assert_eq!(told, expected, "{size}");
        }
    }
}

/// And is asked no more.
pub fn who_breaks_off_reading_learns_nothing(on: &Keeping) {
    for size in SIZES {
        let key = publish(on, &pattern(size));
        let mut asked = 0;
        let mut read = |_| {
            asked += 1;
            ControlFlow::Break(())
        };
        let found = on.inventory.inspect(&key, true, &mut read).unwrap();
        assert_eq!((found, asked), (Inspection::Interrupted, 1), "{size}");
    }
}

/// By another size, another digest, or nothing there.
pub fn damage_shows_where_bytes_are_read(on: &Keeping) {
    for size in SIZES {
        for damage in [
            Damage::Flip(size / 2),
            Damage::Flip(size - 1),
            Damage::Cut(size / 2),
            Damage::Grow,
        ] {
            let bytes = pattern(size);
            let key = publish(on, &bytes);
            (on.damage)(&key, damage);
            let is_found_out = match inspect(on, &key, true) {
                Inspection::Missing => true,
                Inspection::Interrupted => false,
                Inspection::Found { sha256, .. } => sha256 != Some(sha256_of(&bytes)),
            };
            assert!(is_found_out, "{damage:?} of {size}");
        }
    }
}

/// Neither what is sound nor what is lost.
pub fn looking_changes_nothing(on: &Keeping) {
    let whole: Vec<_> = SIZES.map(|size| (publish(on, &pattern(size)), size)).into();
    let lost = publish(on, &pattern(600_000));
    (on.lose_copy)(&lost);
    let damaged = publish(on, &pattern(600_000));
    (on.damage)(&damaged, Damage::Flip(300_000));
    let before = list(on);
    for _ in 0..2 {
        for (key, _) in &whole {
            inspect(on, key, true);
        }
        for key in [&lost, &damaged] {
            assert_eq!(inspect(on, key, true), inspect(on, key, true));
        }
        assert_eq!(list(on), before);
    }
    for (key, size) in &whole {
        assert!(read(on, key) == pattern(*size), "{size}");
    }
    assert_eq!((on.trashed)(), 0);
}

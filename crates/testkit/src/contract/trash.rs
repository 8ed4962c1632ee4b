//! [`BlobTrash`](kms_domain::upkeep::BlobTrash).

use kms_domain::upkeep::StoredItem;

use super::Keeping;
use super::inventory::{SIZES, list, publish, read};
use super::store::pattern;
use crate::builders::{at, fresh_key, sha256_of};

/// The suite of where a store puts what no row knows, over `fn() -> Keeping`; under another name than
/// `blob_trash` where one adapter comes in several shapes.
#[macro_export]
macro_rules! blob_trash_contract {
    ($fresh:expr) => {
        $crate::blob_trash_contract!(blob_trash, $fresh);
    };
    ($name:ident, $fresh:expr) => {
        $crate::__contract_tests! { $name, $fresh,
            trash: [
                what_is_moved_is_in_the_store_no_more_and_is_kept,
                moving_is_idempotent,
                what_is_not_there_is_as_good_as_moved,
                moving_takes_one_copy_and_no_other,
                checksums_alone_can_be_moved,
                the_trash_is_emptied_by_the_time_of_the_move,
                nothing_is_emptied_twice,
                no_backup_begins_during_a_hold,
                there_is_no_hold_while_anybody_copies,
                room_that_no_copy_took_is_given_back,
                reclaiming_takes_no_copy,
            ]
        }
    };
}

fn trash(on: &Keeping, item: &StoredItem, millis: i64) {
    on.trash.trash(item, at(millis)).unwrap();
}

/// Of whatever size.
pub fn what_is_moved_is_in_the_store_no_more_and_is_kept(on: &Keeping) {
    for size in SIZES {
        let key = publish(on, &pattern(size));
        let before = (on.trashed)();
        trash(on, &StoredItem::Copy(key.clone()), 0);
        assert!(on.store.open(&key).unwrap().is_none(), "{size}");
        assert!(list(on).is_empty(), "{size}");
        // Its checksums may be a file of their own.
        assert!((on.trashed)() > before, "{size}");
    }
}

/// Also later, when it would be kept under another time.
pub fn moving_is_idempotent(on: &Keeping) {
    for size in SIZES {
        let item = StoredItem::Copy(publish(on, &pattern(size)));
        trash(on, &item, 0);
        let kept = (on.trashed)();
        trash(on, &item, 0);
        trash(on, &item, 1000);
        assert_eq!((on.trashed)(), kept, "{size}");
    }
}

/// It never was, or it was removed.
pub fn what_is_not_there_is_as_good_as_moved(on: &Keeping) {
    let removed = publish(on, b"x");
    on.store.remove(&removed).unwrap();
    for key in [removed, fresh_key(&sha256_of(b"x"))] {
        trash(on, &StoredItem::Copy(key.clone()), 0);
        trash(on, &StoredItem::Checksums(key), 0);
    }
    assert_eq!((on.trashed)(), 0);
}

/// Of the same bytes as well.
pub fn moving_takes_one_copy_and_no_other(on: &Keeping) {
    for size in SIZES {
        let bytes = pattern(size);
        let (gone, stays) = (publish(on, &bytes), publish(on, &bytes));
        trash(on, &StoredItem::Copy(gone), 0);
        assert!(read(on, &stays) == bytes, "{size}");
        on.store.remove(&stays).unwrap();
    }
}

/// Where a store has any.
pub fn checksums_alone_can_be_moved(on: &Keeping) {
    let key = publish(on, &pattern(600_000));
    if !(on.lose_copy)(&key) {
        return;
    }
    trash(on, &StoredItem::Checksums(key), 0);
    assert!(list(on).is_empty());
    assert_eq!((on.trashed)(), 1);
}

/// To the millisecond, and by no other time.
pub fn the_trash_is_emptied_by_the_time_of_the_move(on: &Keeping) {
    for millis in [5, 10, 20] {
        let key = publish(on, &[millis as u8]);
        trash(on, &StoredItem::Copy(key), millis);
    }
    assert_eq!(on.trash.empty(at(5)).unwrap(), 0);
    assert_eq!(on.trash.empty(at(6)).unwrap(), 1);
    assert_eq!((on.trashed)(), 2);
    assert_eq!(on.trash.empty(at(21)).unwrap(), 2);
    assert_eq!((on.trashed)(), 0);
}

/// And nothing of the store.
pub fn nothing_is_emptied_twice(on: &Keeping) {
    let stays = publish(on, b"stays");
    trash(on, &StoredItem::Copy(publish(on, b"goes")), 0);
    assert_eq!(on.trash.empty(at(1000)).unwrap(), 1);
    assert_eq!(on.trash.empty(at(1000)).unwrap(), 0);
    assert_eq!(read(on, &stays), b"stays");
}

/// And one begins when it is over.
pub fn no_backup_begins_during_a_hold(on: &Keeping) {
    let hold = on.trash.hold_off_backups().unwrap();
    assert!(hold.is_some());
    assert!((on.back_up)().is_none());
    drop(hold);
    assert!((on.back_up)().is_some());
}

/// Whoever of several is the last.
pub fn there_is_no_hold_while_anybody_copies(on: &Keeping) {
    let (first, second) = ((on.back_up)(), (on.back_up)());
    assert!(first.is_some() && second.is_some());
    assert!(on.trash.hold_off_backups().unwrap().is_none());
    drop(first);
    assert!(on.trash.hold_off_backups().unwrap().is_none());
    drop(second);
    assert!(on.trash.hold_off_backups().unwrap().is_some());
}

/// Once, and only when it was not touched for long enough.
pub fn room_that_no_copy_took_is_given_back(on: &Keeping) {
    if !(on.waste)() {
        assert_eq!(on.trash.reclaim(at(i64::MAX / 4)).unwrap(), 0);
        return;
    }
    let (long_ago, now) = (at(i64::MIN / 4), (on.now)());
    assert_eq!(on.trash.reclaim(long_ago).unwrap(), 0);
    assert!(on.trash.reclaim(now).unwrap() > 0);
    assert_eq!(on.trash.reclaim(now).unwrap(), 0);
}

/// Whatever the time, and also one that is being written to.
pub fn reclaiming_takes_no_copy(on: &Keeping) {
    (on.waste)();
    let published = SIZES.map(|size| (publish(on, &pattern(size)), size));
    on.trash.reclaim(at(i64::MAX / 4)).unwrap();
    for (key, size) in &published {
        assert!(read(on, key) == pattern(*size), "{size}");
    }
    let later = publish(on, b"later");
    assert_eq!(read(on, &later), b"later");
    assert_eq!(list(on).len(), SIZES.len() + 1);
}

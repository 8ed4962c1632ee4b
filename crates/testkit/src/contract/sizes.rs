//! What [`BlobStore::find_size`](kms_domain::files::BlobStore::find_size) promises.

use kms_domain::files::BlobKey;

use super::store::{open, pattern, publish};
use super::{Damage, Store};

const SIZES: [usize; 6] = [0, 1, 5_000, 65_472, 65_473, 600_000];

fn size(on: &Store, key: &BlobKey) -> Option<u64> {
    on.store.find_size(key).unwrap()
}

/// And nothing once it is gone, whatever else is still there.
pub fn a_size_is_that_of_the_reader(on: &Store) {
    for len in SIZES {
        let bytes = pattern(len);
        let (key, other) = (publish(on, &bytes), publish(on, &bytes));
        assert_eq!(size(on, &key), Some(len as u64));
        assert_eq!(open(on, &key).size(), len as u64);
        on.store.remove(&key).unwrap();
        assert_eq!(size(on, &key), None);
        assert_eq!(size(on, &other), Some(len as u64));
    }
}

/// A store that keeps many blobs in one file may not find it any more.
pub fn a_changed_length_is_not_the_size_that_was(on: &Store) {
    for len in SIZES.into_iter().filter(|len| *len > 0) {
        for damage in [Damage::Cut(0), Damage::Cut(len - 1), Damage::Grow] {
            let key = publish(on, &pattern(len));
            (on.damage)(&key, damage);
            let expected = match damage {
                Damage::Cut(left) => left,
                _ => len + 1,
            };
            let found = size(on, &key);
            assert!(found.is_none_or(|it| it == expected as u64), "{found:?}");
        }
    }
}

//! What [`BlobReader`] promises about bytes that are not what was written.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use kms_domain::files::{BlobKey, BlobReader};

use super::store::{open, pattern, publish, read};
use super::{Damage, Store};

/// Around the sizes at which a store may begin to check in another way.
const SIZES: [usize; 7] = [1, 5_000, 65_536, 262_144, 262_145, 524_288, 1_500_000];

/// What is answered until the end or the first error.
fn drain(reader: &mut dyn BlobReader, piece: usize) -> (Vec<u8>, Option<ErrorKind>) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (bytes, None),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

fn part(on: &Store, key: &BlobKey, start: usize, length: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut reader = open(on, key);
    reader.seek(SeekFrom::Start(start as u64)).unwrap();
    let mut bytes = vec![0; length];
    let read = reader.read_exact(&mut bytes);
    read.map(|()| bytes).map_err(|error| error.kind())
}

/// Whatever was answered before is right, and who asks again is told again.
pub fn a_flipped_bit_is_never_answered(on: &Store) {
    for size in SIZES {
        let bytes = pattern(size);
        for place in [0, size / 2, size - 1] {
            let key = publish(on, &bytes);
            (on.damage)(&key, Damage::Flip(place));
            for piece in [1_000, 262_144, 2_000_000] {
                let mut reader = open(on, &key);
                let (before, error) = drain(&mut *reader, piece);
                assert_eq!(error, Some(ErrorKind::InvalidData), "{place} of {size}");
                assert!(before.len() <= place && bytes.starts_with(&before));
                let stays = reader.stream_position().unwrap();
                assert_eq!(stays, before.len() as u64);
                let again = drain(&mut *reader, piece);
                assert_eq!(again, (Vec::new(), Some(ErrorKind::InvalidData)));
            }
        }
    }
}

/// Be it at its beginning, inside or at its end.
pub fn a_part_that_touches_damage_is_not_answered(on: &Store) {
    let key = publish(on, &pattern(1_500_000));
    (on.damage)(&key, Damage::Flip(700_000));
    for (start, length) in [
        (700_000, 1),
        (700_000, 1_000),
        (699_001, 1_000),
        (600_000, 200_000),
        (0, 1_500_000),
    ] {
        let error = part(on, &key, start, length).unwrap_err();
        assert_eq!(error, ErrorKind::InvalidData, "{length} from {start}");
    }
}

/// 256 KiB is far.
pub fn a_part_far_from_damage_is_answered(on: &Store) {
    let bytes = pattern(1_500_000);
    let key = publish(on, &bytes);
    (on.damage)(&key, Damage::Flip(700_000));
    for (start, length) in [
        (0, 1),
        (0, 437_000),
        (962_145, 537_855),
        (1_000_000, 300_000),
        (1_499_999, 1),
    ] {
        let found = part(on, &key, start, length).unwrap();
        assert!(
            found == bytes[start..start + length],
            "{length} from {start}"
        );
    }
    // The same reader gets on behind the damage.
    let mut reader = open(on, &key);
    assert_eq!(drain(&mut *reader, 10_000).1, Some(ErrorKind::InvalidData));
    reader.seek(SeekFrom::Start(1_200_000)).unwrap();
    assert!(drain(&mut *reader, 10_000) == (bytes[1_200_000..].to_vec(), None));
}

/// Shorter or longer: the size is told as it is, and no byte is.
pub fn a_changed_length_is_never_answered(on: &Store) {
    for size in SIZES {
        let bytes = pattern(size);
        let cuts = [0, size / 2, size - 1].map(Damage::Cut);
        for damage in cuts.into_iter().chain([Damage::Grow]) {
            let key = publish(on, &bytes);
            (on.damage)(&key, damage);
            // A store that keeps many blobs in one file does not find it any more.
            let Some(mut reader) = on.store.open(&key).unwrap() else {
                continue;
            };
            let found = match damage {
                Damage::Cut(length) => length,
                _ => size + 1,
            };
            assert_eq!(reader.size(), found as u64);
            let answer = drain(&mut *reader, 262_144);
            assert_eq!(answer, (Vec::new(), Some(ErrorKind::InvalidData)));
        }
    }
}

/// Nor to another copy of the same bytes.
pub fn damage_to_one_blob_is_none_to_others(on: &Store) {
    let (bytes, others) = (pattern(600_000), pattern(500_000));
    let (one, two) = (publish(on, &bytes), publish(on, &bytes));
    let three = publish(on, &others);
    (on.damage)(&one, Damage::Flip(0));
    assert!(read(on, &two) == bytes && read(on, &three) == others);
    on.store.remove(&one).unwrap();
    assert!(read(on, &two) == bytes);
}

/// It says so, or leaves it to who may wait.
pub fn reading_at_once_answers_no_damage_either(on: &Store) {
    for size in SIZES {
        let key = publish(on, &pattern(size));
        (on.damage)(&key, Damage::Flip(size - 1));
        let mut reader = open(on, &key);
        let mut buffer = vec![0; 262_144];
        let mut refused = 0;
        while refused < 2 {
            let before = reader.stream_position().unwrap();
            let read = match reader.read_now(&mut buffer) {
                Ok(None) => reader.read(&mut buffer),
                Ok(Some(read)) => Ok(read),
                Err(error) => Err(error),
            };
            match read {
                Ok(read) => assert!(read > 0 && before as usize + read < size),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidData);
                    assert_eq!(reader.stream_position().unwrap(), before);
                    refused += 1;
                }
            }
        }
    }
}

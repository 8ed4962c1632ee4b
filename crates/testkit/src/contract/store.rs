//! [`BlobStore`](kms_domain::files::BlobStore), with its staged blobs and its readers.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use kms_domain::files::{BlobKey, BlobReader, Published, SMALL_CONTENT, StagedBlob};
use kms_domain::wait_for;

use super::Store;
use super::support::race;
use crate::builders::{fresh_key, sha256_of};

/// The suite of the bytes, over `fn() -> Store`; under another name than `blob_store` where one
/// adapter comes in several shapes.
#[macro_export]
macro_rules! blob_store_contract {
    ($fresh:expr) => {
        $crate::blob_store_contract!(blob_store, $fresh);
    };
    ($name:ident, $fresh:expr) => {
        $crate::__contract_tests! { $name, $fresh,
            store: [
                published_bytes_come_back_to_the_letter,
                the_size_of_the_pieces_does_not_matter,
                a_reader_seeks_like_a_file,
                readers_do_not_disturb_each_other,
                staged_bytes_are_nowhere_to_be_found,
                a_dropped_stage_leaves_nothing,
                publishing_leaves_nothing_staged,
                a_key_begins_with_the_digest,
                the_same_bytes_get_another_key_each_time,
                a_key_is_not_used_again_after_its_removal,
                an_unknown_key_opens_nothing,
                a_removed_blob_is_gone_and_takes_up_no_room,
                a_removal_is_idempotent,
                a_removal_takes_one_blob_and_no_other,
                an_open_reader_survives_the_removal,
                simultaneous_uploads_do_not_mix,
                who_does_not_wait_is_told_the_key_when_it_can_be_opened,
                a_discarded_blob_is_gone_soon_and_no_other_with_it,
                reading_at_once_is_reading_or_nothing,
            ]
            damage: [
                a_flipped_bit_is_never_answered,
                a_part_that_touches_damage_is_not_answered,
                a_part_far_from_damage_is_answered,
                a_changed_length_is_never_answered,
                damage_to_one_blob_is_none_to_others,
                reading_at_once_answers_no_damage_either,
            ]
            sizes: [a_size_is_that_of_the_reader, a_changed_length_is_not_the_size_that_was]
        }
    };
}

/// What no store keeps in memory until it is published.
const MORE_THAN_SMALL: usize = SMALL_CONTENT * 2;

/// Every byte value, in an order that repeats at no power of two.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn stage(on: &Store, bytes: &[u8]) -> Box<dyn StagedBlob> {
    let mut staged = on.store.stage().unwrap();
    staged.write(bytes).unwrap();
    staged
}

pub(super) fn publish(on: &Store, bytes: &[u8]) -> BlobKey {
    stage(on, bytes).publish(&sha256_of(bytes)).unwrap()
}

pub(super) fn open(on: &Store, key: &BlobKey) -> Box<dyn BlobReader> {
    on.store.open(key).unwrap().expect("a published blob")
}

pub(super) fn read(on: &Store, key: &BlobKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    open(on, key).read_to_end(&mut bytes).unwrap();
    bytes
}

fn is_there(on: &Store, key: &BlobKey) -> bool {
    on.store.open(key).unwrap().is_some()
}

/// From nothing at all to more than any buffer holds.
pub fn published_bytes_come_back_to_the_letter(on: &Store) {
    let small = SMALL_CONTENT;
    for len in [
        0,
        1,
        511,
        4032,
        4033,
        4096,
        small,
        small + 1,
        65_472,
        65_473,
        (1 << 20) + 1,
    ] {
        let bytes = pattern(len);
        let key = publish(on, &bytes);
        assert_eq!(open(on, &key).size(), len as u64);
        assert!(read(on, &key) == bytes, "{len} bytes came back changed");
    }
    let never_written = on.store.stage().unwrap();
    let key = never_written.publish(&sha256_of(b"")).unwrap();
    assert_eq!(open(on, &key).size(), 0);
}

/// Empty ones among them.
pub fn the_size_of_the_pieces_does_not_matter(on: &Store) {
    let bytes = pattern(200_000);
    for piece in [1_000, 4_097, 70_000] {
        let mut staged = on.store.stage().unwrap();
        for chunk in bytes.chunks(piece) {
            staged.write(chunk).unwrap();
            staged.write(b"").unwrap();
        }
        let key = staged.publish(&sha256_of(&bytes)).unwrap();
        assert!(read(on, &key) == bytes, "pieces of {piece}");
    }
}

/// From every origin, behind the end, and not before the beginning.
pub fn a_reader_seeks_like_a_file(on: &Store) {
    let bytes = pattern(10_000);
    let mut reader = open(on, &publish(on, &bytes));
    let mut four = [0; 4];
    assert_eq!(reader.seek(SeekFrom::Start(5_000)).unwrap(), 5_000);
    reader.read_exact(&mut four).unwrap();
    assert_eq!(four, bytes[5_000..5_004]);
    assert_eq!(reader.seek(SeekFrom::Current(-2)).unwrap(), 5_002);
    reader.read_exact(&mut four).unwrap();
    assert_eq!(four, bytes[5_002..5_006]);
    assert_eq!(reader.seek(SeekFrom::End(-4)).unwrap(), 9_996);
    reader.read_exact(&mut four).unwrap();
    assert_eq!(four, bytes[9_996..]);
    assert_eq!(reader.read(&mut four).unwrap(), 0);
    assert_eq!(reader.seek(SeekFrom::Start(20_000)).unwrap(), 20_000);
    assert_eq!(reader.read(&mut four).unwrap(), 0);
    assert!(reader.seek(SeekFrom::End(-10_001)).is_err());
    assert_eq!(reader.seek(SeekFrom::Start(0)).unwrap(), 0);
    reader.read_exact(&mut four).unwrap();
    assert_eq!(four, bytes[..4]);
    assert_eq!(
        reader.size(),
        10_000,
        "the size does not depend on the place"
    );
}

/// Each has a place of its own.
pub fn readers_do_not_disturb_each_other(on: &Store) {
    let bytes = pattern(100);
    let key = publish(on, &bytes);
    let (mut one, mut two) = (open(on, &key), open(on, &key));
    let (mut head, mut rest) = ([0; 10], Vec::new());
    one.read_exact(&mut head).unwrap();
    two.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, bytes);
    rest.clear();
    one.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, bytes[10..]);
}

/// What is not published counts as nothing and opens under no key.
pub fn staged_bytes_are_nowhere_to_be_found(on: &Store) {
    for bytes in [b"secret".to_vec(), pattern(MORE_THAN_SMALL)] {
        let before = (on.published)();
        let staged = stage(on, &bytes);
        assert_eq!((on.published)(), before);
        let bare = BlobKey::parse(&sha256_of(&bytes).to_string()).unwrap();
        assert!(!is_there(on, &bare));
        let key = staged.publish(&sha256_of(&bytes)).unwrap();
        assert_eq!((on.published)(), before + 1);
        assert!(read(on, &key) == bytes);
    }
}

/// Whether anything was written or not.
pub fn a_dropped_stage_leaves_nothing(on: &Store) {
    let kept = publish(on, b"kept");
    drop(on.store.stage().unwrap());
    drop(stage(on, b"small"));
    let (one, two) = (
        stage(on, &pattern(MORE_THAN_SMALL)),
        stage(on, &pattern(1 << 20)),
    );
    assert_eq!((on.staged)(), 2);
    drop(one);
    assert_eq!((on.staged)(), 1);
    drop(two);
    assert_eq!(((on.staged)(), (on.published)()), (0, 1));
    assert_eq!(read(on, &kept), b"kept");
}

/// The bytes are in one place, not in two.
pub fn publishing_leaves_nothing_staged(on: &Store) {
    for n in 0..3 {
        publish(on, &[n]);
    }
    assert_eq!(((on.staged)(), (on.published)()), (0, 3));
}

/// `<sha256>-<random>`, and what the key's own rules say.
pub fn a_key_begins_with_the_digest(on: &Store) {
    for bytes in [b"".as_slice(), b"x"] {
        let key = publish(on, bytes);
        let random = key
            .as_str()
            .strip_prefix(&format!("{}-", sha256_of(bytes)))
            .expect("a key begins with the digest and a hyphen");
        assert!(random.len() >= 8, "{random:?} can be met again by chance");
        assert_eq!(BlobKey::parse(key.as_str()), Ok(key.clone()));
    }
}

/// So that the copies can be removed one by one.
pub fn the_same_bytes_get_another_key_each_time(on: &Store) {
    let keys: HashSet<_> = (0..50).map(|_| publish(on, b"same")).collect();
    assert_eq!(keys.len(), 50);
    assert_eq!((on.published)(), 50);
    assert!(keys.iter().all(|key| read(on, key) == b"same"));
}

/// A late removal of the old copy must not meet a new one.
pub fn a_key_is_not_used_again_after_its_removal(on: &Store) {
    let mut keys = HashSet::new();
    for _ in 0..50 {
        let key = publish(on, b"same");
        on.store.remove(&key).unwrap();
        assert!(keys.insert(key), "a key was used again");
    }
}

/// Every legal key may be asked for, also one that no store would make.
pub fn an_unknown_key_opens_nothing(on: &Store) {
    let published = publish(on, b"x");
    // Not in a store without anything, which may be one whose disk is away.
    publish(on, &pattern(MORE_THAN_SMALL));
    let longer = BlobKey::parse(&format!("{published}0")).unwrap();
    let shorter = BlobKey::parse(&published.as_str()[..published.as_str().len() - 1]).unwrap();
    for key in [longer, shorter, fresh_key(&sha256_of(b"x"))] {
        assert!(!is_there(on, &key), "{key}");
    }
    let prefix = &published.as_str()[..4];
    for raw in [
        "a",
        "ab",
        "abc",
        "abcd",
        "a.b",
        "-",
        "staging",
        &"a".repeat(200),
        prefix,
    ] {
        assert!(!is_there(on, &BlobKey::parse(raw).unwrap()), "{raw:?}");
    }
}

/// It opens no more, and its room is free.
pub fn a_removed_blob_is_gone_and_takes_up_no_room(on: &Store) {
    let key = publish(on, b"x");
    assert!(is_there(on, &key));
    on.store.remove(&key).unwrap();
    assert!(!is_there(on, &key));
    assert_eq!((on.published)(), 0);
}

/// What is not there is as good as removed, whatever its key looks like.
pub fn a_removal_is_idempotent(on: &Store) {
    let key = publish(on, b"x");
    on.store.remove(&key).unwrap();
    on.store.remove(&key).unwrap();
    on.store.remove(&fresh_key(&sha256_of(b"y"))).unwrap();
    for raw in ["a", "abcd", "a.b", &"a".repeat(200)] {
        on.store.remove(&BlobKey::parse(raw).unwrap()).unwrap();
    }
}

/// Not the other copy of the same bytes, not its neighbours, not what is staged.
pub fn a_removal_takes_one_blob_and_no_other(on: &Store) {
    let (one, two, other) = (publish(on, b"x"), publish(on, b"x"), publish(on, b"y"));
    let staged = stage(on, b"x");
    on.store.remove(&one).unwrap();
    assert_eq!(read(on, &two), b"x");
    assert_eq!(read(on, &other), b"y");
    let key = staged.publish(&sha256_of(b"x")).unwrap();
    assert_eq!(read(on, &key), b"x");
}

/// Who has begun to read can finish, at any place.
pub fn an_open_reader_survives_the_removal(on: &Store) {
    let bytes = pattern(300_000);
    let key = publish(on, &bytes);
    let mut reader = open(on, &key);
    let mut head = vec![0; 1_000];
    reader.read_exact(&mut head).unwrap();
    on.store.remove(&key).unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!(head == bytes[..1_000] && rest == bytes[1_000..]);
    reader.seek(SeekFrom::Start(150_000)).unwrap();
    reader.read_exact(&mut head).unwrap();
    assert!(head == bytes[150_000..151_000]);
    assert_eq!(reader.size(), 300_000);
}

/// Neither their bytes nor their keys, even when they send the same.
pub fn simultaneous_uploads_do_not_mix(on: &Store) {
    let keys = race(16, |n| {
        let bytes = vec![(n / 2) as u8; 100_000];
        let mut staged = on.store.stage().unwrap();
        for chunk in bytes.chunks(7_000) {
            staged.write(chunk).unwrap();
        }
        (staged.publish(&sha256_of(&bytes)).unwrap(), bytes)
    });
    for (key, bytes) in &keys {
        assert!(read(on, key) == *bytes, "{key} holds other bytes");
    }
    let distinct: HashSet<_> = keys.iter().map(|(key, _)| key).collect();
    assert_eq!(distinct.len(), 16);
    assert_eq!(((on.staged)(), (on.published)()), (0, 16));
}

/// Of whatever size, and also when many come at once.
pub fn who_does_not_wait_is_told_the_key_when_it_can_be_opened(on: &Store) {
    let keys = race(32, |n| {
        let len = [0, 1, 10_000, SMALL_CONTENT, MORE_THAN_SMALL, 1 << 20][n as usize % 6];
        let mut bytes = pattern(len);
        bytes.push(n as u8);
        let staged = stage(on, &bytes);
        let sha256 = sha256_of(&bytes);
        let key = if n % 2 == 0 {
            wait_for(|done| staged.publish_then(&sha256, done)).unwrap()
        } else {
            let published = wait_for(|done| staged.publish_noted(&sha256, b"note".into(), done));
            let Published { key, noted } = published.unwrap();
            noted.map_or(Ok(()), |noted| noted.settling.wait()).unwrap();
            key
        };
        assert!(read(on, &key) == bytes, "{len} bytes came back changed");
        key
    });
    let distinct: HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 32);
    assert_eq!(((on.staged)(), (on.published)()), (0, 32));
}

/// Twice is as good as once.
pub fn a_discarded_blob_is_gone_soon_and_no_other_with_it(on: &Store) {
    for bytes in [b"x".to_vec(), pattern(MORE_THAN_SMALL)] {
        let (kept, surplus) = (publish(on, &bytes), publish(on, &bytes));
        on.store.discard(&surplus);
        on.store.discard(&surplus);
        on.store.discard(&fresh_key(&sha256_of(&bytes)));
        let begun = Instant::now();
        while is_there(on, &surplus) {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "it is still there"
            );
            std::thread::yield_now();
        }
        assert!(read(on, &kept) == bytes);
    }
    assert_eq!((on.published)(), 2);
}

/// Whoever asks again where waiting is allowed gets the rest, at whatever place.
pub fn reading_at_once_is_reading_or_nothing(on: &Store) {
    let bytes = pattern(700_000);
    let mut reader = open(on, &publish(on, &bytes));
    for (start, piece) in [(0, 262_144), (0, 50_000), (100_001, 700_000)] {
        reader.seek(SeekFrom::Start(start as u64)).unwrap();
        let (mut found, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            let before = reader.stream_position().unwrap();
            let read = match reader.read_now(&mut buffer).unwrap() {
                Some(read) => read,
                None => {
                    assert_eq!(reader.stream_position().unwrap(), before);
                    reader.read(&mut buffer).unwrap()
                }
            };
            if read == 0 {
                break;
            }
            found.extend_from_slice(&buffer[..read]);
        }
        assert!(found == bytes[start..], "from {start} in pieces of {piece}");
    }
}

//! [`ScratchSpace`](kms_domain::files::ScratchSpace), with its scratches.

use kms_domain::files::Scratch;

use super::Scratches;
use super::support::race;

/// The suite of the scratches, over `fn() -> Scratches`.
#[macro_export]
macro_rules! scratch_space_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { scratch_space, $fresh,
            scratch: [
                appended_bytes_come_back_to_the_letter,
                any_part_can_be_read_in_any_order,
                reading_does_not_disturb_appending,
                what_was_not_appended_cannot_be_read,
                nobody_sees_a_scratch,
                a_dropped_scratch_leaves_nothing,
                scratches_do_not_mix,
            ]
        }
    };
}

/// Every byte value, in an order that repeats at no power of two.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// A scratch with `bytes` in pieces of `piece`.
fn filled(on: &Scratches, bytes: &[u8], piece: usize) -> Box<dyn Scratch> {
    let mut scratch = on.space.open().unwrap();
    for part in bytes.chunks(piece) {
        scratch.append(part).unwrap();
    }
    scratch
}

fn read(scratch: &dyn Scratch, offset: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    scratch.read_at(offset as u64, &mut bytes).unwrap();
    bytes
}

/// Whatever the size of the pieces.
pub fn appended_bytes_come_back_to_the_letter(on: &Scratches) {
    let bytes = pattern(100_000);
    for piece in [1, 7, 4_096, 65_536, 100_000] {
        let scratch = filled(on, &bytes, piece);
        assert!(
            read(&*scratch, 0, bytes.len()) == bytes,
            "pieces of {piece}"
        );
    }
}

/// Also over the border of two pieces.
pub fn any_part_can_be_read_in_any_order(on: &Scratches) {
    let bytes = pattern(100_000);
    let scratch = filled(on, &bytes, 10_000);
    for (offset, len) in [(99_999, 1), (9_990, 20), (0, 1), (50_000, 50_000), (1, 0)] {
        let part = &bytes[offset..offset + len];
        assert!(read(&*scratch, offset, len) == part, "{len} at {offset}");
    }
}

/// What is appended goes to the end, wherever was read.
pub fn reading_does_not_disturb_appending(on: &Scratches) {
    let mut scratch = on.space.open().unwrap();
    scratch.append(b"one").unwrap();
    assert_eq!(read(&*scratch, 0, 1), b"o");
    scratch.append(b"").unwrap();
    scratch.append(b"two").unwrap();
    assert_eq!(read(&*scratch, 1, 2), b"ne");
    scratch.append(b"three").unwrap();
    assert_eq!(read(&*scratch, 0, 11), b"onetwothree");
}

/// Not even when the beginning of it was.
pub fn what_was_not_appended_cannot_be_read(on: &Scratches) {
    let scratch = filled(on, b"content", 7);
    for (offset, len) in [(0, 8), (6, 2), (7, 1), (1_000, 1), (u64::MAX / 2, 1)] {
        let mut into = vec![0; len];
        assert!(scratch.read_at(offset, &mut into).is_err(), "{offset}");
    }
    assert_eq!(read(&*scratch, 0, 7), b"content");
    let empty = on.space.open().unwrap();
    assert!(empty.read_at(0, &mut [0]).is_err());
}

/// While it is there.
pub fn nobody_sees_a_scratch(on: &Scratches) {
    let scratch = filled(on, &pattern(100_000), 10_000);
    assert_eq!((on.visible)(), 0);
    assert_eq!(read(&*scratch, 0, 2), [0, 1]);
}

/// Nothing to see, and nothing for the next one.
pub fn a_dropped_scratch_leaves_nothing(on: &Scratches) {
    drop(filled(on, b"content", 7));
    assert_eq!((on.visible)(), 0);
    assert!(on.space.open().unwrap().read_at(0, &mut [0]).is_err());
}

/// However many are open at once.
pub fn scratches_do_not_mix(on: &Scratches) {
    let scratches = race(16, |n| {
        let bytes = vec![n as u8; 50_000];
        (filled(on, &bytes, 7_000), bytes)
    });
    for (scratch, bytes) in &scratches {
        assert!(read(&**scratch, 0, bytes.len()) == *bytes);
        assert!(scratch.read_at(bytes.len() as u64, &mut [0]).is_err());
    }
}

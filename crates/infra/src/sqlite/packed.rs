//! The neighbours of a content as one value: for each in the order of ids, the distance to the id before, the
//! users and the weight, as LEB128. A list is at most 400 long and mostly some bytes for each, so a row of
//! its own for each would cost more than all of it, both to write and to read.

use kms_domain::files::BlobId;
use kms_domain::recommend::{Neighbour, Neighbours};

pub(super) fn pack(neighbours: &Neighbours) -> Vec<u8> {
    let mut packed = Vec::with_capacity(neighbours.as_slice().len().saturating_mul(6));
    let mut before = 0_i64;
    for one in neighbours.as_slice() {
        let id = one.content.as_i64();
        push(&mut packed, id.wrapping_sub(before).cast_unsigned());
        push(&mut packed, one.users);
        push(&mut packed, one.weight);
        before = id;
    }
    packed
}

/// `None`: this was not packed by [`pack`].
pub(super) fn unpack(packed: &[u8]) -> Option<Neighbours> {
    let mut rest = packed;
    let mut before = 0_i64;
    let mut all = Vec::new();
    while !rest.is_empty() {
        before = before.wrapping_add(take(&mut rest)?.cast_signed());
        all.push(Neighbour {
            content: BlobId::from_i64(before),
            users: take(&mut rest)?,
            weight: take(&mut rest)?,
        });
    }
    Neighbours::from_stored(all)
}

fn push(packed: &mut Vec<u8>, mut value: u64) {
    while let [low, ..] = value.to_le_bytes()
        && value >= 0x80
    {
        packed.push(low | 0x80);
        value >>= 7;
    }
    let [last, ..] = value.to_le_bytes();
    packed.push(last);
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_nothing_else_does() {
        let mut list = Neighbours::default();
        assert_eq!(unpack(&pack(&list)), Some(list.clone()));
        for (id, users, weight) in [
            (i64::MIN, 1, 1),
            (-1, 1, 127),
            (0, 3, 128),
            (1, 200, 1 << 32),
            (i64::MAX, u64::MAX, u64::MAX),
        ] {
            list.add(BlobId::from_i64(id), users, weight);
        }
        let packed = pack(&list);
        assert_eq!(unpack(&packed), Some(list));
        assert_eq!(unpack(&packed[..packed.len() - 1]), None);
        assert_eq!(unpack(&[0x80]), None);
        assert_eq!(unpack(&[0xff; 11]), None);
        // Users are counted from one on.
        assert_eq!(unpack(&[1, 0, 1]), None);
    }
}

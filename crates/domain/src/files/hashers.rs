//! MD5 and SHA-256 of the same bytes, in the time of the MD5.

use std::slice;

use sha2::block_api::compress256;

use super::md5_hasher::Md5Hasher;
use super::{Md5, Sha256};

/// Bytes that both algorithms take in at once.
pub(super) const BLOCK: usize = 64;
/// FIPS 180-4, 5.3.3.
const SHA256_START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Computes both digests block by block in turn.
///
/// MD5 is one long chain of dependent operations, so most of a core idles while it runs. Two calls
/// with 64 bytes each are close enough together for the core to work on both at the same time: the
/// SHA-256, by instructions of its own, fits into the gaps. Calls with larger pieces are not, which
/// is why neither crate's own loop is used.
pub(super) struct Hashers {
    states: States,
    /// The beginning of a block.
    begun: [u8; BLOCK],
    filled: usize,
    size: u64,
}

struct States {
    md5: Md5Hasher,
    sha256: [u32; 8],
}

impl States {
    fn update(&mut self, blocks: &[[u8; BLOCK]]) {
        for block in blocks {
            compress256(&mut self.sha256, slice::from_ref(block));
            self.md5.update(block);
        }
    }
}

impl Hashers {
    pub(super) fn new() -> Self {
        Self {
            states: States {
                md5: Md5Hasher::new(),
                sha256: SHA256_START,
            },
            begun: [0; BLOCK],
            filled: 0,
            size: 0,
        }
    }

    /// Bytes taken so far.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.size = self.size.saturating_add(more);
        let mut rest = bytes;
        if self.filled > 0 {
            rest = self.fill(bytes);
        }
        let (blocks, few) = rest.as_chunks::<BLOCK>();
        self.states.update(blocks);
        self.fill(few);
    }

    pub(super) fn finish(self) -> (Md5, Sha256) {
        let Self {
            mut states,
            begun,
            filled,
            size,
        } = self;
        let rest = begun.get(..filled).unwrap_or_default();
        let bits = size.wrapping_mul(8).to_be_bytes();
        compress256(&mut states.sha256, &padded(rest, bits));
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(states.sha256) {
            *bytes = word.to_be_bytes();
        }
        (states.md5.finish(rest, size), Sha256::from_bytes(digest))
    }

    /// Takes as many of `bytes` as the begun block lacks, and answers the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = self.begun.get_mut(self.filled..).unwrap_or_default();
        let (taken, rest) = bytes.split_at(room.len().min(bytes.len()));
        for (target, byte) in room.iter_mut().zip(taken) {
            *target = *byte;
        }
        self.filled = self.filled.saturating_add(taken.len());
        if self.filled == BLOCK {
            self.states.update(slice::from_ref(&self.begun));
            self.filled = 0;
        }
        rest
    }
}

/// The last bytes of a text, less than a block, as both algorithms want them: behind them a one bit, zeros until
/// there is room for just the length, and the length in bits.
pub(super) fn padded(rest: &[u8], bits: [u8; 8]) -> Vec<[u8; BLOCK]> {
    let filled = rest.len() + 1 + bits.len();
    let zeros = vec![0; filled.next_multiple_of(BLOCK) - filled];
    let padded = [rest, &[0x80], &zeros, &bits].concat();
    padded.as_chunks().0.to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest as _;

    use super::*;

    fn hashed<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Md5, Sha256) {
        let mut hashers = Hashers::new();
        for piece in pieces {
            hashers.update(piece);
        }
        hashers.finish()
    }

    fn expected(bytes: &[u8]) -> (Md5, Sha256) {
        (
            Md5::from_bytes(md5::compute(bytes).0),
            Sha256::from_bytes(sha2::Sha256::digest(bytes).into()),
        )
    }

    /// Around each length at which the padding takes another shape.
    #[test]
    fn every_short_length_gives_the_digests_of_the_crates() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..200 {
            let bytes = &bytes[..length];
            assert_eq!(hashed([bytes]), expected(bytes), "{length}");
            let by_byte = hashed(bytes.chunks(1));
            assert_eq!(by_byte, expected(bytes), "{length}, byte by byte");
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_digests_of_the_crates(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8)
        ) {
            let digests = hashed(pieces.iter().map(Vec::as_slice));
            prop_assert_eq!(digests, expected(&pieces.concat()));
        }
    }
}

//! Which crate computes MD5, in one place.

use super::Md5;
use super::hashers::BLOCK;
#[cfg(feature = "fast-md5")]
use super::hashers::padded;

/// MD5 of bytes that come in blocks.
#[cfg(feature = "fast-md5")]
pub(super) struct Md5Hasher([u32; 4]);

#[cfg(feature = "fast-md5")]
impl Md5Hasher {
    pub(super) const fn new() -> Self {
        // RFC 1321, 3.3.
        Self([0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476])
    }

    #[inline]
    pub(super) fn update(&mut self, block: &[u8; BLOCK]) {
        fast_md5::transform(&mut self.0, block);
    }

    /// Takes what is left at the end of `size` bytes, less than a block.
    pub(super) fn finish(mut self, rest: &[u8], size: u64) -> Md5 {
        let bits = size.wrapping_mul(8).to_le_bytes();
        for block in padded(rest, bits).iter() {
            self.update(block);
        }
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.0) {
            *bytes = word.to_le_bytes();
        }
        Md5::from_bytes(digest)
    }
}

/// MD5 of bytes that come in blocks.
#[cfg(not(feature = "fast-md5"))]
pub(super) struct Md5Hasher(md5::Context);

#[cfg(not(feature = "fast-md5"))]
impl Md5Hasher {
    pub(super) fn new() -> Self {
        Self(md5::Context::new())
    }

    pub(super) fn update(&mut self, block: &[u8; BLOCK]) {
        self.0.consume(block);
    }

    /// Takes what is left at the end, less than a block.
    pub(super) fn finish(mut self, rest: &[u8], _size: u64) -> Md5 {
        self.0.consume(rest);
        Md5::from_bytes(self.0.finalize().0)
    }
}

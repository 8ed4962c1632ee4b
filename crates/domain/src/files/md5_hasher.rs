//! Which crate computes MD5, in one place.

use super::Md5;

#[cfg(feature = "fast-md5")]
type State = fast_md5::Md5;
#[cfg(not(feature = "fast-md5"))]
type State = md5::Context;

/// MD5 of bytes that come in pieces.
pub(super) struct Md5Hasher(State);

impl Md5Hasher {
    pub(super) fn new() -> Self {
        Self(State::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        #[cfg(feature = "fast-md5")]
        self.0.update(bytes);
        #[cfg(not(feature = "fast-md5"))]
        self.0.consume(bytes);
    }

    pub(super) fn finish(self) -> Md5 {
        #[cfg(feature = "fast-md5")]
        return Md5::from_bytes(self.0.finalize());
        #[cfg(not(feature = "fast-md5"))]
        return Md5::from_bytes(self.0.finalize().0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_digest_of_the_portable_crate(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8)
        ) {
            let mut hasher = Md5Hasher::new();
            for piece in &pieces {
                hasher.update(piece);
            }
            let expected = Md5::from_bytes(md5::compute(pieces.concat()).0);
            prop_assert_eq!(hasher.finish(), expected);
        }
    }
}

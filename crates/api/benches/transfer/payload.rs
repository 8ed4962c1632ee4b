//! Bodies of any size from a few blocks that are made beforehand, so that sending costs no more
//! than the copy into the socket.

use std::io::{self, Write};
use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of content in a block. A multiple of 3, so that encoded blocks join without padding.
pub(crate) const BLOCK: usize = 192 * 1024;

/// Sizes of the writes of a client that passes on what it gets in pieces.
pub(crate) const SMALL_WRITES: &[usize] = &[4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];

/// No two contents of a run begin alike.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The body of a request.
pub(crate) struct Body {
    before: Vec<u8>,
    first: Vec<u8>,
    middle: Vec<u8>,
    middles: u64,
    last: Vec<u8>,
    after: &'static [u8],
}

impl Body {
    /// `size` bytes of new content; at least a block.
    pub(crate) fn raw(size: u64) -> Self {
        let mut first = noise();
        let middle = first.clone();
        let stamp = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        first[..stamp.len()].copy_from_slice(&stamp);
        let blocks = size / BLOCK as u64;
        Self {
            before: Vec::new(),
            last: middle[..(size % BLOCK as u64) as usize].to_vec(),
            first,
            middle,
            middles: blocks - 1,
            after: b"",
        }
    }

    /// New content in base64, inside `{"token":…,"name":…,"data":"…"}`.
    pub(crate) fn json(token: &str, size: u64) -> Self {
        Self::raw(size).in_json(token)
    }

    /// Raw content in base64, inside the same.
    pub(crate) fn in_json(self, token: &str) -> Self {
        let encode = |block: Vec<u8>| STANDARD.encode(block).into_bytes();
        Self {
            before: format!(r#"{{"token":"{token}","name":"bench.bin","data":""#).into_bytes(),
            first: encode(self.first),
            middle: encode(self.middle),
            middles: self.middles,
            last: encode(self.last),
            after: br#""}"#,
        }
    }

    /// Bytes on the wire.
    pub(crate) fn length(&self) -> u64 {
        self.pieces().map(|piece| piece.len() as u64).sum()
    }

    /// The body in the order in which it is sent.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let middles = iter::repeat_n(self.middle.as_slice(), self.middles as usize);
        [self.before.as_slice(), &self.first]
            .into_iter()
            .chain(middles)
            .chain([self.last.as_slice(), self.after])
    }

    /// Sends it, block by block.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        self.pieces().try_for_each(|piece| to.write_all(piece))
    }

    /// Sends it in pieces of at most `sizes`, over and over.
    pub(crate) fn write_in(
        &self,
        sizes: &[usize],
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut sizes = sizes.iter().copied().cycle();
        for mut piece in self.pieces() {
            while !piece.is_empty() {
                let most = sizes.next().unwrap().min(piece.len());
                let (now, later) = piece.split_at(most);
                write(now)?;
                piece = later;
            }
        }
        Ok(())
    }
}

/// A block in which every byte occurs, the same in every run.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    iter::repeat_with(next).flatten().take(BLOCK).collect()
}

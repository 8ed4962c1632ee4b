//! Where a payload is gathered to blocks.

use super::BLOCK;
use crate::append::append;

/// What the address of a block is a multiple of: the store can write it past the page cache from
/// where it lies.
const ALIGNMENT: usize = 4096;

/// Room behind a block for what comes with its last bytes.
const ROOM: usize = 64 * 1024;

/// Bytes from which on a payload gets a buffer for a whole block. Most payloads are smaller.
const MANY: usize = 64 * 1024;

/// The bytes of a block so far.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    /// Where the bytes begin.
    start: usize,
}

impl Buffer {
    /// Memory for a payload of so many bytes, as far as it is known and one block. One that is smaller than
    /// a block shall not take the room of one, as thousands of them may be here at once.
    pub(crate) fn for_payload(bytes: Option<u64>) -> Self {
        match bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
            Some(bytes @ MANY..BLOCK) => Self::with_room(bytes),
            _ => Self::default(),
        }
    }

    fn with_room(bytes: usize) -> Self {
        let mut memory: Vec<u8> = Vec::with_capacity(ALIGNMENT.saturating_add(bytes));
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        memory.resize(start, 0);
        Self { memory, start }
    }

    pub(crate) const fn len(&self) -> usize {
        self.memory.len().saturating_sub(self.start)
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.len() >= BLOCK
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..).unwrap_or_default()
    }

    /// Fills the block with the first of `bytes`, and answers what is left of them.
    pub(crate) fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let missing = BLOCK.saturating_sub(self.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        append(self.end(taken.len()), taken);
        rest
    }

    /// The memory, for `more` bytes to be appended to it. They may go beyond the block.
    pub(crate) fn end(&mut self, more: usize) -> &mut Vec<u8> {
        let is_small = self.memory.capacity() < BLOCK;
        let room = self.memory.capacity().saturating_sub(self.memory.len());
        if is_small && room < more && self.len().saturating_add(more) > MANY {
            let mut large = Self::with_room(BLOCK + ROOM);
            large.memory.extend_from_slice(self.bytes());
            *self = large;
        }
        &mut self.memory
    }

    /// Moves what goes beyond the block to the end of `next`.
    pub(super) fn spill(&mut self, next: &mut Self) {
        let beyond = self.bytes().get(BLOCK..).unwrap_or_default();
        next.end(beyond.len()).extend_from_slice(beyond);
        self.memory.truncate(self.start.saturating_add(BLOCK));
    }

    pub(super) fn clear(&mut self) {
        self.memory.truncate(self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_payload_takes_no_more_than_it_needs() {
        let mut buffer = Buffer::default();
        for _ in 0..MANY / 1024 {
            assert_eq!(buffer.fill(&[7; 1024]), b"");
        }
        assert_eq!(buffer.len(), MANY);
        assert!(buffer.memory.capacity() <= 2 * MANY);
    }

    #[test]
    fn a_payload_of_known_length_takes_no_more_than_that() {
        for length in [MANY, 100_000, BLOCK - 1] {
            let mut buffer = Buffer::for_payload(u64::try_from(length).ok());
            let capacity = buffer.memory.capacity();
            for _ in 0..length {
                assert_eq!(buffer.fill(&[7]), b"");
            }
            assert_eq!(buffer.len(), length);
            assert_eq!(buffer.memory.capacity(), capacity);
            assert!(capacity <= length + ALIGNMENT);
        }
    }

    #[test]
    fn a_payload_longer_than_it_said_becomes_a_block() {
        let mut buffer = Buffer::for_payload(Some(100_000));
        assert_eq!(buffer.fill(&[7; BLOCK]), b"");
        assert!(buffer.is_full() && buffer.bytes() == [7; BLOCK]);
        assert_eq!(buffer.bytes().as_ptr().align_offset(ALIGNMENT), 0);
    }

    #[test]
    fn a_block_is_aligned_whatever_the_pieces_it_came_in() {
        for piece in [1000, 40_000, BLOCK - 1, BLOCK] {
            let mut buffer = Buffer::default();
            let bytes: Vec<u8> = (0..=250).cycle().take(BLOCK).collect();
            for piece in bytes.chunks(piece) {
                assert!(!buffer.is_full());
                assert_eq!(buffer.fill(piece), b"");
            }
            assert!(buffer.is_full());
            assert!(buffer.bytes() == bytes);
            assert_eq!(buffer.bytes().as_ptr().align_offset(ALIGNMENT), 0);
        }
    }

    #[test]
    fn a_block_takes_what_it_lacks() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.fill(&[0; BLOCK - 2]), b"");
        assert_eq!(buffer.fill(b"abcde"), b"cde");
        assert!(buffer.is_full());
        assert_eq!(buffer.fill(b"cde"), b"cde");
    }

    #[test]
    fn what_goes_beyond_a_block_begins_the_next() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.fill(&[0; BLOCK - 1]), b"");
        buffer.end(4).extend_from_slice(b"abcd");
        let mut next = Buffer::default();
        buffer.spill(&mut next);
        assert_eq!((buffer.len(), next.bytes()), (BLOCK, &b"bcd"[..]));
        buffer.clear();
        assert_eq!(buffer.bytes(), b"");
    }
}

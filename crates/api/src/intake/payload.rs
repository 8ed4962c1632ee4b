//! The way of a payload's text to the base64 decoder.

use super::base64::{Base64Error, Base64Stream};

/// A run at least this long goes to the decoder where it lies; shorter ones are copied together first.
pub(super) const LONG_RUN: usize = 4 * 1024;

/// Text that is copied together before it is decoded: half a usual L1 cache, and many lines of any client that
/// breaks them or escapes its slashes.
pub(super) const GATHER: usize = 16 * 1024;

/// Decodes a payload whose text comes in runs between escapes.
///
/// Clients that write `\/` for a slash, `\n` at the end of a line or `%2B` for a plus cut the text into runs of
/// some dozen bytes; these are gathered, so that the decoder always works in bulk.
#[derive(Debug, Default)]
pub(super) struct PayloadText {
    base64: Base64Stream,
    gathered: Vec<u8>,
}

impl PayloadText {
    pub(super) fn push(&mut self, run: &[u8], out: &mut Vec<u8>) -> Result<(), Base64Error> {
        if run.len() >= LONG_RUN {
            self.flush(out)?;
            return self.base64.push(run, out);
        }
        self.gather(run);
        if self.gathered.len() >= GATHER {
            self.flush(out)?;
        }
        Ok(())
    }

    /// Takes a short run and leaves it to the caller to flush in time.
    pub(super) fn gather(&mut self, run: &[u8]) {
        self.gathered.extend_from_slice(run);
    }

    /// Decodes what was gathered. Needed at the end of each chunk, so that nothing is held back.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Base64Error> {
        let result = self.base64.push(&self.gathered, out);
        self.gathered.clear();
        result
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Base64Error> {
        self.flush(out)?;
        self.base64.finish(out)
    }
}

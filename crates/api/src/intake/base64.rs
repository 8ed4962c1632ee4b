//! A streaming base64 decoder, as lenient as clients need and no more.

use std::sync::LazyLock;

use base64::{
    DecodeError, DecodeSliceError, Engine as _,
    engine::{DecodePaddingMode, GeneralPurposeConfig},
};
use memchr::{memchr, memchr2, memchr3_iter};

use crate::append::append;
use crate::engine::{self, Engine};

/// Padding and white space are taken out before a text reaches these, so they refuse both, and trailing bits.
static STANDARD: LazyLock<Engine> = LazyLock::new(|| engine::standard(CONFIG));
static URL_SAFE: LazyLock<Engine> = LazyLock::new(|| engine::url_safe(CONFIG));
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_allow_trailing_bits(false)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);

/// How a `data:` URL begins, and how its head ends (before the comma).
const HEAD_START: &[u8] = b"data:";
const HEAD_END: &[u8] = b";base64";
/// Most bytes between the two.
const HEAD_MIDDLE_MAX: usize = 255;
const HEAD_MAX: usize = HEAD_START.len() + HEAD_MIDDLE_MAX + HEAD_END.len();

/// Text with white space in it is copied together without it in pieces of this size.
const PIECE: usize = 16 * 1024;

/// Bytes that are decoded at once, to where they are in the innermost cache. Decoding into a `Vec` makes its crate write
/// zeros to its end first, and the first touch of memory that another core has just read is the dearest part.
const DECODED: usize = 6 * 1024;

/// Why a text is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Base64Error {
    /// A byte that belongs to neither alphabet, to the other one than before, or that follows the padding.
    #[error("a byte that does not belong there")]
    Symbol,
    /// `+` or `/` beside `-` or `_`.
    #[error("two alphabets in one text")]
    MixedAlphabets,
    /// Too much or too little padding, or padding where none is due.
    #[error("wrong padding")]
    Padding,
    /// One symbol is left over, which is less than a byte.
    #[error("the text is cut off")]
    Truncated,
    /// The last symbol has bits that belong to no byte.
    #[error("stray bits in the last symbol")]
    TrailingBits,
    /// A head that begins with `data:` and does not go on with at most 255 bytes of text and `;base64,`.
    #[error("a bad `data:` head")]
    Head,
}

impl From<DecodeError> for Base64Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::InvalidByte(..) => Self::Symbol,
            DecodeError::InvalidLength(_) => Self::Truncated,
            DecodeError::InvalidLastSymbol { .. } => Self::TrailingBits,
            DecodeError::InvalidPadding => Self::Padding,
        }
    }
}

/// Decodes one base64 text that comes in chunks of any size; the result does not depend on the cuts.
///
/// Taken are: the standard and the URL-safe alphabet (one of them in one text), exact padding or none, CR, LF
/// and TAB anywhere, and a head `data:…;base64,` at the very start, whose middle is at most 255 bytes of UTF-8
/// without comma and NUL. A space is an error: mostly it was a `+`, and bytes must not be changed silently.
#[derive(Debug, Default)]
pub struct Base64Stream {
    phase: Phase,
    /// `None` as long as no symbol has told.
    alphabet: Option<Alphabet>,
    /// In the head: the head so far. After it: the zero to three symbols that wait for the rest of their four,
    /// and within a call the symbols of a piece that had white space.
    pending: Vec<u8>,
}

#[derive(Debug, Default)]
enum Phase {
    /// The text so far may be the start of a head, or is.
    #[default]
    Head,
    /// `broken`: there was white space, so it is no use to try the next chunk as it lies.
    Body { broken: bool },
    /// Padding was met, and so many more `=` are due.
    Padded { due: u8 },
}

#[derive(Debug, Clone, Copy)]
enum Alphabet {
    Standard,
    UrlSafe,
}

impl Base64Stream {
    /// Decodes `chunk` and appends the bytes that it completes to `out`.
    ///
    /// # Errors
    /// The text is no base64. Call nothing but drop after that.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Base64Error> {
        let mut rest = chunk;
        if matches!(self.phase, Phase::Head) {
            rest = self.head(rest, out)?;
        }
        if matches!(self.phase, Phase::Body { .. }) {
            rest = self.body(rest, out)?;
        }
        self.padded(rest)
    }

    /// Ends the text and appends the last bytes to `out`.
    ///
    /// # Errors
    /// The text is cut off or badly padded.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Base64Error> {
        match self.phase {
            Phase::Head if self.pending.len() >= HEAD_START.len() => Err(Base64Error::Head),
            Phase::Head | Phase::Body { .. } => {
                let symbols = std::mem::take(&mut self.pending);
                self.decode(&symbols, out)
            }
            Phase::Padded { due: 0 } => Ok(()),
            Phase::Padded { .. } => Err(Base64Error::Padding),
        }
    }

    /// Reads the head, or finds that there is none. Returns what belongs to the body.
    fn head<'a>(&mut self, mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Base64Error> {
        while let Some(expected) = HEAD_START.get(self.pending.len()) {
            let Some((byte, after)) = rest.split_first() else {
                return Ok(rest);
            };
            if !byte.eq_ignore_ascii_case(expected) {
                self.phase = Phase::Body { broken: false };
                self.settle(self.pending.len() % 4, out)?;
                return Ok(rest);
            }
            self.pending.push(*byte);
            rest = after;
        }
        let room = HEAD_MAX - self.pending.len();
        let Some(comma) = memchr(b',', rest) else {
            if rest.len() > room {
                return Err(Base64Error::Head);
            }
            self.pending.extend_from_slice(rest);
            return Ok(&[]);
        };
        if comma > room {
            return Err(Base64Error::Head);
        }
        let (last, body) = rest.split_at(comma);
        self.pending.extend_from_slice(last);
        check_head(&self.pending)?;
        self.pending.clear();
        self.phase = Phase::Body { broken: false };
        Ok(body.get(1..).unwrap_or_default())
    }

    /// Decodes symbols up to the padding. Returns what follows the first `=`.
    fn body<'a>(&mut self, mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Base64Error> {
        // A started group of four is completed first, so that the bulk can be decoded where it lies.
        while let Phase::Body { broken: false } = self.phase
            && !self.pending.is_empty()
            && !rest.is_empty()
        {
            let missing = 4usize.saturating_sub(self.pending.len()).min(rest.len());
            let (few, after) = rest.split_at(missing);
            if let Some(left) = self.piece(few, out)? {
                return Ok(rest.get(missing - left..).unwrap_or_default());
            }
            rest = after;
        }
        if let Phase::Body { broken: false } = self.phase {
            let (groups, few) = rest.split_at(rest.len() - rest.len() % 4);
            if self.decode(groups, out).is_ok() {
                rest = few;
            }
            // Else the way below finds out whether white space or padding was the reason, or a real error.
        }
        let mut at = 0;
        for piece in rest.chunks(PIECE) {
            at += piece.len();
            if let Some(left) = self.piece(piece, out)? {
                return Ok(rest.get(at - left..).unwrap_or_default());
            }
        }
        Ok(&[])
    }

    /// Decodes a small piece with white space or padding in it. When it meets padding, it decodes all that
    /// comes before, and tells how many bytes of the piece come after the first `=`.
    fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Base64Error> {
        let padding = memchr(b'=', piece);
        let (symbols, _) = piece.split_at(padding.unwrap_or(piece.len()));
        let mut from = 0;
        for at in memchr3_iter(b'\r', b'\n', b'\t', symbols) {
            self.pending
                .extend_from_slice(symbols.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        if from > 0 {
            self.phase = Phase::Body { broken: true };
        }
        self.pending
            .extend_from_slice(symbols.get(from..).unwrap_or_default());
        let Some(padding) = padding else {
            self.settle(self.pending.len() % 4, out)?;
            return Ok(None);
        };
        self.phase = match self.pending.len() % 4 {
            2 => Phase::Padded { due: 1 },
            3 => Phase::Padded { due: 0 },
            _ => return Err(Base64Error::Padding),
        };
        self.settle(0, out)?;
        Ok(Some(piece.len() - padding - 1))
    }

    /// Decodes all pending symbols but the last `keep`.
    fn settle(&mut self, keep: usize, out: &mut Vec<u8>) -> Result<(), Base64Error> {
        let mut pending = std::mem::take(&mut self.pending);
        let whole = pending.len() - keep;
        let result = self.decode(pending.get(..whole).unwrap_or_default(), out);
        pending.drain(..whole);
        self.pending = pending;
        result
    }

    fn padded(&mut self, rest: &[u8]) -> Result<(), Base64Error> {
        for byte in rest {
            match (byte, &mut self.phase) {
                (b'\r' | b'\n' | b'\t', _) => {}
                (b'=', Phase::Padded { due }) if *due > 0 => *due -= 1,
                (b'=', _) => return Err(Base64Error::Padding),
                _ => return Err(Base64Error::Symbol),
            }
        }
        Ok(())
    }

    /// Decodes nothing but symbols: groups of four, and at the end of a text a group of two or three.
    fn decode(&mut self, symbols: &[u8], out: &mut Vec<u8>) -> Result<(), Base64Error> {
        if symbols.is_empty() {
            return Ok(());
        }
        if self.alphabet.is_none() {
            let standard = memchr2(b'+', b'/', symbols).is_some();
            let url_safe = memchr2(b'-', b'_', symbols).is_some();
            self.alphabet = match (standard, url_safe) {
                (true, true) => return Err(Base64Error::MixedAlphabets),
                (true, false) => Some(Alphabet::Standard),
                (false, true) => Some(Alphabet::UrlSafe),
                (false, false) => None,
            };
        }
        let decoder = match self.alphabet {
            Some(Alphabet::UrlSafe) => &URL_SAFE,
            Some(Alphabet::Standard) | None => &STANDARD,
        };
        let before = out.len();
        let mut decoded = [0; DECODED];
        for piece in symbols.chunks(DECODED / 3 * 4) {
            match decoder.decode_slice(piece, &mut decoded) {
                Ok(length) => append(out, decoded.get(..length).unwrap_or_default()),
                Err(error) => {
                    out.truncate(before);
                    return Err(match error {
                        DecodeSliceError::DecodeError(error) => error.into(),
                        DecodeSliceError::OutputSliceTooSmall => Base64Error::Truncated,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Checks a head without its comma.
fn check_head(head: &[u8]) -> Result<(), Base64Error> {
    let middle_and_end = head.get(HEAD_START.len()..).unwrap_or_default();
    let (middle, end) = middle_and_end
        .len()
        .checked_sub(HEAD_END.len())
        .and_then(|at| middle_and_end.split_at_checked(at))
        .ok_or(Base64Error::Head)?;
    let is_text = std::str::from_utf8(middle).is_ok() && memchr(0, middle).is_none();
    if is_text && end.eq_ignore_ascii_case(HEAD_END) {
        Ok(())
    } else {
        Err(Base64Error::Head)
    }
}

#[cfg(test)]
mod tests;

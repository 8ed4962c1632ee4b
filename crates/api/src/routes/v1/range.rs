//! The `Range` header (RFC 9110, section 14), as far as it is honoured: one range of bytes.

use actix_web::http::header::{HeaderMap, RANGE};

/// A well-formed range, before it is known how many bytes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From the first position to the second, both included; the second is no smaller.
    Between(u64, u64),
    /// From this position to the end.
    From(u64),
    /// So many bytes before the end.
    Last(u64),
}

/// Bytes that are there; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Position of the first one.
    pub(super) start: u64,
    /// How many.
    pub(super) length: u64,
}

impl Range {
    /// The range that a request asks for. `None` for none, for several, for another unit and for
    /// what is no range at all: such a header is ignored, and the whole content is the answer.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(RANGE);
        let only = lines.next()?;
        if lines.next().is_some() {
            return None;
        }
        Self::parse(only.as_bytes())
    }

    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let (unit, set) = value.split_at_checked(b"bytes=".len())?;
        if !unit.eq_ignore_ascii_case(b"bytes=") {
            return None;
        }
        let dash = set.iter().position(|byte| *byte == b'-')?;
        let (first, last) = set.split_at_checked(dash)?;
        let last = last.strip_prefix(b"-")?;
        match (first, last) {
            (b"", length) => Some(Self::Last(digits(length)?)),
            (first, b"") => Some(Self::From(digits(first)?)),
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// The bytes it means in a content of `size` bytes; `None` when not one of them is there.
    pub(super) fn within(self, size: u64) -> Option<Span> {
        let (start, end) = match self {
            Self::Between(first, last) => (first, last.saturating_add(1).min(size)),
            Self::From(first) => (first, size),
            Self::Last(length) => (size.saturating_sub(length), size),
        };
        let length = end.checked_sub(start).filter(|length| *length > 0)?;
        Some(Span { start, length })
    }
}

impl Span {
    /// The value of `Content-Range` for it.
    pub(super) fn content_range(self, size: u64) -> String {
        let last = self.start.saturating_add(self.length).saturating_sub(1);
        format!("bytes {}-{last}/{size}", self.start)
    }
}

/// One or more digits and nothing else. A number beyond 64 bits is beyond every content as well.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte & 0x0f))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests;

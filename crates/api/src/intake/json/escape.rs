//! Escapes in JSON strings, byte by byte.

use crate::intake::ScanError;

/// An escape that has begun: at first, its backslash has been read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Escape {
    /// After `\`.
    Backslash,
    /// Within the four digits of `\u0041`, the second one of a pair if there is a `high` surrogate.
    Hex {
        high: Option<u16>,
        value: u16,
        digits: u8,
    },
    /// After a high surrogate, which only `\uDC00` to `\uDFFF` may follow.
    LowBackslash { high: u16 },
    /// After a high surrogate and a backslash.
    LowU { high: u16 },
}

/// What the next byte makes of an escape.
pub(super) enum Step {
    More(Escape),
    Done(char),
}

impl Escape {
    pub(super) fn step(self, byte: u8) -> Result<Step, ScanError> {
        match self {
            Self::Backslash => Ok(Step::Done(match byte {
                b'"' => '"',
                b'\\' => '\\',
                b'/' => '/',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => return Ok(hex(None)),
                _ => return Err(ScanError::Malformed("an unknown escape")),
            })),
            Self::Hex {
                high,
                value,
                digits,
            } => {
                let digit = char::from(byte)
                    .to_digit(16)
                    .and_then(|digit| u16::try_from(digit).ok())
                    .ok_or(ScanError::Malformed("a bad hexadecimal digit in an escape"))?;
                let value = (value << 4) | digit;
                if digits < 3 {
                    let digits = digits + 1;
                    return Ok(Step::More(Self::Hex {
                        high,
                        value,
                        digits,
                    }));
                }
                match (high, value) {
                    (None, 0xD800..=0xDBFF) => Ok(Step::More(Self::LowBackslash { high: value })),
                    (None, unit) => char::from_u32(unit.into())
                        .map(Step::Done)
                        .ok_or(LONE_SURROGATE),
                    (Some(high), low) => match char::decode_utf16([high, low]).next() {
                        Some(Ok(character)) => Ok(Step::Done(character)),
                        _ => Err(LONE_SURROGATE),
                    },
                }
            }
            Self::LowBackslash { high } if byte == b'\\' => Ok(Step::More(Self::LowU { high })),
            Self::LowU { high } if byte == b'u' => Ok(hex(Some(high))),
            Self::LowBackslash { .. } | Self::LowU { .. } => Err(LONE_SURROGATE),
        }
    }
}

fn hex(high: Option<u16>) -> Step {
    Step::More(Escape::Hex {
        high,
        value: 0,
        digits: 0,
    })
}

const LONE_SURROGATE: ScanError = ScanError::Malformed("a lone surrogate");

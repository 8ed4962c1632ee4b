//! A push parser for one JSON object (RFC 8259).
//!
//! It is a state machine without recursion: a byte of structure at a time, but runs of string at once, because
//! nearly all bytes of a large body are the payload's string.

mod escape;
mod number;
mod text;

use super::{
    Known, MAX_NUMBER, MAX_TEXT, ScanError, Shape,
    capped::Capped,
    fields::{Fields, Value},
    payload::PayloadText,
    utf8::Utf8Check,
};
use escape::Escape;
use number::Number;

/// Deepest nesting of objects and arrays; the top-level object counts as 1. No known field nests at all.
pub const MAX_DEPTH: u32 = 32;

/// Reads exactly one JSON object, whatever the sizes of the chunks it comes in.
#[derive(Debug)]
pub struct JsonScanner {
    fields: Fields,
    state: State,
    /// Open objects and arrays, at most [`MAX_DEPTH`].
    depth: u32,
    /// One bit for each of them, the innermost lowest: 1 for an object.
    kinds: u32,
    /// What the latest key of the top-level object names.
    known: Known,
    /// What the current string is for.
    role: Role,
    escape: Option<Escape>,
    utf8: Utf8Check,
    /// The key, text or number being captured.
    capture: Capped,
    longest_name: usize,
    payload: PayloadText,
    failed: Option<ScanError>,
}

/// What comes next, white space aside.
#[derive(Debug, Clone, Copy)]
enum State {
    /// The top-level object.
    Start,
    /// A key, or the end of the object that has just begun.
    FirstKey,
    /// A key, after a comma.
    NextKey,
    Colon,
    Value,
    /// A value, or the end of the array that has just begun.
    FirstItem,
    /// A comma, or the end of the object or array.
    AfterValue,
    /// More of a string.
    Text {
        key: bool,
    },
    /// More of a number, or anything that ends it.
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8], Literal),
    /// Nothing.
    End,
}

#[derive(Debug, Clone, Copy)]
enum Literal {
    Null,
    Bool(bool),
}

#[derive(Debug, Clone, Copy)]
enum Role {
    /// A key of the top-level object, which may be a known name.
    Key,
    Field,
    Payload,
    /// Validated and thrown away.
    Skip,
}

impl JsonScanner {
    /// A parser for a route of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            fields: Fields::new(shape),
            state: State::Start,
            depth: 0,
            kinds: 0,
            known: Known::Unknown,
            role: Role::Skip,
            escape: None,
            utf8: Utf8Check::default(),
            capture: Capped::default(),
            longest_name: shape.longest_name(),
            payload: PayloadText::default(),
            failed: None,
        }
    }

    /// See [`Scanner::feed`](super::Scanner::feed).
    ///
    /// # Errors
    /// See [`Scanner::feed`](super::Scanner::feed).
    pub fn feed(&mut self, chunk: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let before = payload.len();
        let result = self.scan(chunk, payload);
        self.failed = result.err();
        self.fields
            .add_payload(payload.len().saturating_sub(before));
        result
    }

    /// See [`Scanner::finish`](super::Scanner::finish).
    ///
    /// # Errors
    /// See [`Scanner::finish`](super::Scanner::finish).
    // The payload is complete when its string ends, so nothing is left to append here.
    pub fn finish(self, _payload: &mut Vec<u8>) -> Result<Fields, ScanError> {
        match (self.failed, self.state) {
            (Some(error), _) => Err(error),
            (None, State::End) => Ok(self.fields),
            (None, _) => Err(ScanError::Malformed("the JSON object is cut off")),
        }
    }

    /// The fields of the route.
    pub(super) fn shape(&self) -> Shape {
        self.fields.shape()
    }

    /// See [`Scanner::seen`](super::Scanner::seen).
    #[must_use]
    pub fn seen(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// See [`Scanner::payload_started`](super::Scanner::payload_started).
    #[must_use]
    pub fn payload_started(&self) -> bool {
        self.fields.has_payload()
    }

    fn scan(&mut self, chunk: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        let mut rest = chunk;
        while let Some((byte, after)) = rest.split_first() {
            rest = match self.state {
                State::Text { key } => self.text(key, rest, payload)?,
                State::Number(number) => match number.next(*byte) {
                    Some(next) => {
                        self.number(next, *byte)?;
                        after
                    }
                    None if number.is_whole() => {
                        self.end_value(|scanner| scanner.capture.text().map(Value::Number));
                        rest
                    }
                    None => return Err(ScanError::Malformed("a bad number")),
                },
                State::Literal(word, literal) => {
                    self.literal(word, literal, *byte)?;
                    after
                }
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => after,
                _ => {
                    self.structure(*byte)?;
                    after
                }
            };
        }
        Ok(self.payload.flush(payload)?)
    }

    fn structure(&mut self, byte: u8) -> Result<(), ScanError> {
        let in_object = self.kinds & 1 == 1;
        match (self.state, byte) {
            (State::Start, b'{') => self.open(true),
            (State::Start, _) => Err(ScanError::Malformed("no JSON object")),
            (State::FirstKey | State::NextKey, b'"') => {
                if self.depth == 1 {
                    self.role = Role::Key;
                    self.capture.start(self.longest_name);
                } else {
                    self.role = Role::Skip;
                }
                self.state = State::Text { key: true };
                Ok(())
            }
            (State::FirstKey, b'}') | (State::FirstItem, b']') => self.close(),
            (State::FirstKey | State::NextKey, _) => Err(ScanError::Malformed("no key")),
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(())
            }
            (State::Colon, _) => Err(ScanError::Malformed("no colon after a key")),
            (State::AfterValue, b',') => {
                self.state = if in_object {
                    State::NextKey
                } else {
                    State::Value
                };
                Ok(())
            }
            (State::AfterValue, b'}') if in_object => self.close(),
            (State::AfterValue, b']') if !in_object => self.close(),
            (State::AfterValue, _) => Err(ScanError::Malformed("no comma or end after a value")),
            (State::End, _) => Err(ScanError::Malformed("something after the JSON object")),
            _ => self.value(byte),
        }
    }

    /// Begins a value.
    fn value(&mut self, byte: u8) -> Result<(), ScanError> {
        let known = self.known_here();
        match byte {
            b'"' => {
                self.role = match known {
                    Known::Payload => {
                        self.fields.begin_payload()?;
                        Role::Payload
                    }
                    Known::Field(_) => {
                        self.capture.start(MAX_TEXT);
                        Role::Field
                    }
                    Known::Unknown => Role::Skip,
                };
                self.state = State::Text { key: false };
            }
            b'n' => self.state = State::Literal(b"ull", Literal::Null),
            _ if known == Known::Payload => {
                return Err(ScanError::Value("the payload is neither a string nor null"));
            }
            b't' => self.state = State::Literal(b"rue", Literal::Bool(true)),
            b'f' => self.state = State::Literal(b"alse", Literal::Bool(false)),
            b'{' | b'[' => {
                if let Known::Field(at) = known {
                    self.fields.set(at, Value::Other);
                }
                return self.open(byte == b'{');
            }
            _ => {
                let number = Number::start(byte).ok_or(ScanError::Malformed("no value"))?;
                self.capture.start(MAX_NUMBER);
                return self.number(number, byte);
            }
        }
        Ok(())
    }

    /// What the value that begins or ends here is for. Only the top-level object's values are known at all.
    fn known_here(&self) -> Known {
        if self.depth == 1 {
            self.known
        } else {
            Known::Unknown
        }
    }

    fn end_value(&mut self, value: impl FnOnce(&Self) -> Option<Value>) {
        if let Known::Field(at) = self.known_here()
            && let Some(value) = value(self)
        {
            self.fields.set(at, value);
        }
        self.state = State::AfterValue;
    }

    fn open(&mut self, object: bool) -> Result<(), ScanError> {
        if self.depth == MAX_DEPTH {
            return Err(ScanError::Malformed("nested too deeply"));
        }
        self.depth += 1;
        self.kinds = (self.kinds << 1) | u32::from(object);
        self.state = if object {
            State::FirstKey
        } else {
            State::FirstItem
        };
        Ok(())
    }

    fn close(&mut self) -> Result<(), ScanError> {
        self.depth = self.depth.saturating_sub(1);
        self.kinds >>= 1;
        self.state = if self.depth == 0 {
            State::End
        } else {
            State::AfterValue
        };
        Ok(())
    }

    fn literal(
        &mut self,
        word: &'static [u8],
        literal: Literal,
        byte: u8,
    ) -> Result<(), ScanError> {
        match word.split_first() {
            Some((expected, rest)) if *expected == byte => {
                if rest.is_empty() {
                    self.end_literal(literal);
                } else {
                    self.state = State::Literal(rest, literal);
                }
                Ok(())
            }
            _ => Err(ScanError::Malformed("no value")),
        }
    }

    fn end_literal(&mut self, literal: Literal) {
        if self.known_here() == Known::Payload {
            self.fields.set_payload_null();
        }
        self.end_value(|_| {
            Some(match literal {
                Literal::Null => Value::Null,
                Literal::Bool(value) => Value::Bool(value),
            })
        });
    }

    fn number(&mut self, number: Number, byte: u8) -> Result<(), ScanError> {
        self.state = State::Number(number);
        if matches!(self.known_here(), Known::Field(_)) && !self.capture.push(&[byte]) {
            return Err(ScanError::FieldTooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Push parsers for request bodies: what turns the bytes of a request into named fields and a payload.
//!
//! They are fed with chunks of any size as the chunks arrive, do no I/O, and know nothing of HTTP or of
//! threads. A route says with a [`Shape`] which fields it knows and which one of them, if any, is its
//! *payload*: the base64 text of a file, which is decoded on the way and handed on at once, so that a body of
//! many gigabytes needs no more memory than one chunk. Everything else that a route knows is small and is
//! kept whole in [`Fields`], each value up to a limit; what it does not know is validated and thrown away.
//!
//! ```
//! use kms_api::intake::{Scanner, Shape};
//!
//! const UPLOAD: Shape = Shape { fields: &["token", "name"], payload: Some("data") };
//!
//! let mut scanner = Scanner::json(UPLOAD);
//! let mut bytes = Vec::new();
//! scanner.feed(br#"{"name":"hello.txt","data":"aGVs"#, &mut bytes)?;
//! scanner.feed(br#"bG8="}"#, &mut bytes)?;
//! let fields = scanner.finish(&mut bytes)?;
//!
//! assert_eq!(bytes, b"hello");
//! assert_eq!(fields.payload_len(), Some(5));
//! assert_eq!(fields.required_text("name"), Ok("hello.txt"));
//! # Ok::<(), kms_api::intake::ScanError>(())
//! ```
//!
//! **What they refuse.** All that a full parser would refuse, in every part of the body and also in fields that
//! nobody asked for, because a body that two programs can read in two ways is an attack waiting to happen: bad
//! grammar, invalid UTF-8, lone surrogates, a known field given twice, nesting deeper than
//! [`MAX_DEPTH`]. The answer never depends on how the body was cut into chunks.
//!
//! **Memory.** A parser holds the captured fields (at most [`MAX_TEXT`] bytes each), one partial escape, and a
//! few kilobytes of scratch. One call appends at most about as many bytes to the payload as it was given.
//!
//! The payload of a multipart body is raw bytes; the other formats carry base64.

mod base64;
mod capped;
mod fields;
mod form;
mod json;
mod multipart;
mod payload;
mod utf8;

#[cfg(test)]
mod proptests;
#[cfg(any(test, feature = "fuzzing"))]
pub mod reference;

pub use base64::{Base64Error, Base64Stream};
pub use fields::{FieldError, Fields, Value};
pub use form::FormScanner;
pub use json::{JsonScanner, MAX_DEPTH};
pub use multipart::MultipartScanner;

/// Most bytes of UTF-8 in one captured text.
pub const MAX_TEXT: usize = 4096;

/// Most bytes of one captured JSON number. The longest 64-bit integer has 20.
pub const MAX_NUMBER: usize = 64;

/// The fields a route knows.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Names of the small fields, which are captured whole.
    pub fields: &'static [&'static str],
    /// Name of the base64 field whose decoded bytes are streamed. It wins over a small field of that name.
    pub payload: Option<&'static str>,
}

/// What a name means to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// The small field at this place of [`Shape::fields`].
    Field(usize),
    /// The payload.
    Payload,
    /// Nothing: the value is validated and thrown away.
    Unknown,
}

impl Shape {
    /// Whether `name` is the payload field.
    #[must_use]
    pub fn is_payload(&self, name: &str) -> bool {
        self.payload == Some(name)
    }

    pub(crate) fn lookup(&self, name: &[u8]) -> Known {
        if self.payload.is_some_and(|known| known.as_bytes() == name) {
            return Known::Payload;
        }
        self.fields
            .iter()
            .position(|known| known.as_bytes() == name)
            .map_or(Known::Unknown, Known::Field)
    }

    /// Bytes of the longest known name: a longer one need not be kept to know that it is unknown.
    fn longest_name(&self) -> usize {
        self.fields
            .iter()
            .chain(&self.payload)
            .map(|name| name.len())
            .max()
            .unwrap_or(0)
    }
}

/// Why a body was refused. The caller answers code 1 to all of them; the text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The body breaks the grammar of its format, or one of the rules of this module.
    #[error("malformed body: {0}")]
    Malformed(&'static str),
    /// A known field has a value that it cannot have.
    #[error("bad value: {0}")]
    Value(&'static str),
    /// A known field is longer than [`MAX_TEXT`] (a text) or [`MAX_NUMBER`] (a JSON number) bytes.
    #[error("a known field is longer than allowed")]
    FieldTooLong,
    /// A known field was given twice.
    #[error("the field `{0}` was given twice")]
    Duplicate(&'static str),
    /// The payload is no base64.
    #[error("bad payload: {0}")]
    Payload(#[from] Base64Error),
}

/// A push parser for a whole request body.
#[derive(Debug)]
pub enum Scanner {
    /// One JSON object.
    Json(JsonScanner),
    /// `application/x-www-form-urlencoded`.
    Form(FormScanner),
    /// `multipart/form-data`.
    Multipart(Box<MultipartScanner>),
}

impl ScanError {
    /// Whether the body may be sound and only the value of one known field is not.
    #[must_use]
    pub fn is_about_a_value(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Duplicate(_) => false,
            Self::Value(_) | Self::FieldTooLong | Self::Payload(_) => true,
        }
    }
}

impl Scanner {
    /// A parser for a JSON body.
    #[must_use]
    pub fn json(shape: Shape) -> Self {
        Self::Json(JsonScanner::new(shape))
    }

    /// A parser for a form body.
    #[must_use]
    pub fn form(shape: Shape) -> Self {
        Self::Form(FormScanner::new(shape))
    }

    /// A parser for a multipart body; `content_type` is the header's value, which names the boundary.
    ///
    /// # Errors
    /// It names none.
    pub fn multipart(shape: Shape, content_type: &str) -> Result<Self, ScanError> {
        Ok(Self::Multipart(Box::new(MultipartScanner::new(
            shape,
            content_type,
        )?)))
    }

    /// Reads the next chunk and appends the payload bytes that it completes to `payload`.
    ///
    /// # Errors
    /// The body can no longer become a valid one. Every later call returns the same error; what the failing
    /// call appended to `payload` means nothing.
    pub fn feed(&mut self, chunk: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        match self {
            Self::Json(scanner) => scanner.feed(chunk, payload),
            Self::Form(scanner) => scanner.feed(chunk, payload),
            Self::Multipart(scanner) => scanner.feed(chunk, payload),
        }
    }

    /// Ends the body, appends the last payload bytes, and hands out the fields.
    ///
    /// # Errors
    /// The body is incomplete or was refused before.
    pub fn finish(self, payload: &mut Vec<u8>) -> Result<Fields, ScanError> {
        match self {
            Self::Json(scanner) => scanner.finish(payload),
            Self::Form(scanner) => scanner.finish(payload),
            Self::Multipart(scanner) => scanner.finish(),
        }
    }

    /// A field whose value has been read already, so that a token can be judged before the payload is complete.
    /// Provisional: the rest of the body may still turn out malformed.
    #[must_use]
    pub fn seen(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Json(scanner) => scanner.seen(name),
            Self::Form(scanner) => scanner.seen(name),
            Self::Multipart(scanner) => scanner.seen(name),
        }
    }

    /// Whether a body may have a small field of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let shape = match self {
            Self::Json(scanner) => scanner.shape(),
            Self::Form(scanner) => scanner.shape(),
            Self::Multipart(scanner) => scanner.shape(),
        };
        shape.fields.contains(&name)
    }

    /// Whether the text of the payload has begun, be it empty so far. `null` is no beginning.
    #[must_use]
    pub fn payload_started(&self) -> bool {
        match self {
            Self::Json(scanner) => scanner.payload_started(),
            Self::Form(scanner) => scanner.payload_started(),
            Self::Multipart(scanner) => scanner.payload_started(),
        }
    }
}

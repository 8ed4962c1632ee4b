//! The bytes of a body, and which format they are in.

use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::StreamExt;
use kms_domain::codes::Code;

use crate::error::ApiError;
use crate::intake::{Scanner, Shape};

/// How long a body may come as slowly as it likes, the pauses aside.
const GRACE: Duration = Duration::from_secs(10);
/// How fast it must come on the average afterwards; an answer that makes the server wait must go as fast.
pub(crate) const LEAST_BYTES_A_SECOND: u64 = 8 * 1024;
/// White space in front of a body that is looked through for its first character.
const MAX_BLANK: usize = 4096;

/// How a body carries its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    Multipart,
}

/// The bytes of a body as they arrive, within its limit and without long silences.
pub(crate) struct Body {
    payload: Payload,
    peeked: Option<Bytes>,
    idle: Duration,
    remaining: u64,
    /// How long the client was waited for, and what it has sent.
    waited: Duration,
    received: u64,
}

impl Body {
    /// A body of at most `limit` bytes, whose sender pauses for `idle` at most.
    pub(super) fn new(payload: Payload, idle: Duration, limit: u64) -> Self {
        Self {
            payload,
            peeked: None,
            idle,
            remaining: limit,
            waited: Duration::ZERO,
            received: 0,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, PayloadError> {
        if let Some(chunk) = self.peeked.take() {
            return Ok(Some(chunk));
        }
        let asked = Instant::now();
        let next = tokio::time::timeout(self.idle, self.payload.next()).await;
        self.waited = self.waited.saturating_add(asked.elapsed());
        // A sender that falls silent has not completed its body.
        let Some(chunk) = next
            .map_err(|_| PayloadError::Incomplete(None))?
            .transpose()?
        else {
            return Ok(None);
        };
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.remaining = self
            .remaining
            .checked_sub(length)
            .ok_or(PayloadError::Overflow)?;
        self.received = self.received.saturating_add(length);
        if self.received < owed(self.waited) {
            return Err(PayloadError::Incomplete(None));
        }
        Ok(Some(chunk))
    }

    /// The parser for the body's format. A body that begins like a JSON object is one whatever its
    /// Content-Type says, because many clients never set it: curl sends every `-d` as a form.
    pub(crate) async fn scanner(
        &mut self,
        head: &HttpRequest,
        shape: Shape,
    ) -> Result<Scanner, ApiError> {
        let declared = declared_format(head);
        Ok(match declared {
            Format::Json => Scanner::json(shape),
            _ if self.begins_with_a_brace().await? => Scanner::json(shape),
            Format::Form => Scanner::form(shape),
            Format::Multipart => Scanner::multipart(shape, content_type(head))?,
        })
    }

    /// Looks at the first character that is no white space, and leaves the body as it was.
    async fn begins_with_a_brace(&mut self) -> Result<bool, PayloadError> {
        let mut begin = Vec::new();
        let mut brace = false;
        while let Some(chunk) = self.next().await? {
            begin.extend_from_slice(&chunk);
            let first = begin.iter().find(|byte| !byte.is_ascii_whitespace());
            if first.is_some() || begin.len() > MAX_BLANK {
                brace = first == Some(&b'{');
                break;
            }
        }
        self.peeked = Some(begin.into());
        Ok(brace)
    }
}

/// Bytes that a client must have sent after it was waited for so long: 8 KiB for each second after
/// the first ten. One that sends a byte now and then would hold its place for ever.
fn owed(waited: Duration) -> u64 {
    waited
        .saturating_sub(GRACE)
        .as_secs()
        .saturating_mul(LEAST_BYTES_A_SECOND)
}

/// Whether a body is said to be a form whose fields are parts.
pub(crate) fn is_form(head: &HttpRequest) -> bool {
    declared_format(head) == Format::Multipart
}

fn declared_format(head: &HttpRequest) -> Format {
    let essence = content_type(head).split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Format::Form,
        "multipart/form-data" => Format::Multipart,
        _ => Format::Json,
    }
}

/// What a body is said to be; nothing, if that cannot be read.
pub(crate) fn content_type(head: &HttpRequest) -> &str {
    head.headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Overflow => Self::because(Code::TooLarge, "the body is above the limit"),
            other => Self::bad_format(other.to_string()),
        }
    }
}

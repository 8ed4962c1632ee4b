//! Sending a file as base64 inside a JSON answer, in constant memory and with a known length.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use kms_domain::codes::Code;
use serde::Serialize;

use crate::answer;
use crate::blocks::Blocks;
use crate::call::Request;
use crate::error::ApiError;
use crate::middleware::RequestId;

const TAIL: &str = "\"}";

/// The answer `fields` with the content, which is to be in base64, as its last field `data`.
pub(crate) fn answer(
    request: &Request,
    code: Code,
    fields: impl Serialize,
    content: Blocks,
) -> Result<HttpResponse, ApiError> {
    let mut head =
        answer::text(code, fields).map_err(|error| ApiError::because(Code::ServerError, error))?;
    // The object is reopened at its brace; the envelope stands in it, so a comma is due.
    head.pop();
    head.push_str(r#","data":""#);
    let length = u64::try_from(head.len() + TAIL.len())
        .ok()
        .and_then(|around| content.length().checked_add(around))
        .ok_or_else(|| ApiError::because(Code::ServerError, "the answer has no length"))?;
    let piece = |bytes: Bytes| stream::iter([Ok(bytes)]);
    let data = content.into_stream(request.app.clone(), RequestId::of(&request.head));
    let body = piece(head.into())
        .chain(data)
        .chain(piece(Bytes::from_static(TAIL.as_bytes())));
    Ok(answer::json(code, SizedStream::new(length, Box::pin(body))))
}

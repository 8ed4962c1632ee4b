//! The form of what succeeds under `/api/v1`: an object without an envelope, or nothing at all.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION};
use kms_domain::codes::Code;
use serde::Serialize;

use crate::answer;
use crate::error::ApiError;

/// An answer with `body` as its object. HTTP has statuses that the code's own is not.
pub(super) fn object(
    status: StatusCode,
    code: Code,
    body: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let text =
        serde_json::to_string(body).map_err(|error| ApiError::because(Code::ServerError, error))?;
    let mut response = answer::json(code, text);
    *response.status_mut() = status;
    Ok(response)
}

/// The same for something that is new and can be found at `path`.
pub(super) fn created(
    code: Code,
    body: &impl Serialize,
    path: &str,
) -> Result<HttpResponse, ApiError> {
    let mut response = object(StatusCode::CREATED, code, body)?;
    insert(response.headers_mut(), LOCATION, path)?;
    Ok(response)
}

/// 204: it was done, and there is nothing to say about it.
pub(super) fn nothing(code: Code) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::NO_CONTENT);
    response.extensions_mut().insert(code);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 304: the client has what has this tag.
pub(super) fn not_modified(code: Code, etag: &str) -> Result<HttpResponse, ApiError> {
    let mut response = nothing(code);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    insert(response.headers_mut(), ETAG, etag)?;
    Ok(response)
}

/// Adds a header whose value was made here.
pub(super) fn insert(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: &str,
) -> Result<(), ApiError> {
    let value = HeaderValue::from_str(value)
        .map_err(|error| ApiError::because(Code::ServerError, error))?;
    headers.insert(name, value);
    Ok(())
}

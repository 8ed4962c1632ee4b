//! Problem details (RFC 9457): the form of every refusal under `/api/v1`.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use kms_domain::codes::Code;
use serde::Serialize;
use std::error::Error as _;

use crate::answer;
use crate::error::ApiError;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// The challenges of RFC 6750, section 3: for no token at all, and for one that is no good.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const BEARER_INVALID: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");

/// An error of the edge that is told as a problem instead of in the contract's envelope.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Problem(#[from] ApiError);

/// Why a request is not carried out although nothing is wrong with it, for which HTTP has statuses that no code
/// has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unmet {
    /// Its account has the content already, and it said that this is not to be.
    #[error("there is an entry over this content already")]
    Held,
    /// What it is to change is not what its sender has seen.
    #[error("it is not what the request is conditional on any more")]
    Changed,
    /// Its key belongs to another one.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// Its key is that of one that is on its way.
    #[error("a request with this idempotency key is on its way")]
    KeyInUse,
}

impl Unmet {
    /// What stands behind an error, if it is one of these.
    fn behind(error: &ApiError) -> Option<Self> {
        error.source()?.downcast_ref().copied()
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Held | Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::KeyInUse => StatusCode::CONFLICT,
        }
    }
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        Unmet::behind(&self.0).map_or_else(|| status_of(self.0.code()), Unmet::status)
    }

    fn error_response(&self) -> HttpResponse {
        let code = self.0.code();
        // Only what is wrong with the request itself is told; the rest is the log's.
        let detail = match code {
            Code::BadFormat | Code::TooLarge => self.0.source().map(ToString::to_string),
            _ => Unmet::behind(&self.0).map(|unmet| unmet.to_string()),
        };
        let mut response = answer(self.status_code(), code, detail.as_deref());
        // `Allow` and `Retry-After` are the same in either form.
        for (name, value) in self.0.error_response().headers() {
            if name != CONTENT_TYPE {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
        response
    }
}

/// The refusal with this code, when there is no more to tell.
pub(crate) fn refusal(code: Code) -> HttpResponse {
    answer(status_of(code), code, None)
}

/// The error behind a problem, for the log.
pub(crate) fn cause(error: &actix_web::Error) -> Option<&ApiError> {
    error.as_error::<Problem>().map(|problem| &problem.0)
}

/// A refusal with a status that no code has for itself.
pub(super) fn answer(status: StatusCode, code: Code, detail: Option<&str>) -> HttpResponse {
    // Numbers and texts always serialise.
    let text = serde_json::to_string(&details(status, code, detail)).unwrap_or_default();
    let mut response = answer::json(code, text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    match code {
        Code::TokenMissing => headers.insert(WWW_AUTHENTICATE, BEARER),
        Code::TokenExpired => headers.insert(WWW_AUTHENTICATE, BEARER_INVALID),
        _ => return response,
    };
    response
}

fn details(status: StatusCode, code: Code, detail: Option<&str>) -> Details<'_> {
    Details {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        code: code.number(),
        detail,
    }
}

/// What HTTP itself calls the condition. The contract uses 403 for more than HTTP does.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadFormat => StatusCode::BAD_REQUEST,
        Code::TokenExpired | Code::TokenMissing => StatusCode::UNAUTHORIZED,
        Code::PhoneTaken => StatusCode::CONFLICT,
        other => answer::status(other),
    }
}

/// The same as a number.
pub(crate) fn status(code: Code) -> u16 {
    status_of(code).as_u16()
}

/// What a refusal looks like, for the document.
pub(crate) fn shown(status: u16, code: Code) -> serde_json::Value {
    let status = StatusCode::from_u16(status).unwrap_or_else(|_| status_of(code));
    // Numbers and texts always serialise.
    serde_json::to_value(details(status, code, None)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::MessageBody as _;
    use actix_web::http::header::{ALLOW, RETRY_AFTER};

    fn text(response: HttpResponse) -> String {
        let bytes = response.into_body().try_into_bytes().ok().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn render(error: ApiError) -> HttpResponse {
        Problem::from(error).error_response()
    }

    #[test]
    fn a_problem_has_the_status_of_http_and_the_code_of_the_contract() {
        for (code, status) in [
            (Code::BadFormat, 400),
            (Code::NotFound, 404),
            (Code::TokenExpired, 401),
            (Code::TokenMissing, 401),
            (Code::ServerError, 500),
            (Code::TooLarge, 413),
            (Code::Throttled, 429),
            (Code::Busy, 503),
            (Code::StorageFull, 507),
            (Code::MethodNotAllowed, 405),
        ] {
            let response = render(ApiError::new(code));
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.extensions().get(), Some(&code), "for the log");
            assert_eq!(response.headers().get(CONTENT_TYPE), Some(&PROBLEM_JSON));
            let text = text(response);
            let begin = r#"{"type":"about:blank","title":""#;
            let end = format!(r#"","status":{status},"code":{}}}"#, code.number());
            assert!(text.starts_with(begin) && text.ends_with(&end), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_request_is_told_and_what_is_wrong_with_the_server_is_not() {
        let told = text(render(ApiError::bad_format("no \"name\"")));
        assert!(told.ends_with(r#","detail":"no \"name\""}"#), "{told}");
        for code in [Code::ServerError, Code::StorageFull, Code::Busy] {
            let text = text(render(ApiError::because(code, "a secret")));
            assert!(!text.contains("detail") && !text.contains("secret"));
        }
    }

    #[test]
    fn the_headers_that_explain_a_refusal_are_there() {
        let header = |error, name| render(error).headers().get(name).cloned();
        let missing = ApiError::new(Code::TokenMissing);
        assert_eq!(header(missing, WWW_AUTHENTICATE), Some(BEARER));
        let expired = ApiError::new(Code::TokenExpired);
        assert_eq!(header(expired, WWW_AUTHENTICATE), Some(BEARER_INVALID));
        let unknown = ApiError::new(Code::NotFound);
        assert_eq!(header(unknown, WWW_AUTHENTICATE), None);
        let method = ApiError::method_not_allowed("GET, HEAD");
        assert_eq!(header(method, ALLOW).unwrap(), "GET, HEAD");
        for code in [Code::Busy, Code::Throttled] {
            assert!(header(ApiError::new(code), RETRY_AFTER).is_some());
        }
    }
}

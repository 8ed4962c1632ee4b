//! Which pages of other origins may read answers (CORS), for an operator who has a client that runs in a
//! browser. Nobody's, as it comes: then no answer says anything about origins.
//!
//! It rests on what the routes say anyway. A route that is asked with `OPTIONS` refuses with the methods it
//! knows in `Allow`; if that was a preflight of an allowed origin, the refusal becomes the answer to it. So
//! there is no second table of routes, an unknown path stays unknown, and an `OPTIONS` that is no preflight stays
//! a wrong method. Libraries for this answer in front of the routes, which know nothing of either.
//!
//! **What is absent.** `*`, because who opens a server to every page should have to say so elsewhere; and
//! credentials, because nothing that a browser sends by itself signs anybody in.

use std::net::Ipv6Addr;
use std::str::FromStr;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use kms_domain::codes::Code;

use crate::app::App;

const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, range, if-range, if-match, if-none-match, if-modified-since, \
     if-unmodified-since, idempotency-key, repr-digest, content-digest, want-repr-digest, want-content-digest",
);
/// What an answer may say in a header, beside what every page may read.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "x-request-id, retry-after, allow, location, etag, accept-ranges, content-range, \
     content-disposition, www-authenticate, repr-digest, content-digest, link",
);
/// Two hours, above which no common browser goes but one.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// Origins whose pages may read answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

/// Why a text is no list of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginsError {
    /// `*` or `null`.
    #[error("each origin is named: there is no * here, and null is no origin to trust")]
    Anybody,
    /// There is more than an origin, or less.
    #[error("each is scheme://host or scheme://host:port, with nothing behind it")]
    NoOrigin,
    /// A browser writes the same origin in another way, so it would never match.
    #[error(
        "browsers write origins in lower case, foreign letters as punycode (xn--), and no port where it is \
         the scheme's own"
    )]
    NeverSent,
}

impl AllowedOrigins {
    /// The origins as they are written.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.join(",")
    }

    /// The origin that a request names, if it is allowed. Two of them are none.
    fn of(&self, head: &HeaderMap) -> Option<HeaderValue> {
        let mut named = head.get_all(ORIGIN);
        let (origin, None) = (named.next()?, named.next()) else {
            return None;
        };
        let mut allowed = self.0.iter();
        allowed
            .any(|one| one.as_bytes() == origin.as_bytes())
            .then(|| origin.clone())
    }
}

impl FromStr for AllowedOrigins {
    type Err = OriginsError;

    /// Reads origins with commas between them; nothing at all is an empty list.
    fn from_str(text: &str) -> Result<Self, OriginsError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let origins: Result<_, _> = text.split(',').map(|part| origin(part.trim())).collect();
        Ok(Self(origins?))
    }
}

/// An origin as a browser sends it.
fn origin(text: &str) -> Result<String, OriginsError> {
    if text.contains('*') || text.eq_ignore_ascii_case("null") {
        return Err(OriginsError::Anybody);
    }
    if !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(OriginsError::NeverSent);
    }
    let (scheme, authority) = text.split_once("://").ok_or(OriginsError::NoOrigin)?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // The colons of an IPv6 address are within its brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if !is_scheme || !is_host(host)? {
        return Err(OriginsError::NoOrigin);
    }
    if let Some(port) = port {
        let number: u16 = port.parse().map_err(|_| OriginsError::NoOrigin)?;
        let is_own = matches!((scheme, number), ("http", 80) | ("https", 443));
        if is_own || number.to_string() != port {
            return Err(OriginsError::NeverSent);
        }
    }
    Ok(text.to_owned())
}

fn is_host(host: &str) -> Result<bool, OriginsError> {
    let Some(address) = host.strip_prefix('[') else {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        return Ok(!host.is_empty() && host.bytes().all(is_name));
    };
    let address = address.strip_suffix(']').ok_or(OriginsError::NoOrigin)?;
    let parsed: Ipv6Addr = address.parse().map_err(|_| OriginsError::NoOrigin)?;
    if parsed.to_string() == address {
        Ok(true)
    } else {
        Err(OriginsError::NeverSent)
    }
}

/// Adds to an answer what the browser of an allowed page needs, and answers its preflights.
pub(crate) fn told(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request();
    let Some(app) = request.app_data::<web::Data<App>>() else {
        return response;
    };
    if app.origins.0.is_empty() {
        return response;
    }
    let origin = app.origins.of(request.headers());
    let mut response = match preflight_methods(&response) {
        Some(methods) if origin.is_some() => {
            let (request, _) = response.into_parts();
            ServiceResponse::new(request, preflight(methods))
        }
        _ => response,
    };
    let headers = response.headers_mut();
    // On every answer: one that was kept for somebody else must not be taken for this page's.
    headers.append(VARY, BY_ORIGIN);
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
    response
}

/// The methods that the route knows, if it was asked what a page may do.
fn preflight_methods(response: &ServiceResponse<BoxBody>) -> Option<HeaderValue> {
    let request = response.request();
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && response.status() == StatusCode::METHOD_NOT_ALLOWED;
    is_preflight
        .then(|| response.headers().get(ALLOW).cloned())
        .flatten()
}

fn preflight(methods: HeaderValue) -> HttpResponse<BoxBody> {
    let mut response = HttpResponse::new(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response.extensions_mut().insert(Code::Done);
    response
}

#[cfg(test)]
mod tests;

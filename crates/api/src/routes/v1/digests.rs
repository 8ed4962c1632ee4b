//! Digest fields (RFC 9530): what a client says its bytes are, and what it wants to be told.
//!
//! Content is neither compressed nor otherwise transformed on its way in, so the content of an upload and the
//! representation are the same bytes, and both fields mean the same digest.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kms_domain::files::Sha256;
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use crate::error::ApiError;

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");
const WANT_CONTENT_DIGEST: HeaderName = HeaderName::from_static("want-content-digest");
/// The one algorithm that is known here: it is what content is identified by.
const SHA_256: &str = "sha-256";

/// The value of either field for content with this digest.
pub(super) fn field(sha256: Sha256) -> String {
    format!("{SHA_256}=:{}:", STANDARD.encode(sha256.as_bytes()))
}

/// What an upload says about its bytes. Algorithms that are not known here say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digests {
    representation: Option<Sha256>,
    content: Option<Sha256>,
}

/// Bytes do not have the digest that their request names.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body does not have the digest that `{0}` names")]
struct Mismatch(&'static str);

impl Digests {
    /// The fields of a request. Code 1: one of them cannot be read, or names a digest that there is not.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self {
            representation: named(headers, &REPR_DIGEST)?,
            content: named(headers, &CONTENT_DIGEST)?,
        })
    }

    /// The one digest that the bytes must have. Code 1: there are two.
    pub(super) fn one(&self) -> Result<Option<Sha256>, ApiError> {
        match (self.representation, self.content) {
            (Some(one), Some(other)) if one != other => Err(ApiError::bad_format(
                "`Repr-Digest` and `Content-Digest` contradict each other",
            )),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// Whether there is anything to check.
    pub(super) const fn say_nothing(&self) -> bool {
        self.representation.is_none() && self.content.is_none()
    }

    /// Code 1 if the body with this digest is not the one that was meant.
    pub(super) fn check(&self, body: Sha256) -> Result<(), ApiError> {
        let named = [
            (self.representation, "Repr-Digest"),
            (self.content, "Content-Digest"),
        ];
        for (digest, name) in named {
            if digest.is_some_and(|digest| digest != body) {
                return Err(ApiError::bad_format(Mismatch(name)));
            }
        }
        Ok(())
    }
}

/// Which digests a client wants to be told. One that says nothing gets that of the representation, which
/// costs nothing: it is how content is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) of_representation: bool,
    pub(super) of_content: bool,
}

impl Wishes {
    /// The wishes of a request. A field that cannot be read is none, as for all preferences.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            of_representation: weight(headers, &WANT_REPR_DIGEST).is_none_or(|weight| weight > 0),
            of_content: weight(headers, &WANT_CONTENT_DIGEST).is_some_and(|weight| weight > 0),
        }
    }
}

/// The weight of our algorithm; 0 means that it is not acceptable.
fn weight(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let weights = dictionary(headers, name)??;
    match weights.get(SHA_256)? {
        ListEntry::Item(item) => match item.bare_item {
            BareItem::Integer(weight) => Some(i64::from(weight)),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    }
}

/// The SHA-256 that a field names.
fn named(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Sha256>, ApiError> {
    let Some(digests) = dictionary(headers, name) else {
        return Ok(None);
    };
    let malformed = |why: &dyn fmt::Display| ApiError::bad_format(format!("`{name}` {why}"));
    let digests = digests.ok_or_else(|| malformed(&"is no dictionary of digests"))?;
    let Some(entry) = digests.get(SHA_256) else {
        return Ok(None);
    };
    let ListEntry::Item(item) = entry else {
        return Err(malformed(&"names a SHA-256 that is a list"));
    };
    let bytes = item.bare_item.as_byte_sequence();
    let digest = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match digest {
        Some(digest) => Ok(Some(Sha256::from_bytes(digest))),
        None => Err(malformed(&"names a SHA-256 that is none")),
    }
}

/// A field that is a dictionary (RFC 9651), over however many lines. `None`: there is none; within: it
/// cannot be read.
fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Option<Option<Dictionary>> {
    let lines: Vec<_> = headers.get_all(name).map(|line| line.as_bytes()).collect();
    if lines.is_empty() {
        return None;
    }
    Some(Parser::new(&lines.join(b", ".as_slice())).parse().ok())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// Of the content `content!`.
    const DIGEST: &str = "sha-256=:Fc4whTlXZ7Ha7bdO80s0oUwLYdzNDBJoEtCkQAcxDIY=:";

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn sha256() -> Sha256 {
        let text = DIGEST.trim_start_matches("sha-256=:").trim_end_matches(':');
        Sha256::from_bytes(STANDARD.decode(text).unwrap().try_into().unwrap())
    }

    #[test]
    fn a_digest_is_written_as_it_is_read() {
        assert_eq!(field(sha256()), DIGEST);
        for name in [REPR_DIGEST, CONTENT_DIGEST] {
            let read = Digests::of(&headers(&[(name, DIGEST)])).unwrap();
            read.check(sha256()).unwrap();
            read.check(Sha256::from_bytes([0; 32])).unwrap_err();
            assert!(!read.say_nothing());
        }
    }

    #[test]
    fn other_algorithms_say_nothing_and_hide_nothing() {
        for value in [
            "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:",
            "unixsum=30637, sha-512=:AAAA:",
            "crc32c=:AAAAAA==:;q=1",
            "",
        ] {
            let read = Digests::of(&headers(&[(REPR_DIGEST, value)])).unwrap();
            assert!(read.say_nothing(), "{value}");
        }
        let both = format!("md5=:AAAA:, {DIGEST};param=1");
        let read = Digests::of(&headers(&[(REPR_DIGEST, &both)])).unwrap();
        assert_eq!(read.representation, Some(sha256()));
        let lines = [(REPR_DIGEST, "md5=:AAAA:"), (REPR_DIGEST, DIGEST)];
        assert_eq!(Digests::of(&headers(&lines)).unwrap(), read);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for value in [
            "sha-256",
            "sha-256=",
            "sha-256=abc",
            "sha-256=1",
            "sha-256=:AAAA:",
            "sha-256=::",
            "sha-256=:Fc4whTlXZ7Ha7bdO80s0oUwLYdzNDBJoEtCkQAcxDIY=",
            "sha-256=(:Fc4whTlXZ7Ha7bdO80s0oUwLYdzNDBJoEtCkQAcxDIY=:)",
            "SHA-256=:Fc4whTlXZ7Ha7bdO80s0oUwLYdzNDBJoEtCkQAcxDIY=:",
            "sha-256=:not base64!:",
            "sha-512=:not base64!:",
            ",",
            "=",
        ] {
            let lines = headers(&[(REPR_DIGEST, value)]);
            assert!(Digests::of(&lines).is_err(), "{value}");
        }
    }

    #[test]
    fn wishes_that_can_be_read_are_granted() {
        let wishes = |lines: &[(HeaderName, &str)]| {
            let wishes = Wishes::of(&headers(lines));
            (wishes.of_representation, wishes.of_content)
        };
        assert_eq!(wishes(&[]), (true, false));
        for (value, representation, content) in [
            ("sha-256=10", true, true),
            ("sha-512=3, sha-256=1", true, true),
            ("sha-256=0", false, false),
            ("sha-512=10", true, false),
            ("sha-256=?1", true, false),
            ("nonsense=", true, false),
        ] {
            let both = [(WANT_REPR_DIGEST, value), (WANT_CONTENT_DIGEST, value)];
            assert_eq!(wishes(&both), (representation, content), "{value}");
        }
    }
}

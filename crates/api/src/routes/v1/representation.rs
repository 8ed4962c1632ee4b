//! Stored bytes as the answer to GET and HEAD: whole or in part, with all that HTTP says about them.

use actix_web::body::{BoxBody, SizedStream};
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::stream;
use kms_domain::Timestamp;
use kms_domain::codes::Code;
use kms_domain::files::{Download, Sha256};

use serde_json::json;

use super::conditional::{Conditions, Validators, Verdict};
use super::digests::{self, Wishes};
use super::disposition::Disposition;
use super::inline::{self, OCTETS};
use super::problem;
use super::query::query;
use super::range::{Range, Span};
use super::reply::insert;
use crate::blocks::{Blocks, Wire};
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::middleware::RequestId;
use crate::openapi::{Field, Kind, optional};

const QUERY: Shape = Shape {
    fields: &["disposition"],
    payload: None,
};
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
/// A browser may keep it, but asks each time whether it may still show it.
pub(super) const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Whatever the bytes are, a browser that shows them runs nothing of them, and nobody's page shows them
/// as its own.
pub(super) const SANDBOX: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// The media types of bytes: as they are, unless they are asked for inline and harmless.
pub(super) const ANY_BYTES: &str = "*/*";

pub(super) const DISPOSITION: Field = optional(
    "disposition",
    Kind::of(|_| json!({"type": "string", "enum": ["attachment", "inline"]})),
    "`inline` to be shown in a browser, which a few harmless types are; everything else is an attachment.",
);
/// Conditions and ranges, of which those that make no sense are ignored.
const LINE: Kind = Kind::of(|_| json!({"type": "string"}));
pub(super) const RANGE: Field = optional("Range", LINE, "One range of bytes.");
pub(super) const IF_NONE_MATCH: Field = optional(
    "If-None-Match",
    LINE,
    "Tags that are not to be those of what is there.",
);
pub(super) const IF_MATCH: Field = optional(
    "If-Match",
    LINE,
    "Tags of which one is to be that of what is there.",
);

/// What a request asks for.
pub(super) struct Wanted {
    conditions: Conditions,
    /// Always `None` for HEAD, which knows no ranges.
    range: Option<Range>,
    with_body: bool,
    disposition: Disposition,
    digests: Wishes,
}

impl Wanted {
    /// What the head of a request asks for. Code 1: its query asks for what there is not.
    pub(super) fn of(head: &HttpRequest) -> Result<Self, ApiError> {
        let with_body = head.method() != Method::HEAD;
        let query = query(head.query_string(), QUERY)?;
        let disposition = match query.optional_text("disposition")? {
            None | Some("attachment") => Disposition::Attachment,
            Some("inline") => Disposition::Inline,
            Some(_) => {
                return Err(ApiError::bad_format(
                    "the disposition is `attachment` or `inline`",
                ));
            }
        };
        Ok(Self {
            conditions: Conditions::of(head.headers()),
            range: Range::of(head.headers()).filter(|_| with_body),
            with_body,
            disposition,
            digests: Wishes::of(head.headers()),
        })
    }
}

/// Stored bytes that a caller may read.
pub(super) struct Source {
    /// What they are called; it need not be the name of a file.
    pub(super) name: String,
    /// Since when they are what they are, where that is known.
    pub(super) stored: Option<Timestamp>,
    pub(super) content: Download,
}

/// Such bytes, and what of them is the answer.
pub(super) struct Found {
    name: String,
    disposition: Disposition,
    media_type: HeaderValue,
    sha256: Sha256,
    digests: Wishes,
    validators: Validators,
    size: u64,
    selected: Selected,
}

enum Selected {
    NotModified,
    PreconditionFailed,
    NotSatisfiable,
    Head,
    Whole(Blocks),
    Part(Span, Blocks),
}

impl Found {
    /// Opens as much as is wanted. Blocks: for use inside a storage job.
    pub(super) fn select(source: Source, wanted: &Wanted) -> Result<Self, ApiError> {
        let (name, sha256) = (source.name, source.content.sha256());
        let size = source.content.size();
        let validators = Validators::new(sha256, source.stored);
        let verdict = wanted.conditions.judge(&validators);
        // Where no content follows, nobody asks what it is, and none is read.
        let (disposition, media_type, content) = match (wanted.disposition, verdict) {
            (Disposition::Inline, Verdict::Proceed) => inline::judge(source.content)?,
            _ => (Disposition::Attachment, OCTETS, source.content),
        };
        let range = wanted
            .range
            .filter(|_| wanted.conditions.allow_part(&validators));
        let selected = match (verdict, range) {
            (Verdict::NotModified, _) => Selected::NotModified,
            (Verdict::Failed, _) => Selected::PreconditionFailed,
            (Verdict::Proceed, Some(range)) => match range.within(size) {
                Some(span) => {
                    let part = content.part(span.start, span.length)?;
                    Selected::Part(span, Blocks::open(Box::new(part), Wire::Raw)?)
                }
                None => Selected::NotSatisfiable,
            },
            (Verdict::Proceed, None) if wanted.with_body => {
                Selected::Whole(Blocks::open(Box::new(content), Wire::Raw)?)
            }
            (Verdict::Proceed, None) => Selected::Head,
        };
        Ok(Self {
            name,
            disposition,
            media_type,
            sha256,
            digests: wanted.digests,
            validators,
            size,
            selected,
        })
    }

    /// Whether anything of the content leaves: not if the client has it, or asked for the headers alone.
    pub(super) const fn sends_bytes(&self) -> bool {
        matches!(self.selected, Selected::Whole(_) | Selected::Part(..))
    }

    /// The answer.
    pub(super) fn render(self, code: Code, call: &Call) -> Result<HttpResponse, ApiError> {
        let body = |blocks: Blocks| {
            let length = blocks.length();
            let stream = blocks.into_stream(call.app.clone(), RequestId::of(&call.head));
            BoxBody::new(SizedStream::new(length, Box::pin(stream)))
        };
        let is_whole = matches!(self.selected, Selected::Whole(_));
        let mut response = match self.selected {
            Selected::PreconditionFailed => {
                return Ok(problem::answer(
                    StatusCode::PRECONDITION_FAILED,
                    Code::BadFormat,
                    Some("the content is not the one that the request is conditional on"),
                ));
            }
            Selected::NotSatisfiable => {
                let mut response = problem::answer(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    Code::BadFormat,
                    Some("the range begins behind the end of the content"),
                );
                let headers = response.headers_mut();
                insert(headers, CONTENT_RANGE, &format!("bytes */{}", self.size))?;
                headers.insert(ACCEPT_RANGES, BYTES);
                return Ok(response);
            }
            Selected::NotModified => HttpResponse::new(StatusCode::NOT_MODIFIED),
            Selected::Head => {
                let none = stream::empty::<Result<Bytes, ApiError>>();
                HttpResponse::new(StatusCode::OK)
                    .set_body(BoxBody::new(SizedStream::new(self.size, none)))
            }
            Selected::Whole(blocks) => HttpResponse::new(StatusCode::OK).set_body(body(blocks)),
            Selected::Part(span, blocks) => {
                let mut response =
                    HttpResponse::new(StatusCode::PARTIAL_CONTENT).set_body(body(blocks));
                let value = span.content_range(self.size);
                insert(response.headers_mut(), CONTENT_RANGE, &value)?;
                response
            }
        };
        response.extensions_mut().insert(code);
        let is_content = response.status() != StatusCode::NOT_MODIFIED;
        let headers = response.headers_mut();
        // A 304 has the headers that a cache would otherwise keep from before.
        insert(headers, ETAG, &self.validators.etag)?;
        if let Some(modified) = self.validators.modified {
            insert(headers, LAST_MODIFIED, &modified.to_string())?;
        }
        headers.insert(CACHE_CONTROL, REVALIDATE);
        headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
        if is_content {
            headers.insert(CONTENT_TYPE, self.media_type);
            headers.insert(ACCEPT_RANGES, BYTES);
            insert(
                headers,
                CONTENT_DISPOSITION,
                &self.disposition.value(&self.name),
            )?;
            // Of the whole, also where only a part of it follows.
            if self.digests.of_representation {
                insert(headers, REPR_DIGEST, &digests::field(self.sha256))?;
            }
            // Of what follows; for a part nobody has computed it.
            if self.digests.of_content && is_whole {
                insert(headers, CONTENT_DIGEST, &digests::field(self.sha256))?;
            }
        }
        Ok(response)
    }
}

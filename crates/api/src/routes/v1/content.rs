use actix_web::body::{BoxBody, SizedStream};
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::stream;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{FileId, OpenOutcome, OpenedFile, Title};
use serde_json::json;

use super::conditional::{Conditions, Validators, Verdict};
use super::disposition::attachment;
use super::problem;
use super::range::{Range, Span};
use crate::blocks::{Blocks, Wire};
use crate::call::{Call, authenticate};
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, FID, Header, Kind, Operation, Parameter, Tag, answer, example, optional,
    required, sample,
};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
/// A browser may keep it, but asks each time whether it may still show it.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Whatever the bytes are, a browser that shows them runs nothing of them, and nobody's page shows them
/// as its own.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

const CONTENT_HEADERS: &[Header] = &[
    Header {
        name: "ETag",
        about: "The content's SHA-256 in hex, quoted; strong.",
    },
    Header {
        name: "Last-Modified",
        about: "When the entry was stored.",
    },
];
/// Lines of conditions and ranges, of which those that make no sense are ignored.
const LINE: Kind = Kind::of(|_| json!({"type": "string"}));

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Reads a file, or a part of it",
    about: "An own entry or a public one. Conditions mean what RFC 9110 says; several ranges are answered with the whole.",
    access: Access::Session,
    parameters: &[
        Parameter::Path(required("fid", FID, "The entry.")),
        Parameter::Header(optional("Range", LINE, "One range of bytes.")),
        Parameter::Header(optional("If-None-Match", LINE, "304 if the client has the content already.")),
        Parameter::Header(optional("If-Match", LINE, "412 if the client means another content.")),
    ],
    body: Body::None,
    answers: &[
        answer(Code::FileFound, "the content").of("application/octet-stream").headers(CONTENT_HEADERS),
        answer(Code::FileFound, "a part of the content")
            .at(206)
            .of("application/octet-stream")
            .headers(CONTENT_HEADERS),
        answer(Code::FileFound, "the client has the content already")
            .at(304)
            .empty()
            .headers(CONTENT_HEADERS),
        answer(Code::NotFound, "no such entry for this user, or no id at all"),
        answer(Code::BadFormat, "the content is not the one that the request is conditional on").at(412),
        answer(Code::BadFormat, "not a byte of the range is there").at(416).headers(&[Header {
            name: "Content-Range",
            about: "`bytes */` and the size.",
        }]),
    ],
    examples: &[
        example("whole", "The bytes as they are", Code::FileFound)
            .asks(|| json!({"fid": sample::CREATED}))
            .gets(|| json!("hello")),
        example("part", "Two of them", Code::FileFound)
            .at(206)
            .asks(|| json!({"fid": sample::CREATED, "Range": "bytes=1-2"}))
            .gets(|| json!("el")),
        example("known", "What the client has already", Code::FileFound)
            .at(304)
            .asks(|| json!({"fid": sample::CREATED, "If-None-Match": format!("\"{}\"", sample::SHA256)})),
        example("behind", "A part behind the end", Code::BadFormat)
            .at(416)
            .asks(|| json!({"fid": sample::CREATED, "Range": "bytes=99-"}))
            .gets(|| json!({"detail": "the range begins behind the end of the content"})),
        example("other", "Another content than is meant", Code::BadFormat)
            .at(412)
            .asks(|| json!({"fid": sample::CREATED, "If-Match": "\"another\""}))
            .gets(|| {
                json!({"detail": "the content is not the one that the request is conditional on"})
            }),
    ],
};

/// The same without the bytes. It knows no ranges.
pub(in crate::routes) const OPERATION_HEAD: Operation = Operation {
    summary: "Tells what reading a file would",
    examples: &[example("head", "The headers alone", Code::FileFound)
        .asks(|| json!({"fid": sample::CREATED}))],
    ..OPERATION
};

/// `GET` and `HEAD /api/v1/files/{fid}/content`: a file that the caller may read, or a part of it.
/// 200, 206, 304, 412, 416; codes 140, 2, 1.
pub(super) async fn content(call: Call) -> Result<HttpResponse, ApiError> {
    let token = call.bearer_token()?;
    let fid = call.head.match_info().get("fid").and_then(FileId::parse);
    let wanted = Wanted::of(&call.head);
    let (code, found) = call
        .app
        .run(Lane::Storage, move |services| {
            let actor = authenticate(services, &token)?;
            let outcome = match fid {
                Some(id) => services.files.open(&actor, id)?,
                None => OpenOutcome::NotFound,
            };
            let code = outcome.code();
            match outcome {
                OpenOutcome::Opened(file) => Ok((code, Found::select(*file, &wanted)?)),
                OpenOutcome::NotFound => Err(ApiError::new(code)),
            }
        })
        .await?;
    found.render(code, &call)
}

/// What a request asks for.
struct Wanted {
    conditions: Conditions,
    /// Always `None` for HEAD, which knows no ranges.
    range: Option<Range>,
    with_body: bool,
}

impl Wanted {
    fn of(head: &HttpRequest) -> Self {
        let with_body = head.method() != Method::HEAD;
        Self {
            conditions: Conditions::of(head.headers()),
            range: Range::of(head.headers()).filter(|_| with_body),
            with_body,
        }
    }
}

/// An entry, and what of it is the answer.
struct Found {
    title: Title,
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
    fn select(file: OpenedFile, wanted: &Wanted) -> Result<Self, ApiError> {
        let content = file.content;
        let size = content.size();
        let validators = Validators::new(content.sha256(), file.created_at);
        let range = wanted
            .range
            .filter(|_| wanted.conditions.allow_part(&validators));
        let selected = match (wanted.conditions.judge(&validators), range) {
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
            title: file.title,
            validators,
            size,
            selected,
        })
    }

    fn render(self, code: Code, call: &Call) -> Result<HttpResponse, ApiError> {
        let body = |blocks: Blocks| {
            let length = blocks.length();
            let stream = blocks.into_stream(call.app.clone(), RequestId::of(&call.head));
            BoxBody::new(SizedStream::new(length, Box::pin(stream)))
        };
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
        insert(
            headers,
            LAST_MODIFIED,
            &self.validators.modified.to_string(),
        )?;
        headers.insert(CACHE_CONTROL, REVALIDATE);
        headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
        if is_content {
            headers.insert(CONTENT_TYPE, OCTETS);
            headers.insert(ACCEPT_RANGES, BYTES);
            insert(
                headers,
                CONTENT_DISPOSITION,
                &attachment(self.title.as_str()),
            )?;
        }
        Ok(response)
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), ApiError> {
    let value = HeaderValue::from_str(value)
        .map_err(|error| ApiError::because(Code::ServerError, error))?;
    headers.insert(name, value);
    Ok(())
}

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::OpenOutcome;
use serde_json::json;

use super::representation::{
    ANY_BYTES, DISPOSITION, Found, IF_MATCH, IF_NONE_MATCH, RANGE, Source, Wanted,
};
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, FID, Header, Operation, Parameter, Tag, answer, example, required, sample,
};

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
pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Reads a file, or a part of it",
    about: "An own entry or a public one. Conditions mean what RFC 9110 says; several ranges are answered with the whole. `Repr-Digest` tells the SHA-256 unless it is not wanted.",
    access: Access::Session,
    parameters: &[
        Parameter::Path(required("fid", FID, "The entry.")),
        Parameter::Query(DISPOSITION),
        Parameter::Header(RANGE),
        Parameter::Header(IF_NONE_MATCH),
        Parameter::Header(IF_MATCH),
    ],
    body: Body::None,
    answers: &[
        answer(Code::FileFound, "the content").of(ANY_BYTES).headers(CONTENT_HEADERS),
        answer(Code::FileFound, "a part of the content")
            .at(206)
            .of(ANY_BYTES)
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
    let fid = call.fid();
    let wanted = Wanted::of(&call.head);
    let (code, found) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let wanted = wanted?;
            let outcome = match fid {
                Some(id) => services.files.open(actor, id)?,
                None => OpenOutcome::NotFound,
            };
            let code = outcome.code();
            let OpenOutcome::Opened(file) = outcome else {
                return Err(ApiError::new(code));
            };
            let shared = file.shared;
            let source = Source {
                name: file.title.as_str().to_owned(),
                stored: Some(file.created_at),
                content: file.content,
            };
            let found = Found::select(source, &wanted)?;
            if found.sends_bytes() {
                services.files.note_download(actor, shared);
            }
            Ok((code, found))
        })
        .await?;
    found.render(code, &call)
}

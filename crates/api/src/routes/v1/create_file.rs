use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{FileReceipt, OnceOutcome, Title, UploadOutcome};
use serde_json::json;

use super::conditions::UploadConditions;
use super::digests::Digests;
use super::form::{self, FORM};
use super::problem::Unmet;
use super::query::query;
use super::reply;
use super::representation::IF_NONE_MATCH;
use crate::call::{Call, as_actor, is_form};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, DATA, Described, FID, Header, Kind, MD5, MOMENT, Operation, Parameter,
    SHA256, TITLE, Tag, answer, described, example, optional, required, sample,
};
use crate::quota;
use crate::receive;
use crate::routes::upload::{Input, begin, store};

const QUERY: Shape = Shape {
    fields: &["name", "md5", "sha256", "public"],
    payload: None,
};

described! {
    pub(super) struct CreatedReply<'a> {
        /// The new entry.
        fid: &'a str as FID,
        /// Its title.
        name: &'a str as TITLE,
        /// Bytes.
        size: u64,
        /// Digest of the bytes.
        md5: String as MD5,
        /// Digest of the bytes.
        sha256: String as SHA256,
        /// Whether others may read it.
        public: bool,
        /// When it was stored.
        date: i64 as MOMENT,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Stores a file",
    about: "Answered alike whether or not the server knew the bytes. They and the entry are on disk then.",
    access: Access::Session,
    parameters: &[
        Parameter::Query(optional(
            "name",
            TITLE,
            "The title; required, unless the body is a form that has it.",
        )),
        Parameter::Query(optional("public", BOOL, "Whether others may read it.")),
        Parameter::Query(optional("md5", MD5, "Must match the body.")),
        Parameter::Query(optional("sha256", SHA256, "Must match the body.")),
        Parameter::Header(optional(
            "Idempotency-Key",
            KEY,
            "The same request with the same key is answered once more and stores nothing.",
        )),
        Parameter::Header(IF_NONE_MATCH),
    ],
    body: Body::BytesOrForm(
        "The file: at least one byte of anything, under any Content-Type but that of a form, or none.",
        FORM,
        &[
            required("name", TITLE, ""),
            required("file", DATA, "The file. `data` is understood as well."),
            optional("md5", MD5, "Must match the file."),
            optional("sha256", SHA256, "Must match the file."),
            optional("public", BOOL, "Whether others may read it."),
        ],
    ),
    answers: &[
        answer(Code::FileStored, "")
            .with(CreatedReply::schema)
            .headers(&[Header {
                name: "Location",
                about: "The path of the content.",
            }]),
        answer(Code::Busy, "a request with this key is on its way").at(409),
        answer(
            Code::BadFormat,
            "the account has an entry over this content already",
        )
        .at(412),
        answer(Code::BadFormat, "the key was used for another request").at(422),
    ],
    examples: &[
        example(
            "create",
            "A file of five bytes that only its owner can read",
            Code::FileStored,
        )
        .asks(|| json!({"name": "hello.txt", "public": false}))
        .sends(|| json!("hello"))
        .gets(|| {
            json!({
                "fid": sample::CREATED,
                "name": "hello.txt",
                "size": 5,
                "md5": sample::MD5,
                "sha256": sample::SHA256,
                "public": false,
                "date": sample::CREATED_AT,
            })
        }),
        example(
            "held",
            "The same once more, unless it is there",
            Code::BadFormat,
        )
        .at(412)
        .asks(|| json!({"name": "hello.txt", "If-None-Match": "*"}))
        .sends(|| json!("hello"))
        .gets(|| json!({"detail": "there is an entry over this content already"})),
    ],
};

const KEY: Kind = Kind::of(|_| json!({"type": "string", "pattern": KEY_PATTERN}));
/// 1 to 255 printable characters between quotes, where a backslash stands in front of quotes and of itself;
/// or without quotes, and without what would take them apart.
const KEY_PATTERN: &str = r#"^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-+\--:<-~]{1,255})$"#;

/// `POST /api/v1/files`: stores the body, or the file in a form, as a file. 201, 409, 412, 422; codes 130, 1.
pub(super) async fn create_file(mut call: Call) -> Result<HttpResponse, ApiError> {
    call.foresee_payload().await?;
    let (token, room) = call.admit_bearer().await?;
    let conditions = UploadConditions::of(call.head.headers())?;
    let digests = Digests::of(call.head.headers())?;
    let app = call.app.clone();
    let (admitted, upload, input) = if is_form(&call.head) {
        let admitted = conditions.admit(&call, room, None).await?;
        let (input, upload) = form::receive(call, digests, admitted.room).await?;
        (admitted, upload, input)
    } else {
        let input = Input::parse(&query(call.head.query_string(), QUERY)?)?;
        let input = input.with_digest(digests.one()?)?;
        let admitted = conditions
            .admit(&call, room, Some(input.clone().with_bytes()))
            .await?;
        let limit = call.app.limits.file;
        let (body, request) = call.open(limit)?;
        let upload = receive::raw(body, &request, begin, admitted.room).await?;
        (admitted, upload, Ok(input))
    };
    // Without one, nothing is stored that could be called so.
    let title = input.as_ref().ok().map(|input| input.title().clone());
    let outcome = if conditions.are_none() {
        let uploaded = store(&app, Ok(token), upload, input).await?;
        OnceOutcome::Uploaded(uploaded)
    } else {
        as_actor(&app, Lane::Storage, Ok(token), move |services, actor| {
            // The key is in use as long as this runs, whether or not the client waits, so that a repetition
            // finds what the first one has stored.
            let _in_use = admitted;
            let (input, upload) = (input?, upload.finish(services)?);
            let once = conditions.for_content(upload.sha256);
            let outcome = services
                .once
                .store(actor, upload, input.with_bytes(), once)?;
            quota::uploaded_once(actor.user(), outcome)
        })
        .await?
    };
    render(outcome, title.as_ref().map_or("", Title::as_str))
}

/// Known and new content are answered alike, and so is an upload that was answered before.
fn render(outcome: OnceOutcome, title: &str) -> Result<HttpResponse, ApiError> {
    let code = outcome.code();
    match outcome {
        OnceOutcome::Uploaded(UploadOutcome::Stored(receipt) | UploadOutcome::Linked(receipt))
        | OnceOutcome::Repeated(receipt) => created(code, &receipt, title),
        OnceOutcome::Uploaded(UploadOutcome::Empty) => {
            Err(ApiError::because(code, "the file is empty"))
        }
        OnceOutcome::Uploaded(UploadOutcome::OverQuota) => Err(ApiError::new(code)),
        OnceOutcome::Uploaded(UploadOutcome::DigestMismatch) => Err(ApiError::because(
            code,
            "the file does not have the digest that the request names",
        )),
        OnceOutcome::KeyReused => Err(ApiError::because(code, Unmet::KeyReused)),
        OnceOutcome::Held => Err(ApiError::because(code, Unmet::Held)),
    }
}

pub(super) fn created(
    code: Code,
    receipt: &FileReceipt,
    title: &str,
) -> Result<HttpResponse, ApiError> {
    let fid = receipt.id.to_string();
    let path = format!("/api/v1/files/{fid}/content");
    let created = CreatedReply {
        fid: &fid,
        name: title,
        size: receipt.size,
        md5: receipt.md5.to_string(),
        sha256: receipt.sha256.to_string(),
        public: receipt.visibility.is_public(),
        date: receipt.created_at.as_millis(),
    };
    reply::created(code, &created, &path)
}

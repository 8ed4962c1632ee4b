use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::UploadOutcome;
use serde_json::json;

use crate::answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::{Fields, Scanner, Shape};
use crate::openapi::{
    Access, BOOL, Body, Described, FID, Header, MD5, MOMENT, Operation, Parameter, SHA256, TITLE,
    Tag, answer, described, example, optional, required, sample,
};
use crate::receive;
use crate::routes::upload::{Input, begin, store};

const QUERY: Shape = Shape {
    fields: &["name", "md5", "sha256", "public"],
    payload: None,
};

described! {
    struct CreatedReply<'a> {
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
        Parameter::Query(required("name", TITLE, "The title.")),
        Parameter::Query(optional("public", BOOL, "Whether others may read it.")),
        Parameter::Query(optional("md5", MD5, "Must match the body.")),
        Parameter::Query(optional("sha256", SHA256, "Must match the body.")),
    ],
    body: Body::Bytes("The file: at least one byte of anything, under any Content-Type or none."),
    answers: &[answer(Code::FileStored, "")
        .with(CreatedReply::schema)
        .headers(&[Header {
            name: "Location",
            about: "The path of the content.",
        }])],
    examples: &[example(
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
    })],
};

/// `POST /api/v1/files?name=…`: stores the body as a file. 201; codes 130, 1.
pub(super) async fn create_file(call: Call) -> Result<HttpResponse, ApiError> {
    let (token, room) = call.admit_bearer().await?;
    let input = Input::parse(&query(call.head.query_string())?)?;
    let title = input.title().clone();
    let limit = call.app.limits.file;
    let (body, request) = call.open(limit)?;
    let upload = receive::raw(body, &request, begin, room).await?;
    let outcome = store(&request.app, Ok(token), upload, Ok(input)).await?;
    render(outcome, title.as_str())
}

/// A query is written like a form, and read like one.
fn query(text: &str) -> Result<Fields, ApiError> {
    let mut scanner = Scanner::form(QUERY);
    // A shape without a payload field yields no payload.
    let mut none = Vec::new();
    scanner.feed(text.as_bytes(), &mut none)?;
    Ok(scanner.finish(&mut none)?)
}

/// Known and new content are answered alike.
fn render(outcome: UploadOutcome, title: &str) -> Result<HttpResponse, ApiError> {
    let receipt = match outcome {
        UploadOutcome::Stored(receipt) | UploadOutcome::Linked(receipt) => receipt,
        UploadOutcome::Empty => return Err(ApiError::because(outcome.code(), "the body is empty")),
        UploadOutcome::OverQuota => return Err(ApiError::new(outcome.code())),
        UploadOutcome::DigestMismatch => {
            return Err(ApiError::because(
                outcome.code(),
                "the body does not have the digest that the query names",
            ));
        }
    };
    let fid = receipt.id.to_string();
    let failed = |error| ApiError::because(Code::ServerError, error);
    let text = serde_json::to_string(&CreatedReply {
        fid: &fid,
        name: title,
        size: receipt.size,
        md5: receipt.md5.to_string(),
        sha256: receipt.sha256.to_string(),
        public: receipt.visibility.is_public(),
        date: receipt.created_at.as_millis(),
    })
    .map_err(failed)?;
    let location = HeaderValue::try_from(format!("/api/v1/files/{fid}/content"))
        .map_err(|error| ApiError::because(Code::ServerError, error))?;
    let mut response = answer::json(outcome.code(), text);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::UploadOutcome;
use serde::Serialize;

use super::query::query;
use crate::answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::receive;
use crate::routes::upload::{Input, begin, store};

const QUERY: Shape = Shape {
    fields: &["name", "md5", "sha256", "public"],
    payload: None,
};

#[derive(Serialize)]
struct CreatedReply<'a> {
    fid: &'a str,
    name: &'a str,
    size: u64,
    md5: String,
    sha256: String,
    public: bool,
    date: i64,
}

/// `POST /api/v1/files?name=…`: stores the body as a file. 201; codes 130, 1.
pub(super) async fn create_file(call: Call) -> Result<HttpResponse, ApiError> {
    let (token, room) = call.admit_bearer().await?;
    let input = Input::parse(&query(call.head.query_string(), QUERY)?)?;
    let title = input.title().clone();
    let limit = call.app.limits.file;
    let (body, request) = call.open(limit)?;
    let upload = receive::raw(body, &request, begin, room).await?;
    let outcome = store(&request.app, Ok(token), upload, Ok(input)).await?;
    render(outcome, title.as_str())
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

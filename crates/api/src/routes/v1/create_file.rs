use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{FileReceipt, OnceOutcome, UploadOutcome};
use serde::Serialize;

use super::conditions::Conditions;
use super::digests::Digests;
use super::form::{self, is_form};
use super::problem::Unmet;
use super::query::query;
use super::reply;
use crate::call::{Call, as_actor};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::quota;
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

/// `POST /api/v1/files`: stores the body, or the file in a form, as a file. 201, 409, 412, 422; codes 130, 1.
pub(super) async fn create_file(call: Call) -> Result<HttpResponse, ApiError> {
    let (token, room) = call.admit_bearer().await?;
    let conditions = Conditions::of(call.head.headers())?;
    let digests = Digests::of(call.head.headers())?;
    let app = call.app.clone();
    let (admitted, upload, input) = if is_form(&call.head) {
        let admitted = conditions.admit(&call, room, None).await?;
        let (fields, upload) = form::receive(call, digests, admitted.room).await?;
        (admitted, upload, Input::parse(&fields)?)
    } else {
        let input = Input::parse(&query(call.head.query_string(), QUERY)?)?;
        let input = input.with_digest(digests.one()?)?;
        let admitted = conditions
            .admit(&call, room, Some(input.clone().with_bytes()))
            .await?;
        let limit = call.app.limits.file;
        let (body, request) = call.open(limit)?;
        let upload = receive::raw(body, &request, begin, admitted.room).await?;
        (admitted, upload, input)
    };
    let title = input.title().clone();
    let outcome = if conditions.are_none() {
        store(&app, Ok(token), upload, Ok(input))
            .await
            .map(OnceOutcome::Uploaded)
    } else {
        as_actor(&app, Lane::Storage, Ok(token), move |services, actor| {
            let upload = upload.finish(services)?;
            let once = conditions.for_content(upload.sha256);
            let outcome = services
                .once
                .store(actor, upload, input.with_bytes(), once)?;
            quota::uploaded_once(actor.user(), outcome)
        })
        .await
    };
    // Until here, so that a repetition finds what the first one has stored.
    drop(admitted);
    render(outcome?, title.as_str())
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

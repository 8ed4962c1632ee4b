use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::ClaimOutcome;

use super::create_file::{CreatedReply, created};
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::{FieldError, Shape};
use crate::offload::Lane;
use crate::openapi::{
    BOOL, Body, Described, MD5, Operation, SHA256, TITLE, answer, optional, plain, required,
};
use crate::quota;
use crate::routes::upload::{Input, claim};

const BODY: Shape = Shape {
    fields: &["name", "sha256", "md5", "public"],
    payload: None,
};

pub(in crate::routes) const OPERATION: Operation = plain(
    "Links to bytes that the server has",
    &[],
    Body::Object(
        BODY,
        &[
            required("name", TITLE, ""),
            optional("sha256", SHA256, "This or `md5`."),
            optional("md5", MD5, "This or `sha256`."),
            optional("public", BOOL, "Whether others may read it."),
        ],
    ),
    &[
        answer(Code::FileLinked, "the entry").with(CreatedReply::schema),
        answer(Code::NotFound, "send the bytes"),
    ],
);

/// `POST /api/v1/files/claims`: stores an entry over bytes that the server has, and that the caller could
/// read anyway. 201; codes 131, 2, 1.
pub(super) async fn claim_file(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read_signed_json(BODY).await?;
    let input = Input::parse(&request.fields)?;
    let title = input.title().clone();
    let outcome = match input.digests() {
        (Some(_), _) => {
            request
                .begin_as_actor(move |services, actor, finish| {
                    claim(services, actor, input, finish)
                })
                .await?
        }
        (None, Some(sha256)) => {
            request
                .as_actor(Lane::Storage, move |services, actor| {
                    let file = input.with_bytes();
                    let once = &services.once;
                    let outcome = once.claim(actor, file.title, file.visibility, sha256)?;
                    quota::claimed(actor.user(), outcome)
                })
                .await?
        }
        (None, None) => return Err(FieldError::Missing("sha256").into()),
    };
    match outcome {
        ClaimOutcome::Linked(receipt) => created(outcome.code(), &receipt, title.as_str()),
        ClaimOutcome::NotHeld | ClaimOutcome::OverQuota => Err(ApiError::new(outcome.code())),
    }
}

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::ClaimOutcome;
use serde_json::json;

use super::create_file::{CreatedReply, created};
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::{FieldError, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, Described, Header, MD5, Operation, SHA256, TITLE, Tag, answer, example,
    optional, required, sample,
};
use crate::quota;
use crate::routes::upload::{Input, claim};

const BODY: Shape = Shape {
    fields: &["name", "sha256", "md5", "public"],
    payload: None,
};

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Makes an entry over bytes that the server has",
    about: "If the caller could read them anyway. Every other reason is 404, on which the client sends the file. `sha256` or `md5` must be there.",
    access: Access::Session,
    parameters: &[],
    body: Body::Json(
        Some(BODY),
        &[
            required("name", TITLE, ""),
            optional("sha256", SHA256, ""),
            optional("md5", MD5, ""),
            optional("public", BOOL, "Whether others may read it."),
        ],
    ),
    answers: &[
        answer(Code::FileLinked, "")
            .with(CreatedReply::schema)
            .headers(&[Header {
                name: "Location",
                about: "The path of the content.",
            }]),
        answer(
            Code::NotFound,
            "the server does not hold these bytes for this user: send them",
        ),
    ],
    examples: &[
        example("claim", "Known bytes", Code::FileLinked)
            .sends(|| json!({"name": "claimed.txt", "sha256": sample::SHA256}))
            .gets(|| {
                json!({
                    "fid": sample::CLAIMED,
                    "name": "claimed.txt",
                    "size": 5,
                    "md5": sample::MD5,
                    "sha256": sample::SHA256,
                    "public": true,
                    "date": sample::CLAIMED_AT,
                })
            }),
        example("unknown", "Bytes that nobody has", Code::NotFound)
            .sends(|| json!({"name": "claimed.txt", "sha256": "0".repeat(64)})),
    ],
};

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

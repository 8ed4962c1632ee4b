use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::DeleteOutcome;
use serde_json::json;

use super::entry::Precondition;
use super::reply;
use super::representation::IF_MATCH;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, FID, Operation, Parameter, Tag, answer, example, required, sample,
};

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Deletes an entry of one's own",
    about: "Who else has an entry over the same content keeps it.",
    access: Access::Session,
    parameters: &[
        Parameter::Path(required("fid", FID, "The entry.")),
        Parameter::Header(IF_MATCH),
    ],
    body: Body::None,
    answers: &[
        answer(Code::FileDeleted, "the entry is in the trash")
            .at(204)
            .empty(),
        answer(Code::NotFound, "the caller has no such entry"),
        answer(
            Code::BadFormat,
            "the entry is not what the request is conditional on",
        )
        .at(412),
    ],
    examples: &[
        example("delete", "An end to an entry", Code::FileDeleted)
            .at(204)
            .asks(|| json!({"fid": sample::CREATED})),
        example("other", "And to another", Code::FileDeleted)
            .at(204)
            .asks(|| json!({"fid": sample::CLAIMED})),
        example("again", "It is gone", Code::NotFound).asks(|| json!({"fid": sample::CREATED})),
    ],
};

/// `DELETE /api/v1/files/{fid}`: an entry of the caller's own. 204; code 2 for every other, whether
/// or not there is one. 412 where it has changed since.
pub(super) async fn delete_file(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.fid();
    let precondition = Precondition::of(call.head.headers());
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let outcome = match fid {
                Some(id) => {
                    precondition.judge(services, actor, id)?;
                    services.files.delete(actor, id)?
                }
                None => DeleteOutcome::NotFound,
            };
            match outcome {
                DeleteOutcome::Deleted => Ok(outcome.code()),
                DeleteOutcome::NotFound => Err(ApiError::new(outcome.code())),
            }
        })
        .await?;
    Ok(reply::nothing(code))
}

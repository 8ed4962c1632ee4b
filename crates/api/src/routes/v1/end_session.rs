use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use serde_json::json;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Kind, Operation, Parameter, Tag, answer, example, required, sample,
};
use crate::origin::origin;
use crate::routes::sessions::{revoke, which};

const WHICH: Kind = Kind::of(
    |_| json!({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "string", "const": "others"}]}),
);

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Sessions,
    summary: "Ends a session",
    about: "",
    access: Access::Session,
    parameters: &[Parameter::Path(required(
        "id",
        WHICH,
        "The session, or `others` for all but the asking one.",
    ))],
    body: Body::None,
    answers: &[
        answer(Code::Done, "it has ended").at(204).empty(),
        answer(Code::NotFound, "the account has no such session"),
    ],
    examples: &[
        example("others", "An end to all others", Code::Done)
            .at(204)
            .asks(|| json!({"id": "others"})),
        example("unknown", "A session that is not there", Code::NotFound)
            .asks(|| json!({"id": sample::NOTHING})),
    ],
};

/// The session that asks.
pub(in crate::routes) const OPERATION_CURRENT: Operation = Operation {
    summary: "Ends the session that asks",
    parameters: &[],
    answers: &[answer(Code::Done, "it has ended").at(204).empty()],
    examples: &[example("logout", "An end to it", Code::Done).at(204)],
    ..OPERATION
};

/// `DELETE /api/v1/sessions/current`: ends the session that asks. 204; code 3.
pub(super) async fn end_current(call: Call) -> Result<HttpResponse, ApiError> {
    let origin = origin(&call.head);
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| {
            Ok(services.sessions.logout(actor, &origin)?.code())
        })
        .await?;
    ended(code)
}

/// `DELETE /api/v1/sessions/{id}`: ends a session of the caller's, or with `others` for the id all but
/// the asking one. 204; codes 2, 3.
pub(super) async fn end_session(call: Call) -> Result<HttpResponse, ApiError> {
    let which = call.head.match_info().get("id").and_then(which);
    let origin = origin(&call.head);
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| {
            revoke(services, actor, which, &origin)
        })
        .await?;
    ended(code)
}

fn ended(code: Code) -> Result<HttpResponse, ApiError> {
    match code {
        Code::Done => Ok(reply::nothing(code)),
        refused => Err(ApiError::new(refused)),
    }
}

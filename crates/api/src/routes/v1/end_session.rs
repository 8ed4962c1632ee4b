use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{Body, Operation, Parameter, TEXT, answer, plain, required};
use crate::origin::origin;
use crate::routes::sessions::{revoke, which};

pub(in crate::routes) const OPERATION: Operation = plain(
    "Ends a session of one's own",
    &[Parameter::Path(required(
        "id",
        TEXT,
        "The session; `others` for all but the asking one.",
    ))],
    Body::None,
    &[
        answer(Code::Done, "it has ended").at(204).empty(),
        answer(Code::NotFound, "the caller has no such session"),
    ],
);

pub(in crate::routes) const OPERATION_CURRENT: Operation = plain(
    "Ends the asking session",
    &[],
    Body::None,
    &[answer(Code::Done, "it has ended").at(204).empty()],
);

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

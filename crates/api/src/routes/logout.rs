use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use serde_json::json;

use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{Access, Body, Operation, TOKEN_FIELD, Tag, answer, example, sample};
use crate::origin::origin;

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Sessions,
    summary: "Ends the asking session",
    about: "The token is code 3 from then on.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(BODY, &[TOKEN_FIELD]),
    answers: &[answer(Code::Done, "the session has ended")],
    examples: &[example("logout", "An end to a session", Code::Done)
        .sends(|| json!({"token": sample::SECOND_TOKEN}))],
};

/// `POST /app/user/logout`: ends the session of the token. Codes 0, 3.
pub(super) async fn logout(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let origin = origin(&request.head);
    let outcome = request
        .as_actor(Lane::Storage, move |services, actor| {
            Ok(services.sessions.logout(actor, &origin)?)
        })
        .await?;
    Ok(answer::bare(outcome.code()))
}

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::files::UploadSession;
use serde_json::json;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::{FieldError, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, DATA, Operation, TOKEN_FIELD, Tag, answer, example, required, sample,
};
use crate::receive::Receive;

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: Some("data"),
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Avatars,
    summary: "Sets one's avatar",
    about: "Any bytes, which come back to the letter.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[TOKEN_FIELD, required("data", DATA, "At least one byte.")],
    ),
    answers: &[answer(Code::AvatarSet, "")],
    examples: &[
        example("avatar", "A picture of five bytes", Code::AvatarSet)
            .sends(|| json!({"token": sample::TOKEN, "data": sample::DATA})),
    ],
};

/// `POST /app/user/avatar`: sets the caller's avatar. Codes 120, 1.
pub(super) async fn set_avatar(call: Call) -> Result<HttpResponse, ApiError> {
    let limit = call.app.limits.avatar;
    let (request, upload) = call
        .receive(Receive {
            shape: BODY,
            limit,
            begin,
            is_charged: false,
        })
        .await?;
    let outcome = request
        .as_actor(Lane::Storage, move |services, actor| {
            let upload = upload.ok_or(FieldError::Missing("data"))?;
            Ok(services.avatars.set(actor, upload.finish(services)?)?)
        })
        .await?;
    Ok(answer::bare(outcome.code()))
}

pub(super) fn begin(services: &Services) -> Result<UploadSession, ApiError> {
    Ok(services.avatars.begin_upload()?)
}

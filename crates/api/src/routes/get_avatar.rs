use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::users::OpenedAvatar;
use serde_json::json;

use crate::answer;
use crate::blocks::{Blocks, Wire};
use crate::call::{Call, TOKEN};
use crate::download;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, DATA, Operation, TOKEN_FIELD, Tag, and, answer, example, object, sample,
};

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Avatars,
    summary: "Reads one's avatar",
    about: "",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(BODY, &[TOKEN_FIELD]),
    answers: &[
        answer(Code::AvatarFound, "").with(|| and(object([]), "data", DATA.link(), "The avatar.")),
        answer(Code::NotFound, "there is none yet"),
    ],
    examples: &[example("avatar", "What was set", Code::AvatarFound)
        .sends(|| json!({"token": sample::TOKEN}))
        .gets(|| json!({"data": sample::DATA}))],
};

/// `POST /app/user/get_avatar`: the caller's avatar. Codes 121, 2.
pub(super) async fn get_avatar(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let (code, content) = request
        .as_actor(Lane::Storage, |services, actor| {
            let opened = services.avatars.open(actor)?;
            let code = opened.code();
            Ok(match opened {
                OpenedAvatar::Opened(download) => {
                    (code, Some(Blocks::open(download, Wire::Base64)?))
                }
                OpenedAvatar::NotSet => (code, None),
            })
        })
        .await?;
    match content {
        Some(content) => download::answer(&request, code, answer::NoFields {}, content),
        None => Ok(answer::bare(code)),
    }
}

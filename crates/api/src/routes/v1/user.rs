use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::Code;
use kms_domain::users::UserId;
use serde_json::json;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, NAME, Operation, Parameter, Tag, UUID, answer, described, example,
    required, sample,
};

described! {
    /// All that an account shows to others.
    struct UserReply<'a> {
        /// The id of the account.
        id: String as UUID,
        /// As given.
        name: &'a str as NAME,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Reads the name of an account",
    about: "All that an account shows to others.",
    access: Access::Session,
    parameters: &[Parameter::Path(required("id", UUID, "The account."))],
    body: Body::None,
    answers: &[
        answer(Code::Done, "the account").with(UserReply::schema),
        answer(Code::NotFound, "there is no such account"),
    ],
    examples: &[
        example("user", "Somebody", Code::Done)
            .asks(|| json!({"id": sample::OTHER_USER}))
            .gets(|| json!({"id": sample::OTHER_USER, "name": "Ben"})),
        example("unknown", "Nobody", Code::NotFound).asks(|| json!({"id": sample::NOTHING})),
    ],
};

/// `GET /api/v1/users/{id}`: an account as others see it. Codes 0, 2.
pub(super) async fn user(call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.head.match_info().get("id").and_then(UserId::parse);
    let found = call
        .as_bearer(Lane::ShortRead, move |services, _| match id {
            Some(user) => Ok(services.accounts.find_name(user)?.map(|name| (user, name))),
            None => Ok(None),
        })
        .await?;
    let (user, name) = found.ok_or_else(|| ApiError::new(Code::NotFound))?;
    let shown = UserReply {
        id: user.to_string(),
        name: name.as_str(),
    };
    reply::object(StatusCode::OK, Code::Done, &shown)
}

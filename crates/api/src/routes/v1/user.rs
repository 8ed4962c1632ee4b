use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::Code;
use kms_domain::users::UserId;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Body, Described, Operation, Parameter, UUID, answer, described, plain, required,
};

described! {
    /// All that an account shows to others.
    struct UserReply<'a> {
        /// The id.
        id: String,
        /// As given.
        name: &'a str,
    }
}

pub(in crate::routes) const OPERATION: Operation = plain(
    "Reads the name of an account",
    &[Parameter::Path(required("id", UUID, "The account."))],
    Body::None,
    &[
        answer(Code::Done, "its id and its name").with(UserReply::schema),
        answer(Code::NotFound, "there is no such account"),
    ],
);

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

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::users::RegisterOutcome;
use serde_json::json;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::openapi::{
    Access, BIRTH, Body, Described, EMAIL, Header, NAME, NEW_PASSWORD, Operation, PHONE, Tag, UUID,
    answer, described, example, optional, required, sample,
};
use crate::routes::register::{BODY, open_account};

described! {
    struct AccountReply {
        /// The id of the account.
        id: String as UUID,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Opens an account",
    about: "There is no token in the answer: open a session next.",
    access: Access::Open,
    parameters: &[],
    body: Body::Json(
        Some(BODY),
        &[
            required("phone", PHONE, ""),
            required("name", NAME, ""),
            required("password", NEW_PASSWORD, ""),
            optional("email", EMAIL, ""),
            optional("birth", BIRTH, ""),
        ],
    ),
    answers: &[
        answer(Code::Registered, "")
            .with(AccountReply::schema)
            .headers(&[Header {
                name: "Location",
                about: "What others see of it.",
            }]),
        answer(Code::PhoneTaken, ""),
    ],
    examples: &[
        example("register", "A new account", Code::Registered)
            .sends(|| json!({"phone": sample::SECOND_PHONE, "name": "Cy", "password": "secret-3"}))
            .gets(|| json!({"id": sample::SECOND_USER})),
        example("taken", "The same phone once more", Code::PhoneTaken).sends(
            || json!({"phone": sample::SECOND_PHONE, "name": "Eve", "password": "secret-4"}),
        ),
    ],
};

/// `POST /api/v1/accounts`: opens an account. 201; codes 100, 101, 7, 1.
pub(super) async fn create_account(call: Call) -> Result<HttpResponse, ApiError> {
    let question = call.ask()?;
    let request = call.read_json(BODY).await?;
    let outcome = open_account(&request, question).await?;
    match outcome {
        RegisterOutcome::Registered(user) => {
            let id = user.to_string();
            let path = format!("/api/v1/users/{id}");
            reply::created(outcome.code(), &AccountReply { id }, &path)
        }
        RegisterOutcome::PhoneTaken => Err(ApiError::new(outcome.code())),
    }
}

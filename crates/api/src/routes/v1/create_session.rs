use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::users::LoginOutcome;
use serde_json::json;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::openapi::{
    Access, Body, Described, Operation, PASSWORD, PHONE, TOKEN, Tag, answer, described, example,
    required, sample,
};
use crate::routes::login::{BODY, open_session};

described! {
    struct OpenedReply<'a> {
        /// The session's secret, told only now.
        token: &'a str as TOKEN,
        /// Whether this is the account's first login ever.
        first_time: bool,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Sessions,
    summary: "Opens a session",
    about: "",
    access: Access::Open,
    parameters: &[],
    body: Body::Json(
        Some(BODY),
        &[
            required("phone", PHONE, ""),
            required("password", PASSWORD, ""),
        ],
    ),
    answers: &[
        answer(Code::LoggedIn, "").at(201).with(OpenedReply::schema),
        answer(Code::UnknownUser, ""),
        answer(Code::WrongPassword, ""),
    ],
    examples: &[
        example("login", "The first login of an account", Code::LoggedIn)
            .at(201)
            .sends(|| json!({"phone": sample::SECOND_PHONE, "password": "secret-3"}))
            .gets(|| json!({"token": sample::SECOND_TOKEN, "first_time": true})),
        example("wrong", "Another password", Code::WrongPassword)
            .sends(|| json!({"phone": sample::SECOND_PHONE, "password": "guess"})),
    ],
};

/// `POST /api/v1/sessions`: opens a session. 201; codes 110, 111, 112, 7, 1.
pub(super) async fn create_session(call: Call) -> Result<HttpResponse, ApiError> {
    let question = call.ask()?;
    let request = call.read_json(BODY).await?;
    let outcome = open_session(&request, question).await?;
    let code = outcome.code();
    match outcome {
        LoginOutcome::LoggedIn { token, first_time } => {
            let token = token.expose();
            let opened = OpenedReply { token, first_time };
            reply::object(StatusCode::CREATED, code, &opened)
        }
        LoginOutcome::UnknownPhone | LoginOutcome::WrongPassword => Err(ApiError::new(code)),
    }
}

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::users::LoginOutcome;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::openapi::{
    Access, Body, Described, Operation, PASSWORD, PHONE, answer, described, plain, required,
};
use crate::routes::login::{BODY, open_session};

described! {
    struct OpenedReply<'a> {
        /// The session's secret, told only now.
        token: &'a str,
        /// Whether this is the account's first login ever.
        first_time: bool,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    access: Access::Open,
    ..plain(
        "Opens a session",
        &[],
        Body::Object(
            BODY,
            &[
                required("phone", PHONE, ""),
                required("password", PASSWORD, ""),
            ],
        ),
        &[
            answer(Code::LoggedIn, "the session is open")
                .with(OpenedReply::schema)
                .at(201),
            answer(Code::UnknownUser, "no account has the phone"),
            answer(Code::WrongPassword, "the account has another password"),
        ],
    )
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

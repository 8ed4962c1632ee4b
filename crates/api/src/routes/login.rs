use actix_web::HttpResponse;
use kms_domain::codes::Coded;
use kms_domain::throttle::Question;
use kms_domain::users::{LoginOutcome, Password, Phone};
use serde::Serialize;

use crate::answer;
use crate::call::{Call, Request};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::origin::origin;

pub(super) const BODY: Shape = Shape {
    fields: &["phone", "password"],
    payload: None,
};

#[derive(Serialize)]
struct LoginReply<'a> {
    first_time: bool,
    token: &'a str,
}

/// `POST /app/login`: opens a session. Codes 110, 111, 112, 7, 1.
pub(super) async fn login(call: Call) -> Result<HttpResponse, ApiError> {
    let question = call.ask()?;
    let request = call.read(BODY).await?;
    let outcome = open_session(&request, question).await?;
    let code = outcome.code();
    Ok(match outcome {
        LoginOutcome::LoggedIn { token, first_time } => {
            let token = token.expose();
            answer::with(code, LoginReply { first_time, token })
        }
        LoginOutcome::UnknownPhone | LoginOutcome::WrongPassword => answer::bare(code),
    })
}

/// Opens a session for who knows the password that a request names.
pub(super) async fn open_session(
    request: &Request,
    question: Question,
) -> Result<LoginOutcome, ApiError> {
    let phone = Phone::parse(request.fields.required_text("phone")?)?;
    let password = Password::parse(request.fields.required_text("password")?)?;
    // Who has to wait anyhow must not stand in the queue for a hash.
    question.check(&phone)?;
    let origin = origin(&request.head);
    request
        .app
        .run(Lane::Hashing, move |services| {
            let attempt = question.log_in(&phone)?;
            let outcome = services.sessions.login(&phone, &password, &origin)?;
            attempt.settle(&outcome);
            Ok(outcome)
        })
        .await
}

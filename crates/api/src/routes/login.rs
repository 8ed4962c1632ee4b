use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::throttle::Question;
use kms_domain::users::{LoginOutcome, Password, Phone};
use serde_json::json;

use crate::answer;
use crate::call::{Call, Request};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, Operation, PASSWORD, PHONE, TOKEN, Tag, answer, described, example,
    required, sample,
};
use crate::origin::origin;

pub(super) const BODY: Shape = Shape {
    fields: &["phone", "password"],
    payload: None,
};

described! {
    struct LoginReply<'a> {
        /// True on the account's first successful login and never again.
        first_time: bool,
        /// The session's secret, told only now.
        token: &'a str as TOKEN,
    }
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Sessions,
    summary: "Opens a session",
    about: "It leaves the others of the account alone. The minimum for new passwords does not count here.",
    access: Access::Open,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            required("phone", PHONE, ""),
            required("password", PASSWORD, ""),
        ],
    ),
    answers: &[
        answer(Code::LoggedIn, "").with(LoginReply::schema),
        answer(Code::UnknownUser, ""),
        answer(Code::WrongPassword, ""),
    ],
    examples: &[
        example("login", "The first login of an account", Code::LoggedIn)
            .sends(|| json!({"phone": sample::PHONE, "password": sample::PASSWORD}))
            .gets(|| json!({"first_time": true, "token": sample::TOKEN})),
        example("unknown", "A phone without an account", Code::UnknownUser)
            .sends(|| json!({"phone": "13900139000", "password": sample::PASSWORD})),
        example("wrong", "Another password", Code::WrongPassword)
            .sends(|| json!({"phone": sample::PHONE, "password": "guess"})),
    ],
};

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

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::throttle::Question;
use kms_domain::users::{
    Birth, DisplayName, Email, PasswordPolicy, Phone, RegisterOutcome, RegisterUser,
};
use serde_json::json;

use crate::answer;
use crate::call::{Call, Request};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BIRTH, Body, EMAIL, NAME, NEW_PASSWORD, Operation, PHONE, Tag, answer, example,
    optional, required, sample,
};

pub(super) const BODY: Shape = Shape {
    fields: &["phone", "name", "email", "password", "birth"],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Opens an account",
    about: "There is no token in the answer: log in next.",
    access: Access::Open,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            required("phone", PHONE, ""),
            required("name", NAME, ""),
            required("password", NEW_PASSWORD, ""),
            optional("email", EMAIL, ""),
            optional("birth", BIRTH, ""),
        ],
    ),
    answers: &[
        answer(Code::Registered, ""),
        answer(Code::PhoneTaken, ""),
    ],
    examples: &[
        example("register", "A new account", Code::Registered).sends(|| {
            json!({
                "phone": sample::PHONE,
                "name": "Ada",
                "password": sample::PASSWORD,
                "email": "ada@example.com",
                "birth": -4_890_000_000_i64,
            })
        }),
        example("taken", "The same phone once more, written in another way", Code::PhoneTaken).sends(|| {
            json!({"phone": format!("+86{}", sample::PHONE), "name": "Eve", "password": "secret-2"})
        }),
        example("short", "A password that is too short", Code::BadFormat).sends(|| {
            json!({"phone": "13900139000", "name": "Eve", "password": ""})
        }),
    ],
};

/// `POST /app/register`: opens an account. Codes 100, 101, 7, 1.
pub(super) async fn register(call: Call) -> Result<HttpResponse, ApiError> {
    let question = call.ask()?;
    let request = call.read(BODY).await?;
    let outcome = open_account(&request, question).await?;
    Ok(answer::bare(outcome.code()))
}

/// Opens the account that a request describes.
pub(super) async fn open_account(
    request: &Request,
    question: Question,
) -> Result<RegisterOutcome, ApiError> {
    let input = parse(&request.fields, request.app.services.passwords)?;
    request
        .app
        .run(Lane::Hashing, move |services| {
            let phone = input.phone.clone();
            let outcome = services.accounts.register(input)?;
            question.told_by_registering(&phone, &outcome);
            Ok(outcome)
        })
        .await
}

fn parse(fields: &Fields, passwords: PasswordPolicy) -> Result<RegisterUser, ApiError> {
    Ok(RegisterUser {
        phone: Phone::parse(fields.required_text("phone")?)?,
        name: DisplayName::parse(fields.required_text("name")?)?,
        email: fields
            .optional_text("email")?
            .map(Email::parse)
            .transpose()?,
        password: passwords.parse(fields.required_text("password")?)?,
        birth: fields.integer("birth")?.map(Birth::new),
    })
}

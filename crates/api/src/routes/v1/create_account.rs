use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::users::RegisterOutcome;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::openapi::{
    Access, BIRTH, Body, Described, EMAIL, Header, NAME, NEW_PASSWORD, Operation, PHONE, answer,
    described, optional, plain, required,
};
use crate::routes::register::{BODY, open_account};

described! {
    struct AccountReply {
        /// The id.
        id: String,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    access: Access::Open,
    ..plain(
        "Opens an account",
        &[],
        Body::Object(
            BODY,
            &[
                required("phone", PHONE, ""),
                required("name", NAME, ""),
                required("password", NEW_PASSWORD, ""),
                optional("email", EMAIL, ""),
                optional("birth", BIRTH, ""),
            ],
        ),
        &[
            answer(Code::Registered, "the account is there")
                .with(AccountReply::schema)
                .headers(&[Header {
                    name: "Location",
                    about: "Where others see it.",
                }]),
            answer(Code::PhoneTaken, "another account has the phone").at(409),
        ],
    )
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

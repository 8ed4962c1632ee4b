use actix_web::HttpResponse;
use kms_domain::codes::Coded as _;
use kms_domain::users::RegisterOutcome;
use serde::Serialize;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::routes::register::{BODY, open_account};

#[derive(Serialize)]
struct AccountReply {
    id: String,
}

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

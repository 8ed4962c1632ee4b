use actix_web::HttpResponse;
use kms_domain::codes::Coded;
use kms_domain::users::{Birth, DisplayName, Modify, PasswordPolicy};

use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;

const BODY: Shape = Shape {
    fields: &[TOKEN, "name", "password", "birth"],
    payload: None,
};

/// `POST /app/user/modify`, and `modifyinfo`: changes the caller's account. Codes 150, 151, 1.
pub(super) async fn modify(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let change = parse(&request.fields, request.app.services.passwords);
    // Only a new password costs a hash.
    let lane = match &change {
        Ok(change) if change.password.is_some() => Lane::Hashing,
        _ => Lane::Storage,
    };
    let outcome = request
        .as_actor(lane, move |services, actor| {
            Ok(services.accounts.modify(actor, change?)?)
        })
        .await?;
    Ok(answer::bare(outcome.code()))
}

fn parse(fields: &Fields, passwords: PasswordPolicy) -> Result<Modify, ApiError> {
    Ok(Modify {
        name: fields
            .optional_text("name")?
            .map(DisplayName::parse)
            .transpose()?,
        password: fields
            .optional_text("password")?
            .map(|raw| passwords.parse(raw))
            .transpose()?,
        birth: fields.integer("birth")?.map(Birth::new),
    })
}

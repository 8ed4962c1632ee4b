use actix_web::HttpResponse;
use kms_domain::codes::Coded;
use kms_domain::users::{Birth, DisplayName, Modify, Password, PasswordPolicy};

use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::origin::origin;

const BODY: Shape = Shape {
    fields: &[TOKEN, "name", "password", "birth", "old_password"],
    payload: None,
};

/// `POST /app/user/modify`, and `modifyinfo`: changes the caller's account. Codes 150, 151, 112, 1.
pub(super) async fn modify(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let change = parse(&request.fields, request.app.services.passwords);
    // Only passwords cost a hash.
    let lane = match &change {
        Ok(change) if change.password.is_some() || change.old_password.is_some() => Lane::Hashing,
        _ => Lane::Storage,
    };
    let origin = origin(&request.head);
    let outcome = request
        .as_actor(lane, move |services, actor| {
            Ok(services.accounts.modify(actor, change?, &origin)?)
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
        old_password: fields
            .optional_text("old_password")?
            .map(Password::parse)
            .transpose()?,
    })
}

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::throttle::{Network, Throttles};
use kms_domain::users::{
    Actor, Birth, DisplayName, Modified, Modify, Password, PasswordPolicy, Phone,
};
use serde_json::json;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BIRTH, Body, NAME, NEW_PASSWORD, Operation, PASSWORD, TOKEN_FIELD, Tag, answer,
    example, optional, sample,
};
use crate::origin::origin;

const BODY: Shape = Shape {
    fields: &[TOKEN, "name", "password", "birth", "old_password"],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Changes one's account",
    about: "What is not sent stays as it is; a bad value changes nothing. A new password ends all sessions but the asking one.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            optional("name", NAME, ""),
            optional("password", NEW_PASSWORD, ""),
            optional("birth", BIRTH, ""),
            optional(
                "old_password",
                PASSWORD,
                "The password so far, if it is to be checked. The operator may require it beside a new one.",
            ),
        ],
    ),
    answers: &[
        answer(Code::Modified, ""),
        answer(Code::Unmodified, ""),
        answer(
            Code::WrongPassword,
            "`old_password` is not the account's password",
        ),
    ],
    examples: &[
        example("rename", "Another name", Code::Modified)
            .sends(|| json!({"token": sample::TOKEN, "name": "Ada L."})),
        example("same", "What is so already", Code::Unmodified)
            .sends(|| json!({"token": sample::TOKEN, "name": "Ada L."})),
        example(
            "doubtful",
            "A new password beside a wrong old one",
            Code::WrongPassword,
        )
        .sends(|| json!({"token": sample::TOKEN, "password": "secret-2", "old_password": "guess"})),
    ],
};

/// The same under its later name.
pub(super) const OPERATION_MODIFYINFO: Operation = Operation {
    summary: "Changes one's account (another name of the same route)",
    examples: &[example("unchanged", "Nothing to change", Code::Unmodified)
        .sends(|| json!({"token": sample::TOKEN}))],
    ..OPERATION
};

/// `POST /app/user/modify`, and `modifyinfo`: changes the caller's account. Codes 150, 151, 112, 7, 1.
pub(super) async fn modify(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    Ok(answer::bare(change(&request).await?.code()))
}

/// Applies the change that a request describes.
pub(super) async fn change(request: &Request) -> Result<Modified, ApiError> {
    let change = parse(&request.fields, request.app.services.passwords);
    // Only passwords cost a hash.
    let lane = match &change {
        Ok(change) if change.password.is_some() || change.old_password.is_some() => Lane::Hashing,
        _ => Lane::Storage,
    };
    let guess = match &change {
        Ok(change) if change.old_password.is_some() => Some(guess(request).await?),
        _ => None,
    };
    let origin = origin(&request.head);
    request
        .as_actor(lane, move |services, actor| {
            let attempt = match guess {
                Some((throttles, phone, network)) => {
                    Some(throttles.verify_password(&phone, network)?)
                }
                None => None,
            };
            let outcome = services.accounts.modify(actor, change?, &origin)?;
            if let Some(attempt) = attempt {
                attempt.settle(&outcome);
            }
            Ok(outcome)
        })
        .await
}

/// What an old password is a guess at, and from where: for the throttles it is the same as a login. Who has to
/// wait anyhow must not stand in the queue for a hash.
async fn guess(request: &Request) -> Result<(Throttles, Phone, Network), ApiError> {
    let profile = |services: &Services, actor: &Actor| Ok(services.accounts.profile(actor)?);
    let phone = request.as_reader(profile).await?.phone;
    let throttles = request.app.throttles.clone();
    let network = request.app.network_of(&request.head);
    throttles.check_password(&phone, network)?;
    Ok((throttles, phone, network))
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

use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::Standing;
use kms_domain::users::{Actor, Profile, UserId};
use serde_json::json;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::openapi::{
    Access, Body, Described, Operation, TOKEN_FIELD, Tag, UUID, answer, described, example,
    optional, sample,
};

const BODY: Shape = Shape {
    fields: &[TOKEN, "userid"],
    payload: None,
};

described! {
    struct InfoReply<'a> {
        /// The id of the account.
        userid: String as UUID,
        /// As given.
        name: &'a str,
        /// Bare digits for mainland numbers, `+…` for the rest.
        phone: &'a str,
        /// As given, `""` without one.
        email: &'a str,
        /// A number as text, as the contract types it; `""` without one.
        birth: String,
        /// Bytes of all own entries together.
        used: u64,
        /// The limit to that; `null` when there is none.
        quota: Option<u64>,
        /// How many own entries there are.
        files: u64,
        /// The limit to that; `null` when there is none.
        quota_files: Option<u64>,
    }
}

described! {
    /// All that others may know.
    struct NameReply<'a> {
        /// The id of the account.
        userid: String as UUID,
        /// As given.
        name: &'a str,
    }
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Reads one's account, or the name of another",
    about: "Of another account, nobody is told the phone or the address.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            optional(
                "userid",
                UUID,
                "Whose name is asked for, if it is not one's own account.",
            ),
        ],
    ),
    answers: &[
        answer(Code::Done, "the account").with(InfoReply::schema),
        answer(Code::Done, "with the `userid` of another: their name").with(NameReply::schema),
        answer(Code::NotFound, "there is no such account"),
    ],
    examples: &[
        example("info", "An account with two files of 5 bytes", Code::Done)
            .sends(|| json!({"token": sample::TOKEN}))
            .gets(|| {
                json!({
                    "userid": sample::USER,
                    "name": "Ada L.",
                    "phone": sample::PHONE,
                    "email": "ada@example.com",
                    "birth": "-4890000000",
                    "used": 10,
                    "quota": null,
                    "files": 2,
                    "quota_files": null,
                })
            }),
        example("other", "Somebody else", Code::Done)
            .sends(|| json!({"token": sample::TOKEN, "userid": sample::OTHER_USER}))
            .gets(|| json!({"userid": sample::OTHER_USER, "name": "Ben"})),
        example("unknown", "Nobody", Code::NotFound)
            .sends(|| json!({"token": sample::TOKEN, "userid": sample::NOTHING})),
        example("nobody", "Without a token", Code::TokenMissing).sends(|| json!({})),
        example(
            "stale",
            "With a token that is no longer good",
            Code::TokenExpired,
        )
        .sends(|| json!({"token": "no-such-token"})),
    ],
};

/// `POST /app/user/info`: the caller's own profile, or the name of somebody else (`userid`). Codes 0, 2.
pub(super) async fn info(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    match request.fields.optional_text("userid") {
        Ok(None) => own(&request).await,
        Ok(Some(text)) => named(&request, Ok(UserId::parse(text))).await,
        Err(error) => named(&request, Err(error.into())).await,
    }
}

/// `None`: no account can have this id.
async fn named(
    request: &Request,
    user: Result<Option<UserId>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let found = request
        .as_reader(move |services, actor| {
            let Some(user) = user? else {
                return Ok(None);
            };
            if user == actor.user() {
                return Ok(Some((user, None)));
            }
            let name = services.accounts.find_name(user)?;
            Ok(name.map(|name| (user, Some(name))))
        })
        .await?;
    match found {
        Some((user, Some(name))) => {
            let reply = NameReply {
                userid: user.to_string(),
                name: name.as_str(),
            };
            Ok(answer::with(Code::Done, reply))
        }
        Some((_, None)) => own(request).await,
        None => Ok(answer::bare(Code::NotFound)),
    }
}

async fn own(request: &Request) -> Result<HttpResponse, ApiError> {
    let (profile, standing) = request.as_reader(look).await?;
    let reply = InfoReply {
        userid: profile.user.to_string(),
        name: profile.name.as_str(),
        phone: profile.phone.as_str(),
        email: profile.email.as_ref().map_or("", |email| email.as_str()),
        birth: profile
            .birth
            .map(|birth| birth.as_i64().to_string())
            .unwrap_or_default(),
        used: standing.used.bytes,
        quota: standing.quota.bytes,
        files: standing.used.files,
        quota_files: standing.quota.files,
    };
    Ok(answer::with(Code::Done, reply))
}

/// The caller's own account, and what it holds.
pub(super) fn look(services: &Services, actor: &Actor) -> Result<(Profile, Standing), ApiError> {
    let profile = services.accounts.profile(actor)?;
    Ok((profile, services.files.standing(actor)?))
}

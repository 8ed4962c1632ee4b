use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::Standing;
use kms_domain::users::{Actor, Profile, UserId};
use serde::Serialize;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;

const BODY: Shape = Shape {
    fields: &[TOKEN, "userid"],
    payload: None,
};

#[derive(Serialize)]
struct InfoReply<'a> {
    userid: String,
    name: &'a str,
    phone: &'a str,
    email: &'a str,
    /// A number as text, as the contract types it.
    birth: String,
    /// Bytes of all own entries.
    used: u64,
    /// The limit to that; `null` when there is none.
    quota: Option<u64>,
    files: u64,
    quota_files: Option<u64>,
}

/// All that others may know.
#[derive(Serialize)]
struct NameReply<'a> {
    userid: String,
    name: &'a str,
}

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

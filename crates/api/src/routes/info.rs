use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::Standing;
use kms_domain::users::{Actor, Profile};
use serde::Serialize;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;

const BODY: Shape = Shape {
    fields: &[TOKEN],
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

/// `POST /app/user/info`: the caller's own profile. Code 0.
pub(super) async fn info(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
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

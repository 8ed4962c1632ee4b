use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::Standing;
use kms_domain::users::{Modified, Profile};

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    BIRTH, Body, Described, NAME, NEW_PASSWORD, Operation, PASSWORD, answer, described, optional,
    plain,
};
use crate::routes::info::look;
use crate::routes::modify::change;

const CHANGE: Shape = Shape {
    fields: &["name", "password", "birth", "old_password"],
    payload: None,
};

described! {
    struct MeReply<'a> {
        /// The id.
        id: String,
        /// As given.
        name: &'a str,
        /// In canonical form.
        phone: &'a str,
        /// As given; `null` without one.
        email: Option<&'a str>,
        /// As given; `null` without one.
        birth: Option<i64>,
        /// Milliseconds since 1970-01-01 UTC.
        created_at: i64,
        /// Bytes of all own entries.
        used: u64,
        /// The limit to that; `null` when there is none.
        quota: Option<u64>,
        /// Entries.
        files: u64,
        /// The limit to that; `null` when there is none.
        quota_files: Option<u64>,
    }
}

pub(in crate::routes) const OPERATION: Operation = plain(
    "Reads one's account",
    &[],
    Body::None,
    &[answer(Code::Done, "the account").with(MeReply::schema)],
);

pub(in crate::routes) const OPERATION_CHANGE: Operation = plain(
    "Changes one's account",
    &[],
    Body::Object(
        CHANGE,
        &[
            optional("name", NAME, ""),
            optional("password", NEW_PASSWORD, "Ends all other sessions."),
            optional("birth", BIRTH, ""),
            optional("old_password", PASSWORD, "If it is sent, it must be right."),
        ],
    ),
    &[
        answer(Code::Modified, "the account as it is now").with(MeReply::schema),
        answer(
            Code::WrongPassword,
            "the account has another password than `old_password`",
        ),
    ],
);

/// `GET /api/v1/me`: the caller's own account. Code 0.
pub(super) async fn me(call: Call) -> Result<HttpResponse, ApiError> {
    let (profile, standing) = call.as_bearer(Lane::ShortRead, look).await?;
    render(Code::Done, &profile, &standing)
}

/// `PATCH /api/v1/me`: changes it, and answers how it is then, whether or not anything was to be changed.
/// Codes 150, 151, 112, 7, 1.
pub(super) async fn change_me(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read_signed_json(CHANGE).await?;
    let outcome = change(&request).await?;
    match outcome {
        Modified::Changed | Modified::Unchanged => {
            let (profile, standing) = request.as_reader(look).await?;
            render(outcome.code(), &profile, &standing)
        }
        Modified::OldPasswordMissing => Err(ApiError::because(
            outcome.code(),
            "a new password takes the old one beside it, as `old_password`",
        )),
        Modified::SessionEnded | Modified::WrongOldPassword => Err(ApiError::new(outcome.code())),
    }
}

fn render(code: Code, profile: &Profile, standing: &Standing) -> Result<HttpResponse, ApiError> {
    let me = MeReply {
        id: profile.user.to_string(),
        name: profile.name.as_str(),
        phone: profile.phone.as_str(),
        email: profile.email.as_ref().map(|email| email.as_str()),
        birth: profile.birth.map(|birth| birth.as_i64()),
        created_at: profile.created_at.as_millis(),
        used: standing.used.bytes,
        quota: standing.quota.bytes,
        files: standing.used.files,
        quota_files: standing.quota.files,
    };
    reply::object(StatusCode::OK, code, &me)
}

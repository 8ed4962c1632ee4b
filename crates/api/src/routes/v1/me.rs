use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::Standing;
use kms_domain::users::{Modified, Profile};
use serde_json::json;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, BIRTH, Body, Described, EMAIL, MOMENT, NAME, NEW_PASSWORD, Operation, PASSWORD, PHONE,
    Tag, UUID, answer, described, example, optional, sample,
};
use crate::routes::info::look;
use crate::routes::modify::change;

const CHANGE: Shape = Shape {
    fields: &["name", "password", "birth", "old_password"],
    payload: None,
};

described! {
    struct MeReply<'a> {
        /// The id of the account.
        id: String as UUID,
        /// As given.
        name: &'a str as NAME,
        /// Bare digits for mainland numbers, `+…` for the rest.
        phone: &'a str as PHONE,
        /// As given; `null` without one.
        email: Option<&'a str> as EMAIL,
        /// As given; `null` without one.
        birth: Option<i64> as BIRTH,
        /// When it was opened.
        created_at: i64 as MOMENT,
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

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Accounts,
    summary: "Reads one's account",
    about: "",
    access: Access::Session,
    parameters: &[],
    body: Body::None,
    answers: &[answer(Code::Done, "the account").with(MeReply::schema)],
    examples: &[
        example("me", "An account with two files of 5 bytes", Code::Done).gets(|| shown("Ada L.")),
    ],
};

/// Changing it.
pub(in crate::routes) const OPERATION_CHANGE: Operation = Operation {
    summary: "Changes one's account",
    about: "What is not sent stays as it is; a bad value changes nothing. A new password ends all sessions but the asking one.",
    body: Body::Json(
        Some(CHANGE),
        &[
            optional("name", NAME, ""),
            optional("password", NEW_PASSWORD, ""),
            optional("birth", BIRTH, ""),
            optional(
                "old_password",
                PASSWORD,
                "The password so far, if it is to be checked.",
            ),
        ],
    ),
    answers: &[
        answer(Code::Modified, "").with(MeReply::schema),
        answer(Code::Unmodified, "").at(200).with(MeReply::schema),
        answer(
            Code::WrongPassword,
            "`old_password` is not the account's password",
        ),
    ],
    examples: &[
        example("rename", "Another name", Code::Modified)
            .sends(|| json!({"name": "Ada"}))
            .gets(|| shown("Ada")),
        example("same", "What is so already", Code::Unmodified)
            .at(200)
            .sends(|| json!({"name": "Ada"}))
            .gets(|| shown("Ada")),
        example(
            "doubtful",
            "A new password beside a wrong old one",
            Code::WrongPassword,
        )
        .sends(|| json!({"password": "secret-2", "old_password": "guess"})),
    ],
    ..OPERATION
};

fn shown(name: &str) -> serde_json::Value {
    json!({
        "id": sample::USER,
        "name": name,
        "phone": sample::PHONE,
        "email": "ada@example.com",
        "birth": -4_890_000_000_i64,
        "created_at": sample::REGISTERED,
        "used": 10,
        "quota": null,
        "files": 2,
        "quota_files": null,
    })
}

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

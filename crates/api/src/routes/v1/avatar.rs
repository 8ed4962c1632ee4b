use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::users::{AvatarOutcome, OpenedAvatar};

use super::conditional::Conditions;
use super::digests::Digests;
use super::representation::{Found, Source, Wanted};
use super::{problem, reply};
use crate::call::{Call, as_actor};
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Body, Described, Operation, Parameter, TEXT, answer, described, optional, plain,
};
use crate::quota::Room;
use crate::receive;
use crate::routes::avatar::begin;

/// What a saved avatar is called.
const NAME: &str = "avatar";

pub(in crate::routes) const OPERATION: Operation = plain(
    "Reads one's avatar",
    &[Parameter::Query(optional(
        "disposition",
        TEXT,
        "`inline`: shows harmless types.",
    ))],
    Body::None,
    &[
        answer(Code::AvatarFound, "the bytes").of("application/octet-stream"),
        answer(Code::AvatarFound, "a part of them")
            .at(206)
            .of("application/octet-stream"),
        answer(Code::AvatarFound, "harmless content, shown").of("image/png"),
        answer(Code::AvatarFound, "harmless content, shown")
            .of("image/png")
            .at(206),
        answer(Code::AvatarFound, "harmless content, shown").of("image/jpeg"),
        answer(Code::AvatarFound, "harmless content, shown")
            .of("image/jpeg")
            .at(206),
        answer(Code::AvatarFound, "harmless content, shown").of("image/gif"),
        answer(Code::AvatarFound, "harmless content, shown")
            .of("image/gif")
            .at(206),
        answer(Code::AvatarFound, "harmless content, shown").of("image/webp"),
        answer(Code::AvatarFound, "harmless content, shown")
            .of("image/webp")
            .at(206),
        answer(Code::AvatarFound, "harmless content, shown").of("text/plain; charset=utf-8"),
        answer(Code::AvatarFound, "harmless content, shown")
            .of("text/plain; charset=utf-8")
            .at(206),
        answer(Code::AvatarFound, "the client has them already")
            .at(304)
            .empty(),
        answer(Code::NotFound, "there is no avatar"),
        answer(
            Code::BadFormat,
            "they are not those that the request is conditional on",
        )
        .at(412),
        answer(Code::BadFormat, "not a byte of the range is there").at(416),
    ],
);

pub(in crate::routes) const OPERATION_HEAD: Operation = Operation {
    summary: "Tells what reading one's avatar would",
    ..OPERATION
};

pub(in crate::routes) const OPERATION_SET: Operation = plain(
    "Sets one's avatar",
    &[],
    Body::Bytes("The avatar: at least one byte of anything."),
    &[
        answer(Code::AvatarSet, "there was none before").with(AvatarReply::schema),
        answer(Code::AvatarSet, "there was another one before")
            .with(AvatarReply::schema)
            .at(200),
        answer(
            Code::BadFormat,
            "the avatar is not the one that the request is conditional on",
        )
        .at(412),
    ],
);

/// `GET` and `HEAD /api/v1/me/avatar`: the caller's avatar, or a part of it.
/// 200, 206, 304, 412, 416; codes 121, 2, 1.
pub(super) async fn avatar(call: Call) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::of(&call.head);
    let (code, found) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let wanted = wanted?;
            let opened = services.avatars.open(actor)?;
            let code = opened.code();
            let OpenedAvatar::Opened(content) = opened else {
                return Err(ApiError::new(code));
            };
            let source = Source {
                name: NAME.to_owned(),
                stored: None,
                content: *content,
            };
            Ok((code, Found::select(source, &wanted)?))
        })
        .await?;
    found.render(code, &call)
}

described! {
    struct AvatarReply {
        /// Bytes.
        size: u64,
        /// Digest of the bytes.
        sha256: String,
    }
}

/// What became of a new avatar.
enum Put {
    /// It is set; whether there was another one before.
    Set {
        code: Code,
        reply: AvatarReply,
        first: bool,
    },
    PreconditionFailed,
}

/// `PUT /api/v1/me/avatar`: makes the body the caller's avatar. 201, 200, 412; codes 120, 1.
pub(super) async fn set_avatar(call: Call) -> Result<HttpResponse, ApiError> {
    let room = call
        .as_bearer(Lane::ShortRead, |_, actor| Ok(Room::unlimited(actor)))
        .await?;
    let token = call.bearer_token();
    let digests = Digests::of(call.head.headers())?;
    let conditions = Conditions::of(call.head.headers());
    let limit = call.app.limits.avatar;
    let (body, request) = call.open(limit)?;
    let upload = receive::raw(body, &request, begin, room).await?;
    let put = as_actor(
        &request.app,
        Lane::Storage,
        token,
        move |services, actor| {
            let upload = upload.finish(services)?;
            digests.check(upload.sha256)?;
            let before = services.avatars.current(actor)?;
            if !conditions.allow_change(before) {
                return Ok(Put::PreconditionFailed);
            }
            let reply = AvatarReply {
                size: upload.size,
                sha256: upload.sha256.to_string(),
            };
            let outcome = services.avatars.set(actor, upload)?;
            match outcome {
                AvatarOutcome::Set => Ok(Put::Set {
                    code: outcome.code(),
                    reply,
                    first: before.is_none(),
                }),
                AvatarOutcome::Empty => Err(ApiError::because(outcome.code(), "the body is empty")),
            }
        },
    )
    .await?;
    let Put::Set { code, reply, first } = put else {
        return Ok(problem::answer(
            StatusCode::PRECONDITION_FAILED,
            Code::BadFormat,
            Some("the avatar is not the one that the request is conditional on"),
        ));
    };
    let status = if first {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = reply::object(status, code, &reply)?;
    // The bytes are stored as they came, so their tag may be told (RFC 9110, section 9.3.4).
    let etag = format!("\"{}\"", reply.sha256);
    reply::insert(response.headers_mut(), ETAG, &etag)?;
    Ok(response)
}

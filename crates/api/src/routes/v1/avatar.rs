use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::users::{OpenedAvatar, ReplaceOutcome};
use serde_json::json;

use super::conditional::Conditions;
use super::digests::Digests;
use super::problem::Unmet;
use super::reply;
use super::representation::{
    ANY_BYTES, DISPOSITION, Found, IF_MATCH, IF_NONE_MATCH, RANGE, Source, Wanted,
};
use crate::call::{Call, as_actor};
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, Header, Operation, Parameter, SHA256, Tag, answer, described, example,
    sample,
};
use crate::quota::Room;
use crate::receive;
use crate::routes::avatar::begin;

/// What a saved avatar is called.
const NAME: &str = "avatar";

const ETAG_HEADER: &[Header] = &[Header {
    name: "ETag",
    about: "The avatar's SHA-256 in hex, quoted; strong.",
}];

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Avatars,
    summary: "Reads one's avatar, or a part of it",
    about: "As the content of a file.",
    access: Access::Session,
    parameters: &[
        Parameter::Query(DISPOSITION),
        Parameter::Header(RANGE),
        Parameter::Header(IF_NONE_MATCH),
        Parameter::Header(IF_MATCH),
    ],
    body: Body::None,
    answers: &[
        answer(Code::AvatarFound, "the avatar")
            .of(ANY_BYTES)
            .headers(ETAG_HEADER),
        answer(Code::AvatarFound, "a part of it")
            .at(206)
            .of(ANY_BYTES)
            .headers(ETAG_HEADER),
        answer(Code::AvatarFound, "the client has it already")
            .at(304)
            .empty()
            .headers(ETAG_HEADER),
        answer(Code::NotFound, "there is none yet"),
        answer(
            Code::BadFormat,
            "the avatar is not the one that the request is conditional on",
        )
        .at(412),
        answer(Code::BadFormat, "not a byte of the range is there").at(416),
    ],
    examples: &[
        example("avatar", "The bytes as they are", Code::AvatarFound).gets(|| json!("hello")),
        example("known", "What the client has already", Code::AvatarFound)
            .at(304)
            .asks(|| json!({"If-None-Match": format!("\"{}\"", sample::SHA256)})),
    ],
};

/// The same without the bytes.
pub(in crate::routes) const OPERATION_HEAD: Operation = Operation {
    summary: "Tells what reading one's avatar would",
    examples: &[example("head", "The headers alone", Code::AvatarFound)],
    ..OPERATION
};

/// Setting it.
pub(in crate::routes) const OPERATION_SET: Operation = Operation {
    summary: "Sets one's avatar",
    about: "Any bytes, which come back to the letter.",
    parameters: &[
        Parameter::Header(IF_NONE_MATCH),
        Parameter::Header(IF_MATCH),
    ],
    body: Body::Bytes("The picture: at least one byte of anything."),
    answers: &[
        answer(Code::AvatarSet, "the first one")
            .with(AvatarReply::schema)
            .headers(ETAG_HEADER),
        answer(Code::AvatarSet, "in the place of another")
            .at(200)
            .with(AvatarReply::schema)
            .headers(ETAG_HEADER),
        answer(
            Code::BadFormat,
            "the avatar is not the one that the request is conditional on",
        )
        .at(412),
    ],
    examples: &[example("set", "A picture of five bytes", Code::AvatarSet)
        .at(200)
        .sends(|| json!("hello"))
        .gets(|| json!({"size": 5, "sha256": sample::SHA256}))],
    ..OPERATION
};

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
        sha256: String as SHA256,
    }
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
    let (outcome, reply) = as_actor(
        &request.app,
        Lane::Storage,
        token,
        move |services, actor| {
            let upload = upload.finish(services)?;
            digests.check(upload.sha256)?;
            let reply = AvatarReply {
                size: upload.size,
                sha256: upload.sha256.to_string(),
            };
            let outcome = if conditions.bind_changes() {
                let allow = |before| conditions.allow_change(before);
                services.avatars.set_if(actor, upload, allow)?
            } else {
                services.avatars.set_anyway(actor, upload)?
            };
            Ok((outcome, reply))
        },
    )
    .await?;
    let code = outcome.code();
    let status = match outcome {
        ReplaceOutcome::First => StatusCode::CREATED,
        ReplaceOutcome::Replaced => StatusCode::OK,
        ReplaceOutcome::Moved => return Err(ApiError::because(code, Unmet::Changed)),
        ReplaceOutcome::Empty => return Err(ApiError::because(code, "the body is empty")),
    };
    let mut response = reply::object(status, code, &reply)?;
    // The bytes are stored as they came, so their tag may be told (RFC 9110, section 9.3.4).
    let etag = format!("\"{}\"", reply.sha256);
    reply::insert(response.headers_mut(), ETAG, &etag)?;
    Ok(response)
}

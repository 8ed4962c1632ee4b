use actix_web::HttpResponse;
use kms_domain::audit::{Network, Origin};
use kms_domain::codes::{Code, Coded};
use kms_domain::users::{Actor, OpenSession, SessionId, WhichSessions};
use serde_json::json;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, Kind, MOMENT, Operation, TOKEN_FIELD, Tag, UUID, answer, described,
    example, optional, sample,
};
use crate::origin::origin;

const REVOKE: &str = "revoke";
/// What `revoke` says for all sessions but the asking one.
const OTHERS: &str = "others";

const BODY: Shape = Shape {
    fields: &[TOKEN, REVOKE],
    payload: None,
};

const WHICH: Kind = Kind::of(
    |_| json!({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "string", "const": OTHERS}]}),
);

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Sessions,
    summary: "Lists one's sessions, or ends some",
    about: "Without `revoke` it lists those whose tokens are still good, the latest opened first.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            optional(
                REVOKE,
                WHICH,
                "An id of the list, or `others` for all but the asking one.",
            ),
        ],
    ),
    answers: &[
        answer(Code::Done, "the list").with(SessionsReply::schema),
        answer(Code::Done, "with `revoke`: they have ended"),
        answer(
            Code::NotFound,
            "with `revoke`: the account has no such session",
        ),
    ],
    examples: &[
        example("revoke", "An end to all others", Code::Done)
            .sends(|| json!({"token": sample::TOKEN, "revoke": "others"})),
        example("list", "What is left", Code::Done)
            .sends(|| json!({"token": sample::TOKEN}))
            .gets(|| {
                json!({
                    "sessionidlist": [sample::SESSION],
                    "createdlist": [sample::OPENED],
                    "usedlist": [sample::OPENED],
                    "networklist": ["127.0.0.0/24"],
                    "total": 1,
                    "current": sample::SESSION,
                })
            }),
        example("unknown", "A session that is not there", Code::NotFound)
            .sends(|| json!({"token": sample::TOKEN, "revoke": sample::NOTHING})),
    ],
};

/// `POST /app/user/sessions`: the caller's sessions, or an end to some of them. Codes 0, 2.
pub(super) async fn sessions(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let revoke = request.fields.optional_text(REVOKE);
    match revoke.map(|text| text.map(which)) {
        Ok(None) => list(&request).await,
        Ok(Some(which)) => end(&request, Ok(which)).await,
        Err(error) => end(&request, Err(error.into())).await,
    }
}

/// `None`: no session can have this id.
pub(super) fn which(text: &str) -> Option<WhichSessions> {
    match text {
        OTHERS => Some(WhichSessions::Others),
        id => SessionId::parse(id).map(WhichSessions::One),
    }
}

async fn end(
    request: &Request,
    which: Result<Option<WhichSessions>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let origin = origin(&request.head);
    let code = request
        .as_actor(Lane::Storage, move |services, actor| {
            revoke(services, actor, which?, &origin)
        })
        .await?;
    Ok(answer::bare(code))
}

/// Ends sessions of the caller's. The code says what became of it.
pub(super) fn revoke(
    services: &Services,
    actor: &Actor,
    which: Option<WhichSessions>,
    origin: &Origin,
) -> Result<Code, ApiError> {
    let Some(which) = which else {
        return Ok(Code::NotFound);
    };
    Ok(services.sessions.revoke(actor, which, origin)?.code())
}

async fn list(request: &Request) -> Result<HttpResponse, ApiError> {
    let reply = request
        .as_actor(Lane::Storage, |services, actor| {
            Ok(SessionsReply::new(actor, &services.sessions.list(actor)?))
        })
        .await?;
    Ok(answer::with(Code::Done, reply))
}

described! {
    /// Parallel arrays, the latest opened session first.
    struct SessionsReply {
        /// Ids, which open nothing by themselves.
        sessionidlist: Vec<String> as UUID,
        /// When each was opened.
        createdlist: Vec<i64> as MOMENT,
        /// When each was last used, roughly.
        usedlist: Vec<i64> as MOMENT,
        /// From which network each was opened; `""` where that is not known.
        networklist: Vec<String>,
        /// How many there are.
        total: usize,
        /// Which of them asks.
        current: String as UUID,
    }
}

impl SessionsReply {
    fn new(actor: &Actor, sessions: &[OpenSession]) -> Self {
        let all = || sessions.iter();
        let network =
            |network: Option<Network>| network.map_or_else(String::new, |n| n.to_string());
        Self {
            sessionidlist: all().map(|open| open.session.id.to_string()).collect(),
            createdlist: all()
                .map(|open| open.session.created_at.as_millis())
                .collect(),
            usedlist: all()
                .map(|open| open.session.last_used_at.as_millis())
                .collect(),
            networklist: all().map(|open| network(open.network)).collect(),
            total: sessions.len(),
            current: actor.session().to_string(),
        }
    }
}

use actix_web::HttpResponse;
use kms_domain::audit::{Network, Origin};
use kms_domain::codes::{Code, Coded};
use kms_domain::users::{Actor, OpenSession, SessionId, WhichSessions};
use serde::Serialize;

use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::origin::origin;

const REVOKE: &str = "revoke";
/// What `revoke` says for all sessions but the asking one.
const OTHERS: &str = "others";

const BODY: Shape = Shape {
    fields: &[TOKEN, REVOKE],
    payload: None,
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

/// Parallel arrays, the latest opened session first.
#[derive(Serialize)]
struct SessionsReply {
    sessionidlist: Vec<String>,
    /// Milliseconds since 1970-01-01 UTC.
    createdlist: Vec<i64>,
    usedlist: Vec<i64>,
    /// `""` where it is not known.
    networklist: Vec<String>,
    total: usize,
    /// Which of them asks.
    current: String,
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

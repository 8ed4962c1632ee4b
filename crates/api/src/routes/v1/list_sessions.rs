use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::Code;
use kms_domain::users::{Actor, OpenSession};
use serde_json::json;

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, MOMENT, Operation, Tag, UUID, answer, described, example, sample,
};

described! {
    struct SessionsReply {
        /// The latest opened first; no more than an account may have.
        sessions: Vec<SessionReply>,
    }
}

described! {
    struct SessionReply {
        /// It opens nothing by itself.
        id: String as UUID,
        /// When it was opened.
        created_at: i64 as MOMENT,
        /// When it was last used, roughly.
        used_at: i64 as MOMENT,
        /// Where it was opened from, in short form; `null` where that is not known.
        network: Option<String>,
        /// Whether it is the one that asks.
        current: bool,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Sessions,
    summary: "Lists one's sessions",
    about: "Those whose tokens are still good.",
    access: Access::Session,
    parameters: &[],
    body: Body::None,
    answers: &[answer(Code::Done, "the list").with(SessionsReply::schema)],
    examples: &[example("list", "One session", Code::Done).gets(|| {
        json!({
            "sessions": [{
                "id": sample::SESSION,
                "created_at": sample::OPENED,
                "used_at": sample::OPENED,
                "network": "127.0.0.0/24",
                "current": true,
            }],
        })
    })],
};

/// `GET /api/v1/sessions`: the caller's sessions whose tokens are still good. Code 0.
pub(super) async fn list_sessions(call: Call) -> Result<HttpResponse, ApiError> {
    let list = call
        .as_bearer(Lane::Storage, |services, actor| {
            let open = services.sessions.list(actor)?;
            let sessions = open.iter().map(|one| SessionReply::new(actor, one));
            Ok(SessionsReply {
                sessions: sessions.collect(),
            })
        })
        .await?;
    reply::object(StatusCode::OK, Code::Done, &list)
}

impl SessionReply {
    fn new(actor: &Actor, open: &OpenSession) -> Self {
        Self {
            id: open.session.id.to_string(),
            created_at: open.session.created_at.as_millis(),
            used_at: open.session.last_used_at.as_millis(),
            network: open.network.map(|network| network.to_string()),
            current: open.session.id == actor.session(),
        }
    }
}

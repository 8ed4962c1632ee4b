use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::files::PublicFile;
use kms_domain::recommend::HotPosition;
use serde_json::json;

use super::listing::{self, LIMIT, Page};
use super::query::query;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, CURSOR as CURSOR_KIND, Described, FID, Field, MOMENT, NAME, Operation, Parameter,
    TITLE, Tag, UUID, answer, described, example, optional,
};

const CURSOR: &str = "cursor";

const QUERY: Shape = Shape {
    fields: &[CURSOR, "limit"],
    payload: None,
};

const CURSOR_FIELD: Field = optional(
    CURSOR,
    CURSOR_KIND,
    "What the page before answered; none for the first one.",
);

described! {
    struct FeedReply {
        /// What comes first is meant most.
        files: Vec<PublicReply>,
        /// Where the next page begins; `null` at the end.
        next: Option<String>,
    }
}

described! {
    struct PublicReply {
        /// The entry.
        fid: String as FID,
        /// Its title.
        name: String as TITLE,
        /// Whose it is.
        owner: String as UUID,
        /// What that account is called now.
        owner_name: String as NAME,
        /// When it was stored.
        date: i64 as MOMENT,
    }
}

pub(in crate::routes) const OPERATION_HOT: Operation = Operation {
    tag: Tag::Plain,
    summary: "Lists what is hot",
    about: "Public files of everybody, the hottest first, in pages; `Link` names the next one. A page may be short, and even empty, though there is a next one.",
    access: Access::Session,
    parameters: &[Parameter::Query(CURSOR_FIELD), Parameter::Query(LIMIT)],
    body: Body::None,
    answers: &[answer(Code::Done, "a page").with(FeedReply::schema)],
    examples: &[
        example("wrong", "A cursor that was never answered", Code::BadFormat)
            .asks(|| json!({"cursor": "the-second-page"}))
            .gets(|| json!({"detail": "there is no such cursor"})),
    ],
};

/// What somebody may like.
pub(in crate::routes) const OPERATION_RECOMMENDED: Operation = Operation {
    summary: "Lists what the caller may like",
    about: "Public files of others over content that the caller has not got, the best first. There is no next page.",
    parameters: &[Parameter::Query(LIMIT)],
    examples: &[example("wrong", "A limit that is none", Code::BadFormat)
        .asks(|| json!({"limit": "none"}))
        .gets(|| json!({"detail": "the field `limit` has the wrong type"}))],
    ..OPERATION_HOT
};

/// `GET /api/v1/hot`: public files of everybody. Codes 0, 1.
pub(super) async fn hot(call: Call) -> Result<HttpResponse, ApiError> {
    let asked = query(call.head.query_string(), QUERY).and_then(|query| {
        let limit = Page::limit_of(&query)?;
        let after = match query.optional_text(CURSOR)? {
            None | Some("") => None,
            Some(text) => Some(HotPosition::parse(text).ok_or_else(listing::no_cursor)?),
        };
        Ok((limit, after))
    });
    let (limit, page) = call
        .as_bearer(Lane::Storage, move |services, _| {
            let (limit, after) = asked?;
            Ok((limit, services.recommend.hot(after, limit)?))
        })
        .await?;
    let next = page.next.map(|next| next.to_string());
    let list = FeedReply::new(&page.files, next.clone());
    listing::answer(&list, "/api/v1/hot", limit, &[], next.as_deref())
}

/// `GET /api/v1/recommended`: public files of others. Codes 0, 1.
pub(super) async fn recommended(call: Call) -> Result<HttpResponse, ApiError> {
    let limit = query(call.head.query_string(), QUERY).and_then(|query| Page::limit_of(&query));
    let (limit, mut files) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            Ok((limit?, services.recommend.for_user(actor)?))
        })
        .await?;
    files.truncate(limit);
    let list = FeedReply::new(&files, None);
    listing::answer(&list, "/api/v1/recommended", limit, &[], None)
}

impl FeedReply {
    fn new(files: &[PublicFile], next: Option<String>) -> Self {
        let files = files.iter().map(|file| PublicReply {
            fid: file.id.to_string(),
            name: file.title.as_str().to_owned(),
            owner: file.owner.to_string(),
            owner_name: file.owner_name.as_str().to_owned(),
            date: file.position.created_at.as_millis(),
        });
        Self {
            files: files.collect(),
            next,
        }
    }
}

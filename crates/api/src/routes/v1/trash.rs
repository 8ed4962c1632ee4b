use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{FileId, TrashPosition, TrashedFile};

use super::listing::{self, Cursor, Page, cut};
use super::query::query;
use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Body, COUNT, Described, FID, Operation, Parameter, TEXT, answer, described, optional, plain,
    required,
};

const QUERY: Shape = Shape {
    fields: &["cursor", "limit"],
    payload: None,
};

described! {
    struct TrashReply {
        /// The last deleted first.
        files: Vec<TrashedReply>,
        /// Where the next page begins; `null` at the end.
        next: Option<String>,
    }
}

described! {
    struct TrashedReply {
        /// Its id.
        fid: String,
        /// As given.
        name: String,
        /// Bytes.
        size: u64,
        /// Whether others may read it.
        public: bool,
        /// What its owner files it under.
        label: Option<String>,
        /// When it was stored, in milliseconds since 1970-01-01 UTC.
        date: i64,
        /// When it was deleted.
        deleted_at: i64,
    }
}

pub(in crate::routes) const OPERATION: Operation = plain(
    "Lists what one has deleted",
    &[
        Parameter::Query(optional(
            "cursor",
            TEXT,
            "Where the page begins, as the one before says in `next`.",
        )),
        Parameter::Query(optional(
            "limit",
            COUNT,
            "Entries on the page, 1 to 256; 100 without it.",
        )),
    ],
    Body::None,
    &[answer(Code::Done, "a page; `Link` leads to the next one").with(TrashReply::schema)],
);

pub(in crate::routes) const OPERATION_RESTORE: Operation = plain(
    "Brings a deleted entry back",
    &[Parameter::Path(required("fid", FID, "The entry."))],
    Body::None,
    &[
        answer(Code::Done, "it is back").at(204).empty(),
        answer(Code::NotFound, "the trash has no such entry"),
    ],
);

pub(in crate::routes) const OPERATION_PURGE: Operation = plain(
    "Removes a deleted entry for good",
    &[Parameter::Path(required("fid", FID, "The entry."))],
    Body::None,
    &[
        answer(Code::Done, "it is gone").at(204).empty(),
        answer(Code::NotFound, "the trash has no such entry"),
    ],
);

/// `GET /api/v1/trash`: what the caller has deleted and can bring back. Codes 0, 1.
pub(super) async fn list_trash(call: Call) -> Result<HttpResponse, ApiError> {
    let page = query(call.head.query_string(), QUERY).and_then(|query| Page::of(&query));
    let (page, files, next) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let page = page?;
            let after = page.after.map(TrashPosition::from);
            let found = services.files.list_trash(actor, after)?;
            let (files, next) = cut(found.files, page.limit, TrashedFile::position, found.next);
            Ok((page, files, next))
        })
        .await?;
    let list = TrashReply {
        files: files.iter().map(TrashedReply::new).collect(),
        next: next.map(Cursor::text),
    };
    listing::answer(&list, "/api/v1/trash", page.limit, &[], next)
}

/// `POST /api/v1/trash/{fid}/restore`: brings an entry of the caller's back. 204; code 2.
pub(super) async fn restore(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = fid(&call);
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| match fid {
            Some(id) => Ok(services.files.restore(actor, id)?.code()),
            None => Ok(Code::NotFound),
        })
        .await?;
    done(code)
}

/// `DELETE /api/v1/trash/{fid}`: removes an entry of the caller's for good. 204; code 2.
pub(super) async fn purge(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = fid(&call);
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| match fid {
            Some(id) => Ok(services.files.purge(actor, id)?.code()),
            None => Ok(Code::NotFound),
        })
        .await?;
    done(code)
}

fn fid(call: &Call) -> Option<FileId> {
    call.head.match_info().get("fid").and_then(FileId::parse)
}

fn done(code: Code) -> Result<HttpResponse, ApiError> {
    match code {
        Code::Done => Ok(reply::nothing(code)),
        refused => Err(ApiError::new(refused)),
    }
}

impl TrashedReply {
    fn new(trashed: &TrashedFile) -> Self {
        let file = &trashed.file;
        Self {
            fid: file.id.to_string(),
            name: file.title.as_str().to_owned(),
            size: trashed.size,
            public: file.visibility.is_public(),
            label: file.label.as_ref().map(|label| label.as_str().to_owned()),
            date: file.position.created_at.as_millis(),
            deleted_at: trashed.deleted_at.as_millis(),
        }
    }
}

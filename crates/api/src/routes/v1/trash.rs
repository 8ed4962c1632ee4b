use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::TrashedFile;
use serde_json::json;

use super::listing::{self, CURSOR, LIMIT, Page, cut};
use super::query::query;
use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, FID, LABEL, MOMENT, Operation, Parameter, TITLE, Tag, answer,
    described, example, required, sample,
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
        fid: String as FID,
        /// Its title.
        name: String as TITLE,
        /// Bytes.
        size: u64,
        /// Whether others could read it.
        public: bool,
        /// What it was filed under; `null` without one.
        label: Option<String> as LABEL,
        /// When it was stored.
        date: i64 as MOMENT,
        /// When it was deleted.
        deleted_at: i64 as MOMENT,
    }
}

/// `GET /api/v1/trash`: what the caller has deleted and can bring back. Codes 0, 1.
pub(super) async fn list_trash(call: Call) -> Result<HttpResponse, ApiError> {
    let page = query(call.head.query_string(), QUERY).and_then(|query| Page::of(&query));
    let (page, files, next) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let page = page?;
            let found = services.files.list_trash(actor, page.after)?;
            let (files, next) = cut(found.files, page.limit, TrashedFile::place, found.next);
            Ok((page, files, next))
        })
        .await?;
    let list = TrashReply {
        files: files.iter().map(TrashedReply::new).collect(),
        next: next.clone(),
    };
    listing::answer(&list, "/api/v1/trash", page.limit, &[], next.as_deref())
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Lists what was deleted and can be brought back",
    about: "In pages, the last deleted first; `Link` names the next one.",
    access: Access::Session,
    parameters: &[Parameter::Query(CURSOR), Parameter::Query(LIMIT)],
    body: Body::None,
    answers: &[answer(Code::Done, "a page").with(TrashReply::schema)],
    examples: &[example("list", "Two deleted files", Code::Done).gets(|| {
        json!({
            "files": [
                {
                    "fid": sample::CLAIMED,
                    "name": "claimed.txt",
                    "size": 5,
                    "public": true,
                    "label": null,
                    "date": sample::CLAIMED_AT,
                    "deleted_at": sample::DELETED_LATER,
                },
                {
                    "fid": sample::CREATED,
                    "name": "hello.txt",
                    "size": 5,
                    "public": false,
                    "label": "letters",
                    "date": sample::CREATED_AT,
                    "deleted_at": sample::DELETED_NEXT,
                },
            ],
            "next": null,
        })
    })],
};

/// Bringing back.
pub(in crate::routes) const OPERATION_RESTORE: Operation = Operation {
    summary: "Brings a deleted file back",
    about: "",
    parameters: &[Parameter::Path(required("fid", FID, "The entry."))],
    answers: &[
        answer(Code::Done, "it is back").at(204).empty(),
        answer(Code::NotFound, "there is no such entry in the trash"),
    ],
    examples: &[
        example("restore", "Back again", Code::Done)
            .at(204)
            .asks(|| json!({"fid": sample::CREATED})),
        example("again", "It is not in the trash any more", Code::NotFound)
            .asks(|| json!({"fid": sample::CREATED})),
    ],
    ..OPERATION
};

/// Removing for good.
pub(in crate::routes) const OPERATION_PURGE: Operation = Operation {
    summary: "Removes a deleted file for good",
    about: "",
    parameters: &[Parameter::Path(required("fid", FID, "The entry."))],
    answers: &[
        answer(Code::Done, "it is gone").at(204).empty(),
        answer(Code::NotFound, "there is no such entry in the trash"),
    ],
    examples: &[
        example("purge", "Gone for good", Code::Done)
            .at(204)
            .asks(|| json!({"fid": sample::CLAIMED})),
        example("again", "It is not there any more", Code::NotFound)
            .asks(|| json!({"fid": sample::CLAIMED})),
    ],
    ..OPERATION
};

/// `POST /api/v1/trash/{fid}/restore`: brings an entry of the caller's back. 204; code 2.
pub(super) async fn restore(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.fid();
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
    let fid = call.fid();
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| match fid {
            Some(id) => Ok(services.files.purge(actor, id)?.code()),
            None => Ok(Code::NotFound),
        })
        .await?;
    done(code)
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

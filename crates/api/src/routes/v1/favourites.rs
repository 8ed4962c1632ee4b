use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{CancelOutcome, Favourite, FavouriteOutcome, FileId, ListPosition};

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
use crate::quota;

const QUERY: Shape = Shape {
    fields: &["cursor", "limit"],
    payload: None,
};

described! {
    struct FavouritesReply {
        /// The last added first.
        favourites: Vec<FavouriteReply>,
        /// Where the next page begins; `null` at the end.
        next: Option<String>,
    }
}

described! {
    struct FavouriteReply {
        /// Its id.
        fid: String,
        /// The entry that it was made of.
        source: String,
        /// As given.
        name: String,
        /// Bytes.
        size: u64,
        /// What its owner files it under.
        label: Option<String>,
        /// Whose the source is or was, and what that account is called now.
        owner: String,
        /// What that account is called now.
        owner_name: String,
        /// When it was made, in milliseconds since 1970-01-01 UTC.
        date: i64,
    }
}

described! {
    struct AddedReply {
        /// The favourite's own identity.
        fid: String,
    }
}

pub(in crate::routes) const OPERATION: Operation = plain(
    "Lists one's favourites",
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
    &[answer(Code::Done, "a page; `Link` leads to the next one").with(FavouritesReply::schema)],
);

pub(in crate::routes) const OPERATION_ADD: Operation = plain(
    "Makes a favourite of an entry",
    &[Parameter::Path(required("fid", FID, "The entry."))],
    Body::None,
    &[
        answer(Code::FavouriteAdded, "it is one now")
            .with(AddedReply::schema)
            .at(201),
        answer(Code::FavouriteKnown, "it was one already")
            .with(AddedReply::schema)
            .at(200),
        answer(
            Code::NotFound,
            "no such entry for this user, or no id at all",
        ),
    ],
);

pub(in crate::routes) const OPERATION_CANCEL: Operation = plain(
    "Gives a favourite up",
    &[Parameter::Path(required("fid", FID, "The entry."))],
    Body::None,
    &[
        answer(Code::FavouriteCancelled, "it is one no more")
            .at(204)
            .empty(),
        answer(Code::NotFound, "the caller has no such favourite"),
    ],
);

/// `GET /api/v1/favourites`: the caller's favourites. Codes 0, 1.
pub(super) async fn list_favourites(call: Call) -> Result<HttpResponse, ApiError> {
    let page = query(call.head.query_string(), QUERY).and_then(|query| Page::of(&query));
    let (page, found, next) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let page = page?;
            let after = page.after.map(ListPosition::from);
            let found = services.files.list_favourites(actor, after)?;
            let (found, next) = cut(found.favourites, page.limit, |it| it.position, found.next);
            Ok((page, found, next))
        })
        .await?;
    let list = FavouritesReply {
        favourites: found.iter().map(FavouriteReply::new).collect(),
        next: next.map(Cursor::text),
    };
    listing::answer(&list, "/api/v1/favourites", page.limit, &[], next)
}

/// `PUT /api/v1/favourites/{fid}`: makes a favourite of an entry that the caller may read, unless it is one.
/// 201, 200; codes 160, 161, 2.
pub(super) async fn add_favourite(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = fid(&call);
    let outcome = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let outcome = match fid {
                Some(id) => services.files.add_favourite(actor, id)?,
                None => FavouriteOutcome::NotFound,
            };
            quota::favoured(actor.user(), outcome)
        })
        .await?;
    let (status, id) = match outcome {
        FavouriteOutcome::Added(id) => (StatusCode::CREATED, id),
        FavouriteOutcome::Already(id) => (StatusCode::OK, id),
        FavouriteOutcome::NotFound | FavouriteOutcome::OverQuota => {
            return Err(ApiError::new(outcome.code()));
        }
    };
    let fid = id.to_string();
    reply::object(status, outcome.code(), &AddedReply { fid })
}

/// `DELETE /api/v1/favourites/{fid}`: gives a favourite up, named by its own id or by that of its source. 204;
/// code 2.
pub(super) async fn cancel_favourite(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = fid(&call);
    let outcome = call
        .as_bearer(Lane::Storage, move |services, actor| match fid {
            Some(id) => Ok(services.files.cancel_favourite(actor, id)?),
            None => Ok(CancelOutcome::NotFavourite),
        })
        .await?;
    match outcome {
        CancelOutcome::Cancelled => Ok(reply::nothing(outcome.code())),
        CancelOutcome::NotFavourite => Err(ApiError::new(Code::NotFound)),
    }
}

fn fid(call: &Call) -> Option<FileId> {
    call.head.match_info().get("fid").and_then(FileId::parse)
}

impl FavouriteReply {
    fn new(favourite: &Favourite) -> Self {
        Self {
            fid: favourite.id.to_string(),
            source: favourite.source.to_string(),
            name: favourite.title.as_str().to_owned(),
            size: favourite.size,
            label: favourite
                .label
                .as_ref()
                .map(|label| label.as_str().to_owned()),
            owner: favourite.source_owner.to_string(),
            owner_name: favourite.source_owner_name.as_str().to_owned(),
            date: favourite.position.created_at.as_millis(),
        }
    }
}

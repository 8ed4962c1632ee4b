use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use kms_domain::codes::{Code, Coded as _};
use kms_domain::files::{CancelOutcome, Favourite, FavouriteOutcome};
use serde_json::json;

use super::listing::{self, CURSOR, LIMIT, Page, cut};
use super::query::query;
use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, FID, LABEL, MOMENT, NAME, Operation, Parameter, TITLE, Tag, UUID,
    answer, described, example, required, sample,
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
        /// The favourite.
        fid: String as FID,
        /// The entry that it was made of.
        source: String as FID,
        /// Its title.
        name: String as TITLE,
        /// Bytes.
        size: u64,
        /// What the caller files it under; `null` without one.
        label: Option<String> as LABEL,
        /// Whose the source is or was.
        owner: String as UUID,
        /// What that account is called now.
        owner_name: String as NAME,
        /// When it was made.
        date: i64 as MOMENT,
    }
}

described! {
    struct AddedReply {
        /// The favourite's own identity.
        fid: String as FID,
    }
}

pub(in crate::routes) const OPERATION: Operation = Operation {
    tag: Tag::Plain,
    summary: "Lists one's favourites",
    about: "In pages, the last added first; `Link` names the next one.",
    access: Access::Session,
    parameters: &[Parameter::Query(CURSOR), Parameter::Query(LIMIT)],
    body: Body::None,
    answers: &[answer(Code::Done, "a page").with(FavouritesReply::schema)],
    examples: &[example("list", "A favourite", Code::Done).gets(|| {
        json!({
            "favourites": [{
                "fid": sample::FAVOURITE_NEXT,
                "source": sample::OTHERS,
                "name": "notes.pdf",
                "size": 16,
                "label": null,
                "owner": sample::OTHER_USER,
                "owner_name": "Ben",
                "date": sample::FAVOURED_NEXT,
            }],
            "next": null,
        })
    })],
};

/// Making one.
pub(in crate::routes) const OPERATION_ADD: Operation = Operation {
    summary: "Makes a file a favourite",
    about: "A favourite is an entry of the caller's own over what somebody has made public.",
    parameters: &[Parameter::Path(required("fid", FID, "The entry."))],
    answers: &[
        answer(Code::FavouriteAdded, "")
            .at(201)
            .with(AddedReply::schema),
        answer(Code::FavouriteKnown, "")
            .at(200)
            .with(AddedReply::schema),
        answer(Code::NotFound, "no such entry for this user"),
    ],
    examples: &[
        example(
            "add",
            "A public file of somebody else",
            Code::FavouriteAdded,
        )
        .at(201)
        .asks(|| json!({"fid": sample::OTHERS}))
        .gets(|| json!({"fid": sample::FAVOURITE_NEXT})),
        example("again", "The same once more", Code::FavouriteKnown)
            .at(200)
            .asks(|| json!({"fid": sample::OTHERS}))
            .gets(|| json!({"fid": sample::FAVOURITE_NEXT})),
        example("unknown", "What is not there", Code::NotFound)
            .asks(|| json!({"fid": sample::NOTHING})),
    ],
    ..OPERATION
};

/// Giving one up.
pub(in crate::routes) const OPERATION_CANCEL: Operation = Operation {
    summary: "Gives a favourite up",
    about: "",
    parameters: &[Parameter::Path(required(
        "fid",
        FID,
        "The favourite, or the entry that it was made of.",
    ))],
    answers: &[
        answer(Code::FavouriteCancelled, "").at(204).empty(),
        answer(Code::NotFound, "the caller has no such favourite"),
    ],
    examples: &[
        example("cancel", "An end to it", Code::FavouriteCancelled)
            .at(204)
            .asks(|| json!({"fid": sample::FAVOURITE_NEXT})),
        example("again", "It is gone", Code::NotFound)
            .asks(|| json!({"fid": sample::FAVOURITE_NEXT})),
    ],
    ..OPERATION
};

/// `GET /api/v1/favourites`: the caller's favourites. Codes 0, 1.
pub(super) async fn list_favourites(call: Call) -> Result<HttpResponse, ApiError> {
    let page = query(call.head.query_string(), QUERY).and_then(|query| Page::of(&query));
    let (page, found, next) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let page = page?;
            let found = services.files.list_favourites(actor, page.after)?;
            let (found, next) = cut(found.favourites, page.limit, Favourite::place, found.next);
            Ok((page, found, next))
        })
        .await?;
    let list = FavouritesReply {
        favourites: found.iter().map(FavouriteReply::new).collect(),
        next: next.clone(),
    };
    listing::answer(
        &list,
        "/api/v1/favourites",
        page.limit,
        &[],
        next.as_deref(),
    )
}

/// `PUT /api/v1/favourites/{fid}`: makes a favourite of an entry that the caller may read, unless it is one.
/// 201, 200; codes 160, 161, 2.
pub(super) async fn add_favourite(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.fid();
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
    let fid = call.fid();
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
            date: favourite.created_at.as_millis(),
        }
    }
}

use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::files::{CancelOutcome, FavouriteOutcome, FileId};
use kms_domain::users::Actor;
use serde_json::json;

use super::entry_list::{Cell, Entry, EntryList};
use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::{FieldError, Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, Described, FID, LABEL, MOMENT, NAME, Operation, SUMMARY, TITLE,
    TOKEN_FIELD, Tag, UUID, answer, arrays, described, example, optional, sample,
};
use crate::quota;
use crate::spool::Spooled;

const BODY: Shape = Shape {
    fields: &[TOKEN, "fid", "cancel"],
    payload: None,
};

described! {
    struct FavouriteReply {
        /// The favourite.
        fid: String as FID,
    }
}

/// What is asked for. `None`: no entry can have this id.
enum Wish {
    List,
    Add(Option<FileId>),
    Cancel(Option<FileId>),
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Makes a file a favourite, gives one up, or lists them",
    about: "A favourite is an entry of the caller's own over what somebody has made public, and stays when that goes. Without `fid`, \
            the answer is the list, newest first, as parallel arrays of one length.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            optional("fid", FID, "An entry; with `cancel`, it or the favourite."),
            optional("cancel", BOOL, "Whether to give it up."),
        ],
    ),
    answers: &[
        answer(Code::Done, "without `fid`: the list").with(|| {
            arrays([
                ("fidlist", FID, "The favourites."),
                ("namelist", TITLE, "Their titles."),
                ("datelist", MOMENT, "When they became favourites."),
                ("classifylist", LABEL, "The caller's labels."),
                ("summarylist", SUMMARY, "`\"\"` where there is none."),
                ("userid", UUID, "Whose the entries are."),
                ("username", NAME, "Their names."),
                ("sourcelist", FID, "The entries that they were made of."),
            ])
        }),
        answer(Code::FavouriteAdded, "").with(FavouriteReply::schema),
        answer(Code::FavouriteKnown, "").with(FavouriteReply::schema),
        answer(Code::FavouriteCancelled, ""),
        answer(Code::FavouriteUnknown, ""),
        answer(Code::NotFound, "no such entry for this user"),
    ],
    examples: &[
        example(
            "add",
            "A public file of somebody else",
            Code::FavouriteAdded,
        )
        .sends(|| json!({"token": sample::TOKEN, "fid": sample::OTHERS}))
        .gets(|| json!({"fid": sample::FAVOURITE})),
        example("again", "The same once more", Code::FavouriteKnown)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::OTHERS}))
            .gets(|| json!({"fid": sample::FAVOURITE})),
        example("list", "All of them", Code::Done)
            .sends(|| json!({"token": sample::TOKEN}))
            .gets(|| {
                json!({
                    "fidlist": [sample::FAVOURITE],
                    "namelist": ["notes.pdf"],
                    "datelist": [sample::FAVOURED],
                    "classifylist": [""],
                    "summarylist": [""],
                    "userid": [sample::OTHER_USER],
                    "username": ["Ben"],
                    "sourcelist": [sample::OTHERS],
                    "total": 1,
                })
            }),
        example("cancel", "An end to it", Code::FavouriteCancelled)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::FAVOURITE, "cancel": true})),
        example("unknown", "What is none", Code::FavouriteUnknown)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::OTHERS, "cancel": true})),
        example("missing", "What is not there", Code::NotFound)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::NOTHING})),
    ],
};

/// `POST /app/user/favorite`: makes an entry a favourite (`fid`), gives one up (`fid` and `cancel`), or lists
/// them. Codes 160, 161, 162, 163, 0, 2, 1.
pub(super) async fn favorite(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    match parse(&request.fields) {
        Ok(Wish::List) => {
            let list = request.as_actor(Lane::Storage, list).await?;
            Ok(list.answer(&request, Code::Done))
        }
        Ok(Wish::Add(id)) => change(&request, Ok((id, add))).await,
        Ok(Wish::Cancel(id)) => change(&request, Ok((id, cancel))).await,
        Err(error) => change(&request, Err(error)).await,
    }
}

fn parse(fields: &Fields) -> Result<Wish, ApiError> {
    let id = fields.optional_text("fid")?.map(FileId::parse);
    Ok(match (id, fields.boolean("cancel")? == Some(true)) {
        (None, false) => Wish::List,
        (None, true) => return Err(FieldError::Missing("fid").into()),
        (Some(id), false) => Wish::Add(id),
        (Some(id), true) => Wish::Cancel(id),
    })
}

/// A code, and the favourite that it is about.
type Changed = (Code, Option<FileId>);
type Change = fn(&Services, &Actor, Option<FileId>) -> Result<Changed, ApiError>;

async fn change(
    request: &Request,
    wish: Result<(Option<FileId>, Change), ApiError>,
) -> Result<HttpResponse, ApiError> {
    let (code, favourite) = request
        .as_actor(Lane::Storage, move |services, actor| {
            let (id, change) = wish?;
            change(services, actor, id)
        })
        .await?;
    Ok(match favourite {
        Some(id) => answer::with(
            code,
            FavouriteReply {
                fid: id.to_string(),
            },
        ),
        None => answer::bare(code),
    })
}

fn add(services: &Services, actor: &Actor, id: Option<FileId>) -> Result<Changed, ApiError> {
    let outcome = match id {
        Some(id) => services.files.add_favourite(actor, id)?,
        None => FavouriteOutcome::NotFound,
    };
    let outcome = quota::favoured(actor.user(), outcome)?;
    Ok(match outcome {
        FavouriteOutcome::Added(id) | FavouriteOutcome::Already(id) => (outcome.code(), Some(id)),
        FavouriteOutcome::NotFound | FavouriteOutcome::OverQuota => (outcome.code(), None),
    })
}

fn cancel(services: &Services, actor: &Actor, id: Option<FileId>) -> Result<Changed, ApiError> {
    let outcome = match id {
        Some(id) => services.files.cancel_favourite(actor, id)?,
        None => CancelOutcome::NotFavourite,
    };
    Ok((outcome.code(), None))
}

fn list(services: &Services, actor: &Actor) -> Result<Spooled, ApiError> {
    let mut list = EntryList::new(services, ["userid", "username", "sourcelist"])?;
    let mut after = None;
    loop {
        let page = services.files.list_favourites(actor, after)?;
        for it in &page.favourites {
            let entry = Entry {
                id: it.id,
                title: &it.title,
                date: it.created_at,
                label: it.label.as_ref(),
            };
            list.push(
                &entry,
                [
                    Cell::User(it.source_owner),
                    Cell::Text(it.source_owner_name.as_str()),
                    Cell::Fid(it.source),
                ],
            )?;
        }
        after = page.next;
        if after.is_none() {
            return list.finish(&[]);
        }
    }
}

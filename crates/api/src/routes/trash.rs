use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::files::{FileId, PurgeOutcome, RestoreOutcome};
use kms_domain::users::Actor;
use serde_json::json;

use super::entry_list::{Cell, Entry, EntryList};
use crate::answer;
use crate::app::Services;
use crate::call::{Call, Request, TOKEN};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, COUNT, FID, LABEL, MOMENT, Operation, SUMMARY, TITLE, TOKEN_FIELD, Tag,
    and, answer, arrays, example, optional, sample,
};
use crate::spool::Spooled;

const RESTORE: &str = "restore";
const PURGE: &str = "purge";

const BODY: Shape = Shape {
    fields: &[TOKEN, RESTORE, PURGE],
    payload: None,
};

/// What is asked for. `None`: no entry can have this id.
enum Wish {
    List,
    Restore(Option<FileId>),
    Purge(Option<FileId>),
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Lists what was deleted, brings it back, or removes it for good",
    about: "Without `restore` and `purge` the answer is the list, the latest deleted first, as parallel arrays of one length.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            optional(RESTORE, FID, "An entry of the list, to bring it back."),
            optional(
                PURGE,
                FID,
                "An entry of the list, to remove it for good. Not beside `restore`.",
            ),
        ],
    ),
    answers: &[
        answer(Code::Done, "the list").with(|| {
            let list = arrays([
                ("fidlist", FID, "The entries."),
                ("namelist", TITLE, "Their titles."),
                ("datelist", MOMENT, "When they were uploaded."),
                ("classifylist", LABEL, "Their labels, `\"\"` without one."),
                ("summarylist", SUMMARY, "`\"\"` where there is none."),
                ("public", BOOL, "Whether others could read them."),
                ("sizelist", COUNT, "Their bytes."),
                ("deletedlist", MOMENT, "When they were deleted."),
            ]);
            and(
                list,
                "used",
                COUNT.link(),
                "Bytes of all of them, which count in the account's usage.",
            )
        }),
        answer(Code::Done, "with `restore` or `purge`: it is done"),
        answer(Code::NotFound, "there is no such entry in the trash"),
    ],
    examples: &[
        example("list", "A deleted file", Code::Done)
            .sends(|| json!({"token": sample::TOKEN}))
            .gets(|| {
                json!({
                    "fidlist": [sample::LINKED],
                    "namelist": ["again.txt"],
                    "datelist": [sample::LATER],
                    "classifylist": [""],
                    "summarylist": [""],
                    "public": [true],
                    "sizelist": [5],
                    "deletedlist": [sample::DELETED],
                    "total": 1,
                    "used": 5,
                })
            }),
        example("restore", "Back again", Code::Done)
            .sends(|| json!({"token": sample::TOKEN, "restore": sample::LINKED})),
        example("unknown", "What is not in the trash", Code::NotFound)
            .sends(|| json!({"token": sample::TOKEN, "purge": sample::LINKED})),
    ],
};

/// `POST /app/user/trash`: lists what the caller has deleted, brings an entry back (`restore`), or removes one
/// for good (`purge`). Codes 0, 2, 1.
pub(super) async fn trash(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    match parse(&request.fields) {
        Ok(Wish::List) => {
            let list = request.as_actor(Lane::Storage, list).await?;
            Ok(list.answer(&request, Code::Done))
        }
        wish => change(&request, wish).await,
    }
}

fn parse(fields: &Fields) -> Result<Wish, ApiError> {
    let id = |name| Ok::<_, ApiError>(fields.optional_text(name)?.map(FileId::parse));
    Ok(match (id(RESTORE)?, id(PURGE)?) {
        (None, None) => Wish::List,
        (Some(id), None) => Wish::Restore(id),
        (None, Some(id)) => Wish::Purge(id),
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_format(
                "one entry cannot be restored and purged",
            ));
        }
    })
}

async fn change(request: &Request, wish: Result<Wish, ApiError>) -> Result<HttpResponse, ApiError> {
    let code = request
        .as_actor(Lane::Storage, move |services, actor| {
            Ok(match wish? {
                Wish::Restore(Some(id)) => services.files.restore(actor, id)?.code(),
                Wish::Restore(None) => RestoreOutcome::NotFound.code(),
                Wish::Purge(Some(id)) => services.files.purge(actor, id)?.code(),
                Wish::Purge(None) => PurgeOutcome::NotFound.code(),
                Wish::List => Code::Done,
            })
        })
        .await?;
    Ok(answer::bare(code))
}

fn list(services: &Services, actor: &Actor) -> Result<Spooled, ApiError> {
    let mut list = EntryList::new(services, ["public", "sizelist", "deletedlist"])?;
    // What is in the trash counts in the account's usage, and this is how much.
    let mut used = 0_u64;
    let mut after = None;
    loop {
        let page = services.files.list_trash(actor, after)?;
        for it in &page.files {
            used = used.saturating_add(it.size);
            let entry = Entry {
                id: it.file.id,
                title: &it.file.title,
                date: it.file.position.created_at,
                label: it.file.label.as_ref(),
            };
            list.push(
                &entry,
                [
                    Cell::Flag(it.file.visibility.is_public()),
                    Cell::Number(it.size),
                    Cell::Date(it.deleted_at),
                ],
            )?;
        }
        after = page.next;
        if after.is_none() {
            return list.finish(&[("used", used)]);
        }
    }
}

use actix_web::HttpResponse;
use kms_domain::codes::Code;
use kms_domain::users::Actor;
use serde_json::json;

use super::entry_list::{Cell, Entry, EntryList};
use crate::app::Services;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, FID, LABEL, MOMENT, Operation, SUMMARY, TITLE, TOKEN_FIELD, Tag, answer,
    arrays, example, sample,
};
use crate::spool::Spooled;

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Lists one's files",
    about: "All of them, newest first, as parallel arrays of one length.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(BODY, &[TOKEN_FIELD]),
    answers: &[answer(Code::Done, "the list").with(|| {
        arrays([
            ("fidlist", FID, "The entries."),
            ("namelist", TITLE, "Their titles."),
            ("datelist", MOMENT, "When they were uploaded."),
            ("classifylist", LABEL, "Their labels, `\"\"` without one."),
            ("summarylist", SUMMARY, "`\"\"` where there is none."),
            ("public", BOOL, "Whether others may read them."),
        ])
    })],
    examples: &[example("own", "Two files", Code::Done)
        .sends(|| json!({"token": sample::TOKEN}))
        .gets(|| {
            json!({
                "fidlist": [sample::LINKED, sample::FID],
                "namelist": ["again.txt", "hello.txt"],
                "datelist": [sample::LATER, sample::DATE],
                "classifylist": ["", ""],
                "summarylist": ["", ""],
                "public": [true, true],
                "total": 2,
            })
        })],
};

/// `POST /app/user/getownfilelist`: the caller's entries, newest first. Code 0.
pub(super) async fn own_file_list(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let list = request.as_actor(Lane::Storage, write).await?;
    Ok(list.answer(&request, Code::Done))
}

fn write(services: &Services, actor: &Actor) -> Result<Spooled, ApiError> {
    let mut list = EntryList::new(services, ["public"])?;
    let mut after = None;
    loop {
        let page = services.files.list_own(actor, after)?;
        for file in &page.files {
            let entry = Entry {
                id: file.id,
                title: &file.title,
                date: file.position.created_at,
                label: file.label.as_ref(),
            };
            list.push(&entry, [Cell::Flag(file.visibility.is_public())])?;
        }
        after = page.next;
        if after.is_none() {
            return list.finish(&[]);
        }
    }
}

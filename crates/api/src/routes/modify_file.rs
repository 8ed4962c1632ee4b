use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::files::{EditOutcome, EntryChange, FileId, Label, LabelError, Title, Visibility};
use serde_json::json;

use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;
use crate::openapi::{
    Access, BOOL, Body, FID, LABEL, Operation, TITLE, TOKEN_FIELD, Tag, answer, example, optional,
    required, sample,
};

const BODY: Shape = Shape {
    fields: &[TOKEN, "fid", "name", "public", "classify", "delete"],
    payload: None,
};

/// What is to become of an entry.
enum Wish {
    Change(EntryChange),
    Delete,
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Changes or deletes a file",
    about: "An own entry. With `delete` it goes to the trash, whatever else is sent.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(
        BODY,
        &[
            TOKEN_FIELD,
            required("fid", FID, ""),
            optional("name", TITLE, ""),
            optional(
                "public",
                BOOL,
                "Whether others may read it. A favourite cannot be public.",
            ),
            optional("classify", LABEL, "An empty text takes the label away."),
            optional("delete", BOOL, "Whether to delete it."),
        ],
    ),
    answers: &[
        answer(Code::FileModified, ""),
        answer(Code::FileDeleted, ""),
        answer(Code::FileUnmodified, ""),
        answer(Code::NotFound, "the caller has no such entry"),
    ],
    examples: &[
        example("label", "Another title, and a label", Code::FileModified).sends(|| {
            json!({
                "token": sample::TOKEN,
                "fid": sample::FID,
                "name": "greeting.txt",
                "classify": "letters",
            })
        }),
        example("same", "What is so already", Code::FileUnmodified)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::FID, "classify": "letters"})),
        example("delete", "An end to the other one", Code::FileDeleted)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::LINKED, "delete": true})),
        example("foreign", "A file of somebody else", Code::NotFound)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::OTHERS, "name": "mine.pdf"})),
    ],
};

/// `POST /app/user/modifyfile`: changes or deletes an entry of the caller's own. Codes 141, 142, 143, 2, 1.
pub(super) async fn modify_file(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let wish = parse(&request.fields);
    let code = request
        .as_actor(Lane::Storage, move |services, actor| {
            let (id, wish) = wish?;
            let Some(id) = id else {
                return Ok(Code::NotFound);
            };
            let change = match wish {
                Wish::Delete => return Ok(services.files.delete(actor, id)?.code()),
                Wish::Change(change) => change,
            };
            let outcome = services.files.edit(actor, id, &change)?;
            if outcome == EditOutcome::NotPublishable {
                return Err(ApiError::bad_format("a favourite cannot be made public"));
            }
            Ok(outcome.code())
        })
        .await?;
    Ok(answer::bare(code))
}

/// Whoever deletes changes nothing beside it; what is asked for must be right all the same.
fn parse(fields: &Fields) -> Result<(Option<FileId>, Wish), ApiError> {
    let id = FileId::parse(fields.required_text("fid")?);
    let change = EntryChange {
        title: fields
            .optional_text("name")?
            .map(Title::parse)
            .transpose()?,
        visibility: fields.boolean("public")?.map(Visibility::from_public),
        label: fields.optional_text("classify")?.map(label).transpose()?,
        given: None,
    };
    let wish = if fields.boolean("delete")? == Some(true) {
        Wish::Delete
    } else {
        Wish::Change(change)
    };
    Ok((id, wish))
}

/// An empty text takes the label away.
fn label(raw: &str) -> Result<Option<Label>, LabelError> {
    if raw.is_empty() {
        return Ok(None);
    }
    Label::parse(raw).map(Some)
}

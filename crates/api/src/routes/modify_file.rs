use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::files::{EditOutcome, EntryChange, FileId, Label, LabelError, Title, Visibility};

use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::{Fields, Shape};
use crate::offload::Lane;

const BODY: Shape = Shape {
    fields: &[TOKEN, "fid", "name", "public", "classify", "delete"],
    payload: None,
};

/// What is to become of an entry.
enum Wish {
    Change(EntryChange),
    Delete,
}

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

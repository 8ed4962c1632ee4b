use actix_web::HttpResponse;
use kms_domain::codes::Coded;
use kms_domain::files::{FileId, Label, OpenOutcome, Title};
use serde::Serialize;

use crate::answer;
use crate::blocks::{Blocks, Wire};
use crate::call::{Call, TOKEN};
use crate::download;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;

const BODY: Shape = Shape {
    fields: &[TOKEN, "fid"],
    payload: None,
};

#[derive(Serialize)]
struct FileReply<'a> {
    name: &'a str,
    /// The caller's own label; empty without one, and for an entry of somebody else.
    classify: &'a str,
    summary: &'a str,
    /// Milliseconds since 1970-01-01 UTC.
    date: i64,
}

struct Found {
    title: Title,
    label: Option<Label>,
    date: i64,
    content: Blocks,
}

/// `POST /app/user/getfile`: a file that the caller may read. Codes 140, 2, 1.
pub(super) async fn get_file(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let fid = request
        .fields
        .required_text("fid")
        .map(FileId::parse)
        .map_err(ApiError::from);
    let (code, found) = request
        .as_actor(Lane::Storage, move |services, actor| {
            let outcome = match fid? {
                Some(id) => services.files.open(actor, id)?,
                None => OpenOutcome::NotFound,
            };
            let code = outcome.code();
            Ok(match outcome {
                OpenOutcome::Opened(file) => {
                    let found = Found {
                        title: file.title,
                        label: file.label,
                        date: file.created_at.as_millis(),
                        content: Blocks::open(Box::new(file.content), Wire::Base64)?,
                    };
                    (code, Some(found))
                }
                OpenOutcome::NotFound => (code, None),
            })
        })
        .await?;
    let Some(found) = found else {
        return Ok(answer::bare(code));
    };
    let reply = FileReply {
        name: found.title.as_str(),
        classify: found.label.as_ref().map_or("", Label::as_str),
        summary: "",
        date: found.date,
    };
    download::answer(&request, code, reply, found.content)
}

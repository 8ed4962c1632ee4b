use actix_web::HttpResponse;
use kms_domain::codes::{Code, Coded};
use kms_domain::files::{FileId, Label, OpenOutcome, Title};
use serde_json::json;

use crate::answer;
use crate::blocks::{Blocks, Wire};
use crate::call::{Call, TOKEN};
use crate::download;
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, DATA, Described, FID, LABEL, MOMENT, Operation, TITLE, TOKEN_FIELD, Tag, and,
    answer, described, example, required, sample,
};

const BODY: Shape = Shape {
    fields: &[TOKEN, "fid"],
    payload: None,
};

described! {
    struct FileReply<'a> {
        /// The title.
        name: &'a str as TITLE,
        /// The caller's own label; `""` without one, and for an entry of somebody else.
        classify: &'a str as LABEL,
        /// `""` where there is none.
        summary: &'a str,
        /// When it was uploaded.
        date: i64 as MOMENT,
    }
}

struct Found {
    title: Title,
    label: Option<Label>,
    date: i64,
    content: Blocks,
}

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Reads a file",
    about: "An own entry or a public one. The answer streams; where the stored copy is damaged behind its first block, it breaks off \
            and is shorter than announced.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(BODY, &[TOKEN_FIELD, required("fid", FID, "")]),
    answers: &[
        answer(Code::FileFound, "").with(|| {
            and(
                FileReply::schema(),
                "data",
                DATA.link(),
                "The content; the last field.",
            )
        }),
        answer(
            Code::NotFound,
            "no such entry for this user, or no id at all",
        ),
    ],
    examples: &[
        example("read", "A file", Code::FileFound)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::FID}))
            .gets(|| {
                json!({
                    "name": "hello.txt",
                    "classify": "",
                    "summary": "",
                    "date": sample::DATE,
                    "data": sample::DATA,
                })
            }),
        example("unknown", "What is not there", Code::NotFound)
            .sends(|| json!({"token": sample::TOKEN, "fid": sample::NOTHING})),
    ],
};

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
                    services.files.note_download(actor, file.shared);
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

use actix_web::HttpResponse;
use kms_domain::codes::Code;
use serde_json::json;

use super::file_list::FileListReply;
use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::openapi::{
    Access, Body, Described, Operation, TOKEN_FIELD, Tag, answer, example, sample,
};

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

pub(super) const OPERATION: Operation = Operation {
    tag: Tag::Files,
    summary: "Lists other people's public files",
    about: "Over content that the caller has neither an entry over nor a favourite, what fits the caller best first and then what is hot, as parallel arrays of one length. There is no next page.",
    access: Access::Session,
    parameters: &[],
    body: Body::Fields(BODY, &[TOKEN_FIELD]),
    answers: &[answer(Code::Done, "the list").with(FileListReply::schema)],
    examples: &[example("others", "A file of somebody else", Code::Done)
        .sends(|| json!({"token": sample::TOKEN}))
        .gets(|| {
            json!({
                "fidlist": [sample::OTHERS],
                "namelist": ["notes.pdf"],
                "datelist": [sample::EARLIER],
                "classifylist": [""],
                "summarylist": [""],
                "userid": [sample::OTHER_USER],
                "username": ["Ben"],
                "total": 1,
            })
        })],
};

/// `POST /app/user/getfilelist`: public files of others that the caller has not got. Code 0.
pub(super) async fn recommended(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let files = request
        .as_actor(Lane::Storage, |services, actor| {
            Ok(services.recommend.for_user(actor)?)
        })
        .await?;
    Ok(answer::with(Code::Done, FileListReply::new(&files)))
}

use actix_web::HttpResponse;
use kms_domain::codes::Code;
use serde::Serialize;

use super::file_list::FileListReply;
use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

#[derive(Serialize)]
struct OwnFileListReply<'a> {
    #[serde(flatten)]
    list: FileListReply<'a>,
    /// Whether others may read it, for each entry.
    public: Vec<bool>,
}

/// `POST /app/user/getownfilelist`: the caller's entries, newest first. Code 0.
pub(super) async fn own_file_list(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    // Written in the job, because a long list would keep the worker from its other connections.
    let text = request
        .as_actor(Lane::Storage, |services, actor| {
            let files = services.files.list_own(actor)?;
            let reply = OwnFileListReply {
                list: FileListReply::new(&files),
                public: files
                    .iter()
                    .map(|file| file.visibility.is_public())
                    .collect(),
            };
            answer::text(Code::Done, reply)
                .map_err(|error| ApiError::because(Code::ServerError, error))
        })
        .await?;
    Ok(answer::json(Code::Done, text))
}

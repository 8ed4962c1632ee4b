use actix_web::HttpResponse;
use kms_domain::codes::Code;

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

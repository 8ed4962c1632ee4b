use actix_web::HttpResponse;
use kms_domain::codes::Coded as _;
use kms_domain::files::{DeleteOutcome, FileId};

use super::reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;

/// `DELETE /api/v1/files/{fid}`: an entry of the caller's own. 204; code 2 for every other, whether
/// or not there is one.
pub(super) async fn delete_file(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.head.match_info().get("fid").and_then(FileId::parse);
    let code = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let outcome = match fid {
                Some(id) => services.files.delete(actor, id)?,
                None => DeleteOutcome::NotFound,
            };
            match outcome {
                DeleteOutcome::Deleted => Ok(outcome.code()),
                DeleteOutcome::NotFound => Err(ApiError::new(outcome.code())),
            }
        })
        .await?;
    Ok(reply::nothing(code))
}

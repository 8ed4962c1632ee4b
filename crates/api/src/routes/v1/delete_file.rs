use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use kms_domain::codes::Coded as _;
use kms_domain::files::{DeleteOutcome, FileId};

use crate::call::{Call, authenticate};
use crate::error::ApiError;
use crate::offload::Lane;

/// `DELETE /api/v1/files/{fid}`: an entry of the caller's own. 204; code 2 for every other, whether
/// or not there is one.
pub(super) async fn delete_file(call: Call) -> Result<HttpResponse, ApiError> {
    let token = call.bearer_token()?;
    let fid = call.head.match_info().get("fid").and_then(FileId::parse);
    let code = call
        .app
        .run(Lane::Storage, move |services| {
            let actor = authenticate(services, &token)?;
            let outcome = match fid {
                Some(id) => services.files.delete(&actor, id)?,
                None => DeleteOutcome::NotFound,
            };
            match outcome {
                DeleteOutcome::Deleted => Ok(outcome.code()),
                DeleteOutcome::NotFound => Err(ApiError::new(outcome.code())),
            }
        })
        .await?;
    let mut response = HttpResponse::new(StatusCode::NO_CONTENT);
    response.extensions_mut().insert(code);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

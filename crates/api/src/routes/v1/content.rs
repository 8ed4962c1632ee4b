use actix_web::HttpResponse;
use kms_domain::codes::Coded as _;
use kms_domain::files::{FileId, OpenOutcome};

use super::representation::{Found, Source, Wanted};
use crate::call::Call;
use crate::error::ApiError;
use crate::offload::Lane;

/// `GET` and `HEAD /api/v1/files/{fid}/content`: a file that the caller may read, or a part of it.
/// 200, 206, 304, 412, 416; codes 140, 2, 1.
pub(super) async fn content(call: Call) -> Result<HttpResponse, ApiError> {
    let fid = call.head.match_info().get("fid").and_then(FileId::parse);
    let wanted = Wanted::of(&call.head);
    let (code, found) = call
        .as_bearer(Lane::Storage, move |services, actor| {
            let wanted = wanted?;
            let outcome = match fid {
                Some(id) => services.files.open(actor, id)?,
                None => OpenOutcome::NotFound,
            };
            let code = outcome.code();
            let OpenOutcome::Opened(file) = outcome else {
                return Err(ApiError::new(code));
            };
            let source = Source {
                name: file.title.as_str().to_owned(),
                stored: Some(file.created_at),
                content: file.content,
            };
            Ok((code, Found::select(source, &wanted)?))
        })
        .await?;
    found.render(code, &call)
}

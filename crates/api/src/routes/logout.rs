use actix_web::HttpResponse;
use kms_domain::codes::Coded;

use crate::answer;
use crate::call::{Call, TOKEN};
use crate::error::ApiError;
use crate::intake::Shape;
use crate::offload::Lane;
use crate::origin::origin;

const BODY: Shape = Shape {
    fields: &[TOKEN],
    payload: None,
};

/// `POST /app/user/logout`: ends the session of the token. Codes 0, 3.
pub(super) async fn logout(call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.read(BODY).await?;
    let origin = origin(&request.head);
    let outcome = request
        .as_actor(Lane::Storage, move |services, actor| {
            Ok(services.sessions.logout(actor, &origin)?)
        })
        .await?;
    Ok(answer::bare(outcome.code()))
}

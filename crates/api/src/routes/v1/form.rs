//! A file that comes in a form, as a page of HTML sends it: its bytes are a part, and so is each field.

use kms_domain::files::Sha256;
use sha2::Digest as _;

use super::digests::Digests;
use crate::call::{Call, content_type};
use crate::error::ApiError;
use crate::intake::{FieldError, Fields, MultipartScanner, Shape};
use crate::quota::Room;
use crate::receive;
use crate::routes::upload::{Input, begin};
use crate::staging::Upload;

/// The part with the bytes. `/app` calls it `data`, which is understood as well.
const FILE: &str = "file";
pub(super) const FORM: Shape = Shape {
    fields: &["name", "md5", "sha256", "public"],
    payload: Some(FILE),
};

/// Receives the form from a sender who has `room`. Digest fields are about the whole of it, as it came. Who finds
/// the form wanting has its file all the same, to be dropped where that may block.
pub(super) async fn receive(
    call: Call,
    digests: Digests,
    room: Room,
) -> Result<(Result<Input, ApiError>, Upload), ApiError> {
    let scanner = MultipartScanner::new(FORM, content_type(&call.head))?.or_payload("data");
    let limit = receive::with_overhead(call.app.limits.file);
    let (body, request) = call.open(limit)?;
    let mut hasher = (!digests.say_nothing()).then(sha2::Sha256::new);
    let watch = |bytes: &[u8]| {
        if let Some(hasher) = &mut hasher {
            hasher.update(bytes);
        }
    };
    let (fields, upload) = receive::form(body, &request, begin, room, scanner, watch).await?;
    let digest = hasher.map(|hasher| Sha256::from_bytes(hasher.finalize().into()));
    Ok((judge(&fields, &digests, digest), upload))
}

/// What a form says whose digest is this, if anybody wants to know.
fn judge(fields: &Fields, digests: &Digests, digest: Option<Sha256>) -> Result<Input, ApiError> {
    if let Some(digest) = digest {
        digests.check(digest)?;
    }
    if !fields.has_payload() {
        return Err(FieldError::Missing(FILE).into());
    }
    Input::parse(fields)
}

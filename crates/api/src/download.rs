//! Sending a file as base64 inside a JSON answer, in constant memory and with a known length.

use actix_web::body::SizedStream;
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use kms_domain::codes::Code;
use kms_domain::files::Download;
use serde::Serialize;

use crate::answer;
use crate::app::{App, Services};
use crate::call::Request;
use crate::error::ApiError;
use crate::middleware::{RequestId, chain};
use crate::offload::Lane;

/// Bytes of content in one block of an answer. A multiple of 3, so that blocks of base64 join
/// without padding; 256 KiB once encoded.
const BLOCK: usize = 192 * 1024;

/// Content whose first block has been read, and with it checked if it is the only one.
pub(crate) struct FirstBlock {
    download: Box<Download>,
    encoded: Bytes,
}

impl FirstBlock {
    /// Reads it. Blocks: for use inside the storage job that opened the content.
    pub(crate) fn read(mut download: Box<Download>) -> Result<Self, ApiError> {
        let encoded = read_block(&mut download)?;
        Ok(Self { download, encoded })
    }
}

/// The answer `fields` with the content as its last field `data`.
pub(crate) fn answer(
    request: &Request,
    code: Code,
    fields: impl Serialize,
    first: FirstBlock,
) -> Result<HttpResponse, ApiError> {
    let mut head =
        answer::text(code, fields).map_err(|error| ApiError::because(Code::ServerError, error))?;
    // The object is reopened at its brace; the envelope stands in it, so a comma is due.
    head.pop();
    head.push_str(r#","data":""#);
    let size = first.download.size();
    let length = encoded_length(size)
        .and_then(|data| data.checked_add(u64::try_from(head.len() + TAIL.len()).ok()?))
        .ok_or_else(|| ApiError::because(Code::ServerError, "the answer has no length"))?;
    let from = Source {
        app: request.app.clone(),
        request: RequestId::of(&request.head),
    };
    let state = State::Head {
        from,
        head: head.into(),
        first,
    };
    Ok(answer::json(
        code,
        SizedStream::new(length, stream::try_unfold(state, next)),
    ))
}

const TAIL: &str = "\"}";

/// Characters of padded base64 for `size` bytes.
fn encoded_length(size: u64) -> Option<u64> {
    size.div_ceil(3).checked_mul(4)
}

/// What the rest of an answer needs from its request.
struct Source {
    app: web::Data<App>,
    request: RequestId,
}

enum State {
    Head {
        from: Source,
        head: Bytes,
        first: FirstBlock,
    },
    First(Source, FirstBlock),
    More(Source, Box<Download>),
    End,
}

/// The next piece of the body. An error cuts the connection, so that the answer is visibly torn.
async fn next(state: State) -> Result<Option<(Bytes, State)>, ApiError> {
    match state {
        State::Head { from, head, first } => Ok(Some((head, State::First(from, first)))),
        State::First(from, first) => Ok(Some((first.encoded, State::More(from, first.download)))),
        State::More(from, mut download) => {
            if download.is_complete() {
                return Ok(Some((Bytes::from_static(TAIL.as_bytes()), State::End)));
            }
            let read = from
                .app
                .run(Lane::Storage, move |_: &Services| {
                    let block = read_block(&mut download)?;
                    Ok((block, download))
                })
                .await;
            match read {
                Ok((block, download)) => Ok(Some((block, State::More(from, download)))),
                Err(error) => {
                    // The status is on the wire already: here is the only place to tell.
                    tracing::error!(
                        request_id = from.request.as_str(),
                        error = %chain(&error),
                        "an answer was cut off"
                    );
                    Err(error)
                }
            }
        }
        State::End => Ok(None),
    }
}

fn read_block(download: &mut Download) -> Result<Bytes, ApiError> {
    let size = usize::try_from(download.size()).unwrap_or(usize::MAX);
    let mut raw = vec![0; BLOCK.min(size)];
    let read = download.read(&mut raw)?;
    raw.truncate(read);
    Ok(STANDARD.encode(&raw).into())
}

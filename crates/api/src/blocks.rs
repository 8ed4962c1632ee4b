//! Content on its way out, as it is or as base64, in constant memory and with a known length.
//!
//! While the client takes one block, the next one is read, hashed and encoded, so that the disk and
//! the network work at once. Two buffers go round: a block that has been taken is written to again,
//! because the first touch of fresh memory costs more than what is done with it.

use std::mem;

use actix_web::rt::task::JoinHandle;
use actix_web::web;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use kms_domain::codes::Code;
use kms_domain::files::Download;

use crate::app::App;
use crate::error::ApiError;
use crate::middleware::{RequestId, chain};
use crate::offload::Lane;

/// Bytes that leave at once.
const BLOCK: usize = 256 * 1024;
/// Bytes of content that are [`BLOCK`] characters of base64. A multiple of 3, so that blocks join
/// without padding.
const BEFORE_BASE64: usize = BLOCK / 4 * 3;

/// How content is written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// As it is.
    Raw,
    /// As padded base64 on one line.
    Base64,
}

impl Wire {
    /// What `size` bytes of content take. `None`: more than can be counted.
    fn length(self, size: u64) -> Option<u64> {
        match self {
            Self::Raw => Some(size),
            Self::Base64 => size.div_ceil(3).checked_mul(4),
        }
    }
}

/// Content whose first block has been read, and with it checked if it is the whole.
pub(crate) struct Blocks {
    length: u64,
    first: Block,
}

/// A block that is ready to leave, and what the next one is made from.
struct Block {
    bytes: Bytes,
    rest: Rest,
}

/// Content that has not been read yet.
struct Rest {
    download: Box<Download>,
    wire: Wire,
    /// Where content is read to before it is encoded.
    raw: Vec<u8>,
}

impl Blocks {
    /// Reads the first block. Blocks: for use inside the storage job that opened the content.
    pub(crate) fn open(download: Box<Download>, wire: Wire) -> Result<Self, ApiError> {
        let length = wire
            .length(download.remaining())
            .ok_or_else(|| ApiError::because(Code::ServerError, "the answer has no length"))?;
        let rest = Rest {
            download,
            wire,
            raw: Vec::new(),
        };
        Ok(Self {
            length,
            first: rest.next(BytesMut::new())?,
        })
    }

    /// Bytes on the wire.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of an answer. An error cuts the connection, so that the answer is visibly torn.
    pub(crate) fn into_stream(
        self,
        app: web::Data<App>,
        request: RequestId,
    ) -> impl Stream<Item = Result<Bytes, ApiError>> {
        let sending = Sending {
            app,
            request,
            next: Next::Ready(self.first),
            sent: Bytes::new(),
        };
        stream::try_unfold(sending, Sending::step)
    }
}

impl Rest {
    /// Makes the next block in `buffer`, or in a new one if it is too small.
    fn next(mut self, mut buffer: BytesMut) -> Result<Block, ApiError> {
        let remaining = usize::try_from(self.download.remaining()).unwrap_or(usize::MAX);
        let filled = match self.wire {
            Wire::Raw => {
                let wanted = BLOCK.min(remaining);
                grow(&mut buffer, wanted);
                buffer.truncate(wanted);
                self.download.read(&mut buffer)?
            }
            Wire::Base64 => {
                self.raw.resize(BEFORE_BASE64.min(remaining), 0);
                let read = self.download.read(&mut self.raw)?;
                self.raw.truncate(read);
                grow(&mut buffer, read.div_ceil(3).saturating_mul(4));
                STANDARD
                    .encode_slice(&self.raw, &mut buffer)
                    .map_err(|error| ApiError::because(Code::ServerError, error))?
            }
        };
        buffer.truncate(filled);
        Ok(Block {
            bytes: buffer.freeze(),
            rest: self,
        })
    }
}

fn grow(buffer: &mut BytesMut, length: usize) {
    if buffer.len() < length {
        *buffer = BytesMut::zeroed(length);
    }
}

/// An answer whose head has left.
struct Sending {
    app: web::Data<App>,
    request: RequestId,
    next: Next,
    /// The block that left last, kept for its buffer.
    sent: Bytes,
}

enum Next {
    Ready(Block),
    Reading(JoinHandle<Result<Block, ApiError>>),
    End,
}

impl Sending {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let block = match mem::replace(&mut self.next, Next::End) {
            Next::Ready(block) => block,
            Next::Reading(block) => self.wait_for(block).await?,
            Next::End => return Ok(None),
        };
        let sent = mem::replace(&mut self.sent, block.bytes.clone());
        if !block.rest.download.is_complete() {
            // A connection that still holds the block has not copied it out; it gets a new buffer.
            let spare = sent.try_into_mut().unwrap_or_default();
            self.next = Next::Reading(self.read_ahead(block.rest, spare));
        }
        Ok(Some((block.bytes, self)))
    }

    fn read_ahead(&self, rest: Rest, spare: BytesMut) -> JoinHandle<Result<Block, ApiError>> {
        let app = self.app.clone();
        actix_web::rt::spawn(async move { app.run(Lane::Storage, move |_| rest.next(spare)).await })
    }

    async fn wait_for(
        &self,
        block: JoinHandle<Result<Block, ApiError>>,
    ) -> Result<Block, ApiError> {
        let read = block
            .await
            .unwrap_or_else(|error| Err(ApiError::because(Code::ServerError, error)));
        if let Err(error) = &read {
            // The status is on the wire already: here is the only place to tell.
            tracing::error!(
                request_id = self.request.as_str(),
                error = %chain(error),
                "an answer was cut off"
            );
        }
        read
    }
}

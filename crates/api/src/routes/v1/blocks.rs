//! Content on its way out as it is, in constant memory and with a known length.
//!
//! While the client takes one block, the next one is read and hashed, so that the disk and the
//! network work at once. Two buffers go round: a block that has been taken is read into again.

use std::mem;

use actix_web::body::SizedStream;
use actix_web::rt::task::JoinHandle;
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use kms_domain::codes::Code;
use kms_domain::files::Download;

use crate::app::App;
use crate::error::ApiError;
use crate::middleware::{RequestId, chain};
use crate::offload::Lane;

/// Bytes of content that are read, and leave, at once.
const BLOCK: usize = 256 * 1024;

/// Content whose first block has been read, and with it checked if it is the whole.
pub(super) struct Blocks {
    length: u64,
    first: Block,
}

/// A block that has been read, and where the next one comes from.
struct Block {
    bytes: Bytes,
    download: Box<Download>,
}

impl Blocks {
    /// Reads the first block. Blocks: for use inside the storage job that opened the content.
    pub(super) fn open(download: Download) -> Result<Self, ApiError> {
        Ok(Self {
            length: download.remaining(),
            first: Block::read(Box::new(download), BytesMut::new())?,
        })
    }

    /// The body of an answer. An error cuts the connection, so that the answer is visibly torn.
    pub(super) fn into_body(
        self,
        app: web::Data<App>,
        request: RequestId,
    ) -> SizedStream<impl Stream<Item = Result<Bytes, ApiError>>> {
        let sending = Sending {
            app,
            request,
            next: Next::Ready(self.first),
            sent: Bytes::new(),
        };
        SizedStream::new(self.length, stream::try_unfold(sending, Sending::step))
    }
}

impl Block {
    /// Fills `buffer`, or a new one if it is too small.
    fn read(mut download: Box<Download>, mut buffer: BytesMut) -> Result<Self, ApiError> {
        let remaining = usize::try_from(download.remaining()).unwrap_or(usize::MAX);
        let wanted = BLOCK.min(remaining);
        if buffer.len() < wanted {
            buffer = BytesMut::zeroed(wanted);
        }
        buffer.truncate(wanted);
        let read = download.read(&mut buffer)?;
        buffer.truncate(read);
        Ok(Self {
            bytes: buffer.freeze(),
            download,
        })
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
        if !block.download.is_complete() {
            // A connection that still holds the block has not copied it out; it gets a new buffer.
            let spare = sent.try_into_mut().unwrap_or_default();
            self.next = Next::Reading(self.read_ahead(block.download, spare));
        }
        Ok(Some((block.bytes, self)))
    }

    fn read_ahead(
        &self,
        download: Box<Download>,
        spare: BytesMut,
    ) -> JoinHandle<Result<Block, ApiError>> {
        let app = self.app.clone();
        actix_web::rt::spawn(async move {
            app.run(Lane::Storage, move |_| Block::read(download, spare))
                .await
        })
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

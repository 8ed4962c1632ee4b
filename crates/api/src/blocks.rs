//! Content on its way out, as it is or as base64, in constant memory and with a known length.
//!
//! Content is read in blocks, which is how stores check it, and leaves in smaller pieces, which is
//! how connections like it. A block that is in memory is read on the worker: that takes less time
//! than handing it to another thread. One that is not is read where a thread may wait for it, so
//! that a slow device stalls nobody else. Between two blocks the others of the worker have their
//! turn. The buffers are used again, because the first touch of fresh memory costs more than what is
//! done with it.

use std::mem;
use std::sync::LazyLock;

use actix_web::rt::task::yield_now;
use actix_web::web;
use base64::Engine as _;
use base64::engine::general_purpose::PAD;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use kms_domain::codes::Code;
use kms_domain::files::Download;
use kms_domain::with_causes;

use crate::app::App;
use crate::engine::{self, Engine};
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::offload::Lane;

/// Bytes of content that are read at once.
const BLOCK: usize = 256 * 1024;
/// Bytes that leave at once. Actix copies them into the connection's buffer, for which
/// `server::WRITE_BUFFER` has the room of two.
const PIECE: usize = 256 * 1024;
/// Bytes of content that are [`PIECE`] characters of base64. A multiple of 3, so that pieces join
/// without padding.
const BEFORE_BASE64: usize = PIECE / 4 * 3;
/// Bytes that may have to wait for those behind them before they can be encoded.
const CARRIED: usize = 2;

static BASE64: LazyLock<Engine> = LazyLock::new(|| engine::standard(PAD));

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

/// Content whose first block has been read.
pub(crate) struct Blocks {
    length: u64,
    source: Box<Source>,
}

/// Content on its way: what has been read of it, and what has not.
struct Source {
    download: Box<Download>,
    wire: Wire,
    /// Content that was read last; what is before `taken` has left.
    block: Bytes,
    taken: usize,
    /// The base64 that left last, kept for its buffer.
    text: Bytes,
}

impl Blocks {
    /// Reads the first block. Blocks: for use inside the storage job that opened the content.
    pub(crate) fn open(download: Box<Download>, wire: Wire) -> Result<Self, ApiError> {
        let length = wire
            .length(download.remaining())
            .ok_or_else(|| ApiError::because(Code::ServerError, "the answer has no length"))?;
        let mut source = Box::new(Source {
            download,
            wire,
            block: Bytes::new(),
            taken: 0,
            text: Bytes::new(),
        });
        source.read()?;
        Ok(Self { length, source })
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
            source: self.source,
        };
        stream::try_unfold(sending, Sending::step)
    }
}

impl Source {
    /// The next piece of what has been read. `None`: more has to be read before.
    fn piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        let left = self.block.len().saturating_sub(self.taken);
        let length = match self.wire {
            Wire::Raw => left.min(PIECE),
            Wire::Base64 if self.download.is_complete() => left.min(BEFORE_BASE64),
            Wire::Base64 => (left / 3 * 3).min(BEFORE_BASE64),
        };
        if length == 0 {
            return Ok(None);
        }
        let end = self.taken.saturating_add(length);
        let piece = match self.wire {
            Wire::Raw => self.block.slice(self.taken..end),
            Wire::Base64 => {
                let content = self.block.get(self.taken..end).unwrap_or_default();
                let mut text = spare(&mut self.text, length.div_ceil(3).saturating_mul(4));
                let filled = BASE64
                    .encode_slice(content, &mut text)
                    .map_err(|error| ApiError::because(Code::ServerError, error))?;
                text.truncate(filled);
                self.text = text.freeze();
                self.text.clone()
            }
        };
        self.taken = end;
        Ok(Some(piece))
    }

    /// Reads the next block, or all that is left if that is no more, so that a small part of content
    /// fails before its first byte or not at all. Blocks.
    fn read(&mut self) -> Result<(), ApiError> {
        let (mut room, mut filled) = self.make_room();
        let is_rest = usize::try_from(self.download.remaining()).is_ok_and(|left| left <= BLOCK);
        loop {
            let free = room.get_mut(filled..).unwrap_or_default();
            filled = filled.saturating_add(self.download.read(free)?);
            if self.download.is_complete() || !is_rest {
                break;
            }
        }
        self.put_back(room, filled);
        Ok(())
    }

    /// Reads the next block if nobody has to wait for it. `false`: somebody would.
    fn read_now(&mut self) -> bool {
        let (mut room, carried) = self.make_room();
        let read = self
            .download
            .read_now(room.get_mut(carried..).unwrap_or_default());
        self.put_back(room, carried.saturating_add(read.unwrap_or(0)));
        read.is_some()
    }

    /// Room for the next block behind the last bytes of the one before, and how many these are.
    fn make_room(&mut self) -> (BytesMut, usize) {
        let carried = Bytes::copy_from_slice(self.block.get(self.taken..).unwrap_or_default());
        let remaining = usize::try_from(self.download.remaining()).unwrap_or(usize::MAX);
        let wanted = carried.len().saturating_add(BLOCK.min(remaining));
        let mut room = spare(&mut self.block, wanted);
        if let Some(front) = room.get_mut(..carried.len()) {
            front.copy_from_slice(&carried);
        }
        (room, carried.len())
    }

    fn put_back(&mut self, mut room: BytesMut, filled: usize) {
        room.truncate(filled);
        self.block = room.freeze();
        self.taken = 0;
    }
}

/// A buffer of `length` bytes, made of `used` unless somebody still holds that.
fn spare(used: &mut Bytes, length: usize) -> BytesMut {
    let mut buffer = mem::take(used).try_into_mut().unwrap_or_default();
    if buffer.capacity() < length {
        buffer = BytesMut::zeroed(length.saturating_add(CARRIED));
    }
    buffer.resize(length, 0);
    buffer
}

/// An answer whose head has left.
struct Sending {
    app: web::Data<App>,
    request: RequestId,
    source: Box<Source>,
}

impl Sending {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        loop {
            if let Some(piece) = self.source.piece()? {
                return Ok(Some((piece, self)));
            }
            if self.source.download.is_complete() {
                return Ok(None);
            }
            yield_now().await;
            self.source = next_block(&self.app, self.source)
                .await
                .inspect_err(|error| {
                    // The status is on the wire already: here is the only place to tell.
                    tracing::error!(
                        request_id = self.request.as_str(),
                        error = %with_causes(error),
                        "an answer was cut off"
                    );
                })?;
        }
    }
}

async fn next_block(app: &App, mut source: Box<Source>) -> Result<Box<Source>, ApiError> {
    let at_once = move |_: &_| Ok((source.read_now(), source));
    let (is_read, mut source) = app.run(Lane::ShortRead, at_once).await?;
    if is_read {
        return Ok(source);
    }
    let waiting = move |_: &_| source.read().map(|()| source);
    app.run_patiently(Lane::Storage, waiting).await
}

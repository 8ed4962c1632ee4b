//! Content on its way out, as it is or as base64, in constant memory and with a known length.
//!
//! Content is read in blocks, which is how stores check it, and leaves in smaller pieces, which is
//! how connections like it. A block that is in memory is read on the worker: that takes less time
//! than handing it to another thread. One that is not is read where a thread may wait for it, so
//! that a slow device stalls nobody else. Between two blocks, or what was got ready at once, the others of the
//! worker have their turn. The buffers are used again, because the first touch of fresh memory costs more than what is
//! done with it.
//!
//! A client that takes much, and quickly, has the worker at its limit, with copies into its connection. For some of these at a
//! time, the next blocks are got ready on another thread meanwhile, as long as nobody waits for one.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use actix_web::rt::task::yield_now;
use actix_web::web;
use base64::Engine as _;
use base64::engine::general_purpose::PAD;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use kms_domain::codes::Code;
use kms_domain::files::Download;
use kms_domain::with_causes;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::engine::{self, Engine};
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::offload::{Lane, OffloadError};

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

/// Content of which so much is left is worth the hop to another thread and back.
const LONG: u64 = 1024 * 1024;
/// Blocks that are got ready at once, for each hop.
const AT_ONCE: usize = 3;
/// How soon a client takes a piece for which the next is got ready: for others it would only lie about.
const SWIFT: Duration = Duration::from_millis(10);
/// Buffers that are kept of content that is not read ahead.
const KEPT: usize = 2;

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
    /// Blocks and texts that left, kept for their buffers.
    used: Vec<Bytes>,
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
            used: Vec::new(),
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
            source: Some(Ok(self.source)),
            ready: VecDeque::new(),
            ahead: None,
            place: None,
            left: Instant::now(),
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
                let mut text = spare(&mut self.used, length.div_ceil(3).saturating_mul(4));
                let filled = BASE64
                    .encode_slice(content, &mut text)
                    .map_err(|error| ApiError::because(Code::ServerError, error))?;
                text.truncate(filled);
                let text = text.freeze();
                self.used.push(text.clone());
                text
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

    /// Reads some blocks and makes pieces of them. Blocks.
    fn prepare(mut self: Box<Self>) -> Prepared {
        let mut ready = VecDeque::new();
        let mut blocks = 0;
        let then = loop {
            if blocks == AT_ONCE || self.download.is_complete() {
                break Ok(self);
            }
            if let Err(error) = self.prepare_block(&mut ready) {
                break Err(error);
            }
            blocks += 1;
        };
        Prepared { ready, then }
    }

    fn prepare_block(&mut self, ready: &mut VecDeque<Bytes>) -> Result<(), ApiError> {
        if !self.read_now() {
            self.read()?;
        }
        while let Some(piece) = self.piece()? {
            ready.push_back(piece);
        }
        Ok(())
    }

    /// Whether the next block has to be read for the next piece.
    const fn is_taken(&self) -> bool {
        self.block.len().saturating_sub(self.taken) <= CARRIED
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
        if !self.block.is_empty() {
            self.used.push(mem::take(&mut self.block));
        }
        let mut room = spare(&mut self.used, wanted);
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

/// A buffer of `length` bytes, made of one of `used` that nobody else holds any more.
fn spare(used: &mut Vec<Bytes>, length: usize) -> BytesMut {
    // One that had as much in it before has no room that would have to be filled with zeros.
    let free = used.iter().enumerate().filter(|(_, it)| it.is_unique());
    let fits_best = free.min_by_key(|(_, it)| (it.len() < length, it.len().abs_diff(length)));
    if let Some((at, _)) = fits_best {
        let buffer = used.swap_remove(at).try_into_mut().unwrap_or_default();
        // One that is too small goes.
        if buffer.capacity() >= length {
            return resized(buffer, length);
        }
    }
    resized(BytesMut::zeroed(length.saturating_add(CARRIED)), length)
}

fn resized(mut buffer: BytesMut, length: usize) -> BytesMut {
    buffer.resize(length, 0);
    buffer
}

/// An answer whose head has left.
struct Sending {
    app: web::Data<App>,
    request: RequestId,
    /// Not here while it is read ahead. An error that was found in doing so waits here for its turn.
    source: Option<Result<Box<Source>, ApiError>>,
    /// Pieces that were got ready, in their order.
    ready: VecDeque<Bytes>,
    ahead: Option<Ahead>,
    /// Its place among those that are read ahead: as long as there is more than one block of it.
    place: Option<OwnedSemaphorePermit>,
    /// When the last piece left.
    left: Instant,
}

/// The next blocks, which are got ready on another thread.
type Ahead = Pin<Box<dyn Future<Output = Result<Prepared, OffloadError>>>>;

/// What was read ahead.
struct Prepared {
    ready: VecDeque<Bytes>,
    /// What comes after that: the source, or why no more of it may leave.
    then: Result<Box<Source>, ApiError>,
}

impl Sending {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        // A client that takes its time needs no block that waits for it.
        let is_swift = self.left.elapsed() < SWIFT;
        let piece = self.piece().await.inspect_err(|error| {
            // The status is on the wire already: here is the only place to tell.
            tracing::error!(
                request_id = self.request.as_str(),
                error = %with_causes(error),
                "an answer was cut off"
            );
        })?;
        let Some(piece) = piece else {
            return Ok(None);
        };
        if is_swift {
            self.read_ahead();
        }
        if self.ahead.is_none() && self.ready.is_empty() {
            if let Some(Ok(source)) = &mut self.source {
                source.used.truncate(KEPT);
            }
            self.place = None;
        }
        self.left = Instant::now();
        Ok(Some((piece, self)))
    }

    /// The next piece, if there is one.
    async fn piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(ahead) = self.ahead.take() {
                yield_now().await;
                let prepared = ahead.await?;
                self.ready = prepared.ready;
                self.source = Some(prepared.then);
                continue;
            }
            let Some(source) = self.source.take() else {
                return Ok(None);
            };
            let mut source = source?;
            if let Some(piece) = source.piece()? {
                self.source = Some(Ok(source));
                return Ok(Some(piece));
            }
            if source.download.is_complete() {
                return Ok(None);
            }
            yield_now().await;
            self.source = Some(Ok(next_block(&self.app, source).await?));
        }
    }

    /// Has the next blocks got ready while this one is written, if that is worth a thread and there is one.
    fn read_ahead(&mut self) {
        let is_long = |source: &Source| source.is_taken() && source.download.remaining() >= LONG;
        let source = match self.source.take() {
            Some(Ok(source)) if is_long(&source) => source,
            other => {
                self.source = other;
                return;
            }
        };
        if self.place.is_none() {
            self.place = Arc::clone(&self.app.read_ahead).try_acquire_owned().ok();
        }
        let idle = |_| self.app.offload.idle_permit(Lane::Storage);
        match self.place.as_ref().and_then(idle) {
            Some(permit) => self.ahead = Some(Box::pin(permit.start(move || source.prepare()))),
            None => self.source = Some(Ok(source)),
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

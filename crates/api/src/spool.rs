//! Writing an answer whose parts grow side by side but leave one behind another, in constant memory
//! and with a known length.
//!
//! A part that gets long moves block by block to a scratch, which all parts of an answer share. An
//! answer that stayed short never opens one and leaves as one text. From a long one, blocks are read
//! as the client takes them, so a slow client holds a block and the scratch, and neither a thread nor
//! a permit.

use std::mem;
use std::sync::Arc;
use std::vec;

use actix_web::body::SizedStream;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use kms_domain::PortError;
use kms_domain::codes::Code;
use kms_domain::files::{Scratch, ScratchSpace};
use kms_domain::with_causes;

use crate::answer;
use crate::app::App;
use crate::call::Request;
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::offload::Lane;

/// Bytes of a part that may wait in memory.
const HELD: usize = 64 * 1024;
/// Bytes of a long answer that leave at once, at least; at most one piece more.
const BLOCK: usize = 64 * 1024;

/// A part of an answer on its way in.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// What has been written and is not in the scratch. Append to it, then call [`Spool::settle`].
    pub(crate) held: Vec<u8>,
    spilled: Vec<Piece>,
}

/// Bytes of a part in the scratch.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    length: usize,
}

impl Part {
    /// A part that begins with `text`.
    pub(crate) fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            held: text.into(),
            spilled: Vec::new(),
        }
    }
}

/// Where the parts of one answer go when they get long. Blocks: for use inside a storage job.
pub(crate) struct Spool {
    space: Arc<dyn ScratchSpace>,
    scratch: Option<Box<dyn Scratch>>,
    end: u64,
}

impl Spool {
    /// Opens scratches in `space`, should one be needed.
    pub(crate) fn new(space: &Arc<dyn ScratchSpace>) -> Self {
        Self {
            space: Arc::clone(space),
            scratch: None,
            end: 0,
        }
    }

    /// Moves `part` out of memory if it has got long.
    pub(crate) fn settle(&mut self, part: &mut Part) -> Result<(), PortError> {
        if part.held.len() < HELD {
            return Ok(());
        }
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            None => self.scratch.insert(self.space.open()?),
        };
        spill(&mut **scratch, &mut self.end, part)
    }

    /// The answer: `parts` one behind another.
    pub(crate) fn finish(mut self, mut parts: Vec<Part>) -> Result<Spooled, PortError> {
        let Some(mut scratch) = self.scratch else {
            let length = parts.iter().map(|part| part.held.len()).sum();
            let mut text = Vec::with_capacity(length);
            for part in &parts {
                text.extend_from_slice(&part.held);
            }
            return Ok(Spooled::Short(text));
        };
        let mut pieces = Vec::new();
        for part in &mut parts {
            spill(&mut *scratch, &mut self.end, part)?;
            pieces.append(&mut part.spilled);
        }
        let mut rest = Rest {
            scratch,
            pieces: pieces.into_iter(),
        };
        let first = rest.read_block()?;
        Ok(Spooled::Long {
            length: self.end,
            first,
            rest,
        })
    }
}

/// Appends what `part` holds to `scratch`, which ends at `end`.
fn spill(scratch: &mut dyn Scratch, end: &mut u64, part: &mut Part) -> Result<(), PortError> {
    let length = part.held.len();
    if length == 0 {
        return Ok(());
    }
    scratch.append(&part.held)?;
    part.spilled.push(Piece { at: *end, length });
    part.held.clear();
    *end = end.saturating_add(u64::try_from(length).map_err(PortError::internal)?);
    Ok(())
}

/// A whole answer.
pub(crate) enum Spooled {
    /// It never left the memory.
    Short(Vec<u8>),
    /// Its first block, and where the others are.
    Long {
        length: u64,
        first: Bytes,
        rest: Rest,
    },
}

/// What of a long answer has not been read yet.
pub(crate) struct Rest {
    scratch: Box<dyn Scratch>,
    pieces: vec::IntoIter<Piece>,
}

impl Rest {
    /// The next block. Blocks. Empty: there is none.
    fn read_block(&mut self) -> Result<Bytes, PortError> {
        let mut block = Vec::new();
        while block.len() < BLOCK
            && let Some(piece) = self.pieces.next()
        {
            let begin = block.len();
            block.resize(begin.saturating_add(piece.length), 0);
            let into = block.get_mut(begin..).unwrap_or_default();
            self.scratch.read_at(piece.at, into)?;
        }
        Ok(block.into())
    }
}

impl Spooled {
    /// Answers `request` with it; it must be the JSON text of an answer with this code.
    pub(crate) fn answer(self, request: &Request, code: Code) -> HttpResponse {
        match self {
            Self::Short(text) => answer::json(code, text),
            Self::Long {
                length,
                first,
                rest,
            } => {
                let app = request.app.clone();
                let blocks = blocks(app, RequestId::of(&request.head), first, rest);
                answer::json(code, SizedStream::new(length, blocks))
            }
        }
    }
}

/// An answer whose head has left.
struct Sending {
    app: web::Data<App>,
    request: RequestId,
    /// Read already.
    next: Bytes,
    rest: Rest,
}

/// The blocks, each read when the client has taken the one before. An error cuts the connection, so
/// that the answer is visibly torn.
fn blocks(
    app: web::Data<App>,
    request: RequestId,
    first: Bytes,
    rest: Rest,
) -> impl Stream<Item = Result<Bytes, ApiError>> {
    let sending = Sending {
        app,
        request,
        next: first,
        rest,
    };
    stream::try_unfold(sending, Sending::step)
}

impl Sending {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let mut block = mem::take(&mut self.next);
        if block.is_empty() {
            if self.rest.pieces.len() == 0 {
                return Ok(None);
            }
            let mut rest = self.rest;
            let read = self
                .app
                .run(Lane::Storage, move |_| {
                    let block = rest.read_block()?;
                    Ok((block, rest))
                })
                .await;
            (block, self.rest) = read.inspect_err(|error| {
                // The status is on the wire already: here is the only place to tell.
                tracing::error!(
                    request_id = self.request.as_str(),
                    error = %with_causes(error),
                    "an answer was cut off"
                );
            })?;
        }
        Ok(Some((block, self)))
    }
}

#[cfg(test)]
mod tests;

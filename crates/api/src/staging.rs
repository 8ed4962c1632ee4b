//! The way of a payload from its request to the store, in blocks.
//!
//! Hashing is the slowest stage and serial, so a payload goes through two stages at once: one computes
//! its digests, the other stages the bytes ([`Stage`]). Meanwhile the request's task receives the
//! next block. A block may be on its way ([`AHEAD`]), and more as long as few upload at once ([`FURTHER`]), so that the
//! slowest stage always has work; a client that sends slowly occupies no thread and no permit.

mod buffer;
mod stage;

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web;
use futures_util::future::join;
use kms_domain::codes::Code;
use kms_domain::files::{ContentHalf, DigestHalf, FinishedUpload, SMALL_CONTENT, UploadSession};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::{App, Services};
use crate::error::ApiError;
use crate::offload::Lane;
pub(crate) use buffer::Buffer;
use stage::Stage;

/// Payload bytes that go to the store at once: large enough that hops between threads cost little
/// and the disk is quick, small enough that thousands of uploads fit in memory.
pub(crate) const BLOCK: usize = 512 * 1024;

/// Blocks of one upload that may be on their way. With the one that is gathered, an upload holds two.
const AHEAD: usize = 1;

/// Blocks beside those that one upload may have of the ones that all share. They bridge the moments in which
/// a stage has no processor.
const FURTHER: usize = 6;

/// Opens the session for a payload.
pub(crate) type Begin = fn(&Services) -> Result<UploadSession, ApiError>;

/// A payload on its way to the store.
pub(crate) struct Staging {
    app: web::Data<App>,
    begin: Begin,
    places: Arc<Semaphore>,
    /// What it has of the places that all uploads share, to its end: as long as their buffers are kept.
    further: Vec<OwnedSemaphorePermit>,
    spares: Spares,
    stages: Option<Stages>,
    /// Its place among the uploads, once it is more than trifling.
    admitted: Option<OwnedSemaphorePermit>,
}

/// Buffers to be used again: the first touch of fresh memory costs more than what is done with it.
type Spares = Arc<Mutex<Vec<Buffer>>>;

struct Stages {
    content: Stage<ContentHalf>,
    digest: Stage<DigestHalf>,
}

/// A full block, shared by the stages. Its place and its buffer are given back when the last of them
/// has done with it.
struct Block {
    buffer: Buffer,
    spares: Spares,
    _place: OwnedSemaphorePermit,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.spares
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);
    }
}

impl Staging {
    /// Nothing is opened before there is a whole block.
    pub(crate) fn new(app: web::Data<App>, begin: Begin) -> Self {
        Self {
            app,
            begin,
            places: Arc::new(Semaphore::new(AHEAD)),
            further: Vec::new(),
            spares: Spares::default(),
            stages: None,
            admitted: None,
        }
    }

    /// Takes a place among the uploads, unless it has one. Due before much is taken of a payload.
    ///
    /// # Errors
    /// Code 8: there is none.
    pub(crate) fn admit(&mut self) -> Result<(), ApiError> {
        if self.admitted.is_none() {
            self.admitted = Some(self.app.admit_upload()?);
        }
        Ok(())
    }

    /// Sends a full `block` on its way and leaves the beginning of the next in its place. Waits while
    /// too many are on theirs, which is how a client is slowed down to the speed of the store.
    ///
    /// # Errors
    /// Why an earlier block or this one could not be stored; the upload is lost then.
    pub(crate) async fn push(&mut self, block: &mut Buffer) -> Result<(), ApiError> {
        if self.places.available_permits() == 0 {
            self.reach_further();
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| broken())?;
        let mut next = self.spare();
        block.spill(&mut next);
        let full = Arc::new(Block {
            buffer: std::mem::replace(block, next),
            spares: Arc::clone(&self.spares),
            _place: place,
        });
        let stages = self.stages().await?;
        stages.digest.push(Arc::clone(&full))?;
        stages.content.push(full)
    }

    /// Waits until no block is on its way. What is left to do with `rest`, the last bytes, is done
    /// in the job that stores the file.
    pub(crate) async fn finish(mut self, rest: Buffer) -> Result<Upload, ApiError> {
        let session = match self.stages.take() {
            Some(stages) => Some(stages.finish().await?),
            None => None,
        };
        Ok(Upload {
            session,
            rest,
            begin: self.begin,
            _admitted: self.admitted.take(),
        })
    }

    /// Allows for one more block on its way, if others leave one.
    fn reach_further(&mut self) {
        if self.further.len() < FURTHER
            && let Ok(more) = Arc::clone(&self.app.blocks_ahead).try_acquire_owned()
        {
            self.further.push(more);
            self.places.add_permits(1);
        }
    }

    fn spare(&self) -> Buffer {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        spares.pop().unwrap_or_default()
    }

    async fn stages(&mut self) -> Result<&Stages, ApiError> {
        if self.stages.is_none() {
            let session = self.app.run(Lane::Storage, self.begin).await?;
            let (content, digest) = session.split();
            self.stages =
                Some(Stages {
                    content: Stage::new(&self.app.offload, content, |half, bytes| {
                        Ok(half.push(bytes)?)
                    }),
                    digest: Stage::new(&self.app.offload, digest, |half, bytes| {
                        Ok(half.push(bytes))
                    }),
                });
        }
        self.stages.as_ref().ok_or_else(broken)
    }
}

impl Stages {
    async fn finish(self) -> Result<UploadSession, ApiError> {
        let (content, digest) = join(self.content.finish(), self.digest.finish()).await;
        UploadSession::join(content?, digest?)
            .map_err(|error| ApiError::because(Code::ServerError, error))
    }
}

impl Drop for Staging {
    /// Discards what was staged for a body that failed or whose client left. Removing a file may
    /// block, so it is a storage job as well.
    fn drop(&mut self) {
        let Some(stages) = self.stages.take() else {
            return;
        };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let app = self.app.clone();
        actix_web::rt::spawn(async move {
            let session = stages.content.finish().await;
            let discard = move |_: &Services| {
                drop(session);
                Ok(())
            };
            // An overloaded lane drops the job, and with it the session, right here.
            app.run(Lane::Storage, discard).await
        });
    }
}

fn broken() -> ApiError {
    ApiError::because(Code::ServerError, "a block of an upload was lost")
}

/// A payload of which the last bytes have not gone to the store yet.
pub(crate) struct Upload {
    session: Option<UploadSession>,
    rest: Buffer,
    begin: Begin,
    _admitted: Option<OwnedSemaphorePermit>,
}

impl Upload {
    /// Whether all of it is here and so little that hashing and staging it blocks nobody.
    pub(crate) const fn is_small(&self) -> bool {
        self.session.is_none() && self.rest.len() <= SMALL_CONTENT
    }

    /// Stages the last bytes and fixes the digests. Blocks, unless it [is small](Self::is_small): for
    /// use inside a storage job.
    pub(crate) fn finish(self, services: &Services) -> Result<FinishedUpload, ApiError> {
        let session = match self.session {
            Some(session) => session,
            None => (self.begin)(services)?,
        };
        Ok(session.push(self.rest.bytes())?.finish())
    }
}

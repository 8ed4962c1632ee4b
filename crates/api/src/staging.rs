//! The way of a payload from its request to the store: in blocks, one in flight while the next is
//! gathered.
//!
//! MD5 is the slowest stage and serial, so each block goes to two storage jobs at once: one computes
//! the MD5, the other stages the bytes and computes the SHA-256. Meanwhile the request's task
//! receives the next block. An upload holds at most two blocks, and a client that sends slowly
//! occupies no thread and no permit.

use std::sync::Arc;

use actix_web::rt::task::JoinHandle;
use actix_web::web;
use futures_util::future::join;
use kms_domain::codes::Code;
use kms_domain::files::{FinishedUpload, UploadSession};

use crate::app::{App, Services};
use crate::error::ApiError;
use crate::offload::Lane;

/// Payload bytes that go to the store at once: large enough that the hop between threads costs
/// little, small enough that thousands of uploads fit in memory.
pub(crate) const BLOCK: usize = 512 * 1024;

/// Room behind a block for the chunk that fills it.
const ROOM: usize = 64 * 1024;

/// Opens the session for a payload.
pub(crate) type Begin = fn(&Services) -> Result<UploadSession, ApiError>;

/// A payload on its way to the store.
pub(crate) struct Staging {
    app: web::Data<App>,
    begin: Begin,
    state: State,
}

enum State {
    /// Nothing has gone to the store.
    Fresh,
    /// A block is in flight, or has arrived. It comes back as a buffer for a later one.
    Busy(JoinHandle<Result<(UploadSession, Vec<u8>), ApiError>>),
    /// A block has failed, and with it the upload.
    Failed,
}

impl Staging {
    /// Nothing is opened before there is a whole block.
    pub(crate) fn new(app: web::Data<App>, begin: Begin) -> Self {
        Self {
            app,
            begin,
            state: State::Fresh,
        }
    }

    /// Sends `block` on its way and leaves an empty buffer in its place. Waits for the block before
    /// it, which is how a client is slowed down to the speed of the store.
    pub(crate) async fn push(&mut self, block: &mut Vec<u8>) -> Result<(), ApiError> {
        let (session, mut spare) = self.settle().await?;
        // Whoever has filled one block will probably fill the next.
        spare.reserve(BLOCK + ROOM);
        let full = std::mem::replace(block, spare);
        let (app, begin) = (self.app.clone(), self.begin);
        self.state = State::Busy(actix_web::rt::spawn(stage(app, begin, session, full)));
        Ok(())
    }

    /// Waits until no block is in flight. What is left to do with `rest`, the last bytes, is done
    /// in the job that stores the file.
    pub(crate) async fn finish(mut self, rest: Vec<u8>) -> Result<Upload, ApiError> {
        let (session, _) = self.settle().await?;
        Ok(Upload {
            session,
            rest,
            begin: self.begin,
        })
    }

    async fn settle(&mut self) -> Result<(Option<UploadSession>, Vec<u8>), ApiError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Fresh => Ok((None, Vec::new())),
            State::Busy(block) => {
                // Kept where `drop` finds it, in case the request ends while we wait.
                self.state = State::Busy(block);
                let State::Busy(block) = &mut self.state else {
                    return Err(broken());
                };
                let staged = block.await;
                self.state = State::Failed;
                let (session, spare) = staged.map_err(|_| broken())??;
                Ok((Some(session), spare))
            }
            State::Failed => Err(broken()),
        }
    }
}

impl Drop for Staging {
    /// Discards what was staged for a body that failed or whose client left. Removing a file may
    /// block, so it is a storage job as well.
    fn drop(&mut self) {
        let State::Busy(block) = std::mem::replace(&mut self.state, State::Failed) else {
            return;
        };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let app = self.app.clone();
        actix_web::rt::spawn(async move {
            let session = block.await.ok().and_then(Result::ok);
            let discard = move |_: &Services| {
                drop(session);
                Ok(())
            };
            // An overloaded lane drops the job, and with it the session, right here.
            app.run(Lane::Storage, discard).await
        });
    }
}

/// Feeds a block to both halves of the session at once.
async fn stage(
    app: web::Data<App>,
    begin: Begin,
    session: Option<UploadSession>,
    block: Vec<u8>,
) -> Result<(UploadSession, Vec<u8>), ApiError> {
    let session = match session {
        Some(session) => session,
        None => app.run(Lane::Storage, begin).await?,
    };
    let (content, md5) = session.split();
    let block = Arc::new(block);
    let (for_content, for_md5) = (Arc::clone(&block), Arc::clone(&block));
    let (content, md5) = join(
        app.run(Lane::Storage, move |_| Ok(content.push(&for_content)?)),
        app.run(Lane::Storage, move |_| Ok(md5.push(&for_md5))),
    )
    .await;
    let session = UploadSession::join(content?, md5?)
        .map_err(|error| ApiError::because(Code::ServerError, error))?;
    let mut spare = Arc::try_unwrap(block).unwrap_or_default();
    spare.clear();
    Ok((session, spare))
}

fn broken() -> ApiError {
    ApiError::because(Code::ServerError, "a block of an upload was lost")
}

/// A payload of which the last bytes have not gone to the store yet.
pub(crate) struct Upload {
    session: Option<UploadSession>,
    rest: Vec<u8>,
    begin: Begin,
}

impl Upload {
    /// Stages the last bytes and fixes the digests. Blocks: for use inside a storage job.
    pub(crate) fn finish(self, services: &Services) -> Result<FinishedUpload, ApiError> {
        let session = match self.session {
            Some(session) => session,
            None => (self.begin)(services)?,
        };
        Ok(session.push(&self.rest)?.finish())
    }
}

//! One stage of a payload's way: a queue of blocks, and at most one job that works it off.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Block, broken};
use crate::error::ApiError;
use crate::offload::{Lane, Offload};

/// Blocks after which a job lets go of its permit when somebody waits for one, so that one fast
/// upload does not keep out all others.
const AT_ONCE: usize = 32;

/// What a stage does with the bytes of a block.
type Work<H> = fn(H, &[u8]) -> Result<H, ApiError>;

/// A stage. While its queue is empty it has no job, hence neither a thread nor a permit.
pub(super) struct Stage<H> {
    offload: Arc<Offload>,
    shared: Arc<Shared<H>>,
    work: Work<H>,
}

struct Shared<H> {
    state: Mutex<State<H>>,
    settled: Notify,
}

struct State<H> {
    half: Half<H>,
    queue: VecDeque<Arc<Block>>,
}

/// Where the half of the session is that this stage feeds.
enum Half<H> {
    Resting(H),
    AtWork,
    Failed(ApiError),
    /// It was handed over, with its result or its error.
    Gone,
}

impl<H: Send + 'static> Stage<H> {
    pub(super) fn new(offload: &Arc<Offload>, half: H, work: Work<H>) -> Self {
        Self {
            offload: Arc::clone(offload),
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    half: Half::Resting(half),
                    queue: VecDeque::new(),
                }),
                settled: Notify::new(),
            }),
            work,
        }
    }

    /// Queues a block, and sees to it that there is a job.
    ///
    /// # Errors
    /// Why an earlier block could not be worked off.
    pub(super) fn push(&self, block: Arc<Block>) -> Result<(), ApiError> {
        let mut state = self.shared.lock();
        match std::mem::replace(&mut state.half, Half::AtWork) {
            Half::Resting(half) => {
                state.queue.push_back(block);
                drop(state);
                let (offload, shared) = (Arc::clone(&self.offload), Arc::clone(&self.shared));
                actix_web::rt::spawn(keep_working(offload, shared, self.work, half));
                Ok(())
            }
            Half::AtWork => {
                state.queue.push_back(block);
                Ok(())
            }
            Half::Failed(error) => {
                state.half = Half::Gone;
                Err(error)
            }
            Half::Gone => {
                state.half = Half::Gone;
                Err(broken())
            }
        }
    }

    /// Waits until the queue has been worked off, and gives the half back.
    pub(super) async fn finish(self) -> Result<H, ApiError> {
        loop {
            let settled = self.shared.settled.notified();
            match self.shared.take() {
                Half::Resting(half) => return Ok(half),
                Half::Failed(error) => return Err(error),
                Half::Gone => return Err(broken()),
                Half::AtWork => settled.await,
            }
        }
    }
}

impl<H> Shared<H> {
    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The half, unless a job has it.
    fn take(&self) -> Half<H> {
        let mut state = self.lock();
        match state.half {
            Half::AtWork => Half::AtWork,
            _ => std::mem::replace(&mut state.half, Half::Gone),
        }
    }

    /// The next block; without one, the half rests and the job is over.
    fn next(&self, half: H) -> Option<(H, Arc<Block>)> {
        let mut state = self.lock();
        if let Some(block) = state.queue.pop_front() {
            return Some((half, block));
        }
        state.half = Half::Resting(half);
        drop(state);
        self.settled.notify_one();
        None
    }

    fn fail(&self, error: ApiError) {
        let mut state = self.lock();
        state.half = Half::Failed(error);
        let dropped = std::mem::take(&mut state.queue);
        drop(state);
        // Their places come free, so that whoever waits for one learns of the failure.
        drop(dropped);
        self.settled.notify_one();
    }
}

async fn keep_working<H: Send + 'static>(
    offload: Arc<Offload>,
    shared: Arc<Shared<H>>,
    work: Work<H>,
    mut half: H,
) {
    loop {
        let (others, in_job) = (Arc::clone(&offload), Arc::clone(&shared));
        let job = move || work_off(&others, &in_job, work, half);
        match offload.run(Lane::Storage, job).await {
            Ok(Ok(Some(left))) => half = left,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return shared.fail(error),
            Err(error) => return shared.fail(error.into()),
        }
    }
}

/// Works off what is queued. `Some`: there is more, but others are to have a turn.
fn work_off<H>(
    offload: &Offload,
    shared: &Shared<H>,
    work: Work<H>,
    mut half: H,
) -> Result<Option<H>, ApiError> {
    let mut blocks = 0;
    while blocks < AT_ONCE || !offload.is_waited_for(Lane::Storage) {
        let Some((fed, block)) = shared.next(half) else {
            return Ok(None);
        };
        half = work(fed, block.buffer.bytes())?;
        blocks = blocks.saturating_add(1);
    }
    Ok(Some(half))
}

#[cfg(test)]
mod tests;

//! The one door from async code to blocking code.
//!
//! Every use case may block: on a disk, on SQLite, on bcrypt. Actix's workers are current-thread
//! runtimes, so a handler that blocked would stall every connection of its worker. Handlers
//! therefore reach a use case only through [`Offload`].
//!
//! One kind of work may stay on the worker: a read that is a few seeks in an index, on a reader
//! connection that the worker has for itself, or a block of content that is in memory
//! ([`Lane::ShortRead`]). Handing that to another thread costs as much as what it does, or several
//! times that.
//!
//! The other lanes are semaphores that span all workers, because each worker has a blocking pool of its
//! own and only a shared semaphore is a global limit. A job waits for its permit *before* it is
//! handed to a pool, the number of waiters and their wait are bounded, and the permit moves into
//! the job, so that a client that disconnects cannot free it early. Hashing has a lane apart from
//! storage: a burst of logins must not starve downloads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::overrun::Overrun;

/// A wait that a lane may have all the time.
const SHORT_WAIT: Duration = Duration::from_millis(100);
/// Between two tries of a job whose lane has no room.
const PAUSE: Duration = Duration::from_millis(20);

/// Which queue a job belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A few indexed reads, or one block that the store has in memory, and nothing else: no write,
    /// no device, no list. Runs where it is called.
    ShortRead,
    /// Short work on the database and the blob store.
    Storage,
    /// Tens of milliseconds of one core: bcrypt.
    Hashing,
}

/// How wide a lane is.
#[derive(Clone, Copy, Debug)]
pub struct LaneConfig {
    /// Jobs that run at once; at least 1.
    pub permits: usize,
    /// Jobs that may wait for a permit; one more is refused at once.
    pub queue: usize,
    /// How long a job may wait for its permit. One that would wait longer, by how long jobs took of
    /// late and how many wait already, is refused at once: its client can go elsewhere or come back,
    /// instead of waiting for a refusal.
    pub wait: Duration,
}

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum OffloadError {
    /// The lane's queue is full, or the wait was too long. The job did not run.
    #[error("the server is overloaded")]
    Busy,
    /// The job panicked; how far it came is unknown.
    #[error("a job panicked: {0}")]
    Panicked(String),
}

/// Runs blocking jobs in bounded lanes.
#[derive(Debug)]
pub struct Offload {
    storage: LaneState,
    hashing: LaneState,
}

#[derive(Debug)]
struct LaneState {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    pace: Arc<Pace>,
    overrun: Mutex<Overrun>,
    config: LaneConfig,
}

impl Offload {
    /// Lanes of the given widths.
    #[must_use]
    pub fn new(storage: LaneConfig, hashing: LaneConfig) -> Self {
        Self {
            storage: LaneState::new(storage),
            hashing: LaneState::new(hashing),
        }
    }

    /// Runs `job` on a thread where it may block, and waits for its result.
    ///
    /// # Errors
    /// [`OffloadError`].
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OffloadError> {
        let Some(lane) = self.queue(lane) else {
            return catch_unwind(AssertUnwindSafe(job))
                .map_err(|panic| OffloadError::Panicked(panic_text(&*panic)));
        };
        let permit = lane.admit().await?;
        lane.run(permit, job).await
    }

    /// Runs it although its lane is crowded, for an answer that would be torn without: tries again for as long
    /// as `patience` lasts, and after that as long as one more job may wait.
    ///
    /// # Errors
    /// [`OffloadError`].
    pub async fn run_patiently<T: Send + 'static>(
        &self,
        lane: Lane,
        patience: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OffloadError> {
        let Some(queue) = self.queue(lane) else {
            return self.run(lane, job).await;
        };
        let begun = Instant::now();
        let permit = loop {
            match queue.admit().await {
                Err(OffloadError::Busy) if begun.elapsed() < patience => {
                    tokio::time::sleep(PAUSE).await;
                }
                permit => break permit?,
            }
        };
        queue.run(permit, job).await
    }

    /// A permit of `lane` that nobody else wants, for work that could be done where it is asked for as well.
    /// `None`: do it there.
    #[must_use]
    pub fn idle_permit(&self, lane: Lane) -> Option<IdlePermit> {
        let permits = &self.queue(lane)?.permits;
        Arc::clone(permits)
            .try_acquire_owned()
            .ok()
            .map(|permit| IdlePermit { permit })
    }

    /// Whether more work for `lane` is better refused before it begins: half of the queue, or of the
    /// wait, is used up by what has begun, or waits have not been short for so long that this is no burst.
    #[must_use]
    pub fn is_crowded(&self, lane: Lane) -> bool {
        self.queue(lane).is_some_and(LaneState::is_crowded)
    }

    /// Whether somebody waits for a permit of `lane`: a long job should give its own back then.
    #[must_use]
    pub fn is_waited_for(&self, lane: Lane) -> bool {
        self.queue(lane)
            .is_some_and(|lane| lane.waiting.load(Ordering::Acquire) > 0)
    }

    /// What a job of `lane` queues up in; nothing for one that runs where it is called.
    const fn queue(&self, lane: Lane) -> Option<&LaneState> {
        match lane {
            Lane::ShortRead => None,
            Lane::Storage => Some(&self.storage),
            Lane::Hashing => Some(&self.hashing),
        }
    }
}

/// A permit of a lane for a job that is begun at once.
#[derive(Debug)]
pub struct IdlePermit {
    permit: OwnedSemaphorePermit,
}

impl IdlePermit {
    /// Begins `job` on a thread where it may block. It runs to its end, whether its result is waited for or not.
    pub fn start<T: Send + 'static, J: FnOnce() -> T + Send + 'static>(
        self,
        job: J,
    ) -> impl Future<Output = Result<T, OffloadError>> + use<T, J> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one door: the permit bounds what it lets through"
        )]
        let running = actix_web::rt::task::spawn_blocking(move || {
            let result = job();
            drop(self.permit);
            result
        });
        async move {
            running.await.map_err(|error| {
                OffloadError::Panicked(match error.try_into_panic() {
                    Ok(payload) => panic_text(&*payload),
                    Err(_) => "the job was cancelled".to_owned(),
                })
            })
        }
    }
}

impl LaneState {
    fn new(config: LaneConfig) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(config.permits.max(1))),
            waiting: AtomicUsize::new(0),
            pace: Arc::default(),
            overrun: Mutex::new(Overrun::new()),
            config,
        }
    }

    /// How long one more job would wait. The first in the queue always may: how long jobs took says
    /// nothing for sure of those that are running.
    fn expected_wait(&self) -> Duration {
        let waiting = u32::try_from(self.waiting.load(Ordering::Acquire)).unwrap_or(u32::MAX);
        let permits = u32::try_from(self.config.permits.max(1)).unwrap_or(u32::MAX);
        self.pace.job().saturating_mul(waiting) / permits
    }

    /// Runs what has its permit.
    async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OffloadError> {
        let pace = Arc::clone(&self.pace);
        let job = move || {
            let begun = Instant::now();
            let result = job();
            pace.learn(begun.elapsed());
            result
        };
        IdlePermit { permit }.start(job).await
    }

    fn is_crowded(&self) -> bool {
        let wait = self.expected_wait();
        // Noted in any case: the longest waits must not be forgotten.
        let overrun = self.overrun().refuses(wait, SHORT_WAIT, Instant::now());
        overrun
            || self.waiting.load(Ordering::Acquire) > self.config.queue / 2
            || wait > self.config.wait / 2
    }

    fn overrun(&self) -> MutexGuard<'_, Overrun> {
        self.overrun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn admit(&self) -> Result<OwnedSemaphorePermit, OffloadError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        if self.expected_wait() > self.config.wait {
            return Err(OffloadError::Busy);
        }
        let _place = Place::take(&self.waiting, self.config.queue).ok_or(OffloadError::Busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.config.wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(OffloadError::Busy),
        }
    }
}

/// How long the jobs of a lane take.
#[derive(Debug, Default)]
struct Pace {
    /// Nanoseconds, averaged so that the last few count most.
    job: AtomicU64,
}

impl Pace {
    fn learn(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let before = match self.job.load(Ordering::Relaxed) {
            // The first one is all that is known.
            0 => took,
            before => before,
        };
        // A job that ends in the same moment may be forgotten: it is an average.
        let now = before.saturating_sub(before / 8).saturating_add(took / 8);
        self.job.store(now, Ordering::Relaxed);
    }

    fn job(&self) -> Duration {
        Duration::from_nanos(self.job.load(Ordering::Relaxed))
    }
}

/// A place in a queue, given back when the waiter leaves for whatever reason, a client that
/// disconnects among them.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                (now < most).then(|| now.saturating_add(1))
            })
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a panic said, as far as it said something.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests;

//! What a running server consists of, seen from a handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::HttpRequest;
use bytes::Bytes;
use kms_domain::audit::Audit;
use kms_domain::codes::Code;
use kms_domain::files::{FileService, OnceService, ScratchSpace};
use kms_domain::recommend::RecommendService;
use kms_domain::throttle::{Network, Throttles};
use kms_domain::users::{AccountService, AvatarService, PasswordPolicy, SessionService};
use kms_domain::{OneState, PortError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::cors::AllowedOrigins;
use crate::error::ApiError;
use crate::in_flight::InFlight;
use crate::network::TrustedProxies;
use crate::offload::{Lane, Offload};
use crate::openapi::{self, Facts};

/// Blocks of 512 KiB that uploads may have on their way beside one of their own, all together.
const BLOCKS_AHEAD: usize = 12;

/// Downloads of which the next blocks are got ready on another thread, at once; up to 2.5 MiB each.
const READ_AHEAD: usize = 8;

/// How long an answer that has begun waits for the store.
const PATIENCE: Duration = Duration::from_secs(30);

/// The use cases, and what their answers need beside them.
#[derive(Clone)]
pub struct Services {
    /// Registering and changing accounts.
    pub accounts: AccountService,
    /// Logging in and telling who asks.
    pub sessions: SessionService,
    /// Avatars.
    pub avatars: AvatarService,
    /// Files.
    pub files: FileService,
    /// What somebody may like, and what everybody likes.
    pub recommend: RecommendService,
    /// Files that are stored at most once.
    pub once: OnceService,
    /// Recording refusals, and reading what was recorded.
    pub audit: Audit,
    /// What a new password must be.
    pub passwords: PasswordPolicy,
    /// Room for answers that are too long for memory.
    pub scratch: Arc<dyn ScratchSpace>,
    /// Lets several use cases read one state.
    pub one_state: Arc<dyn OneState>,
}

impl Services {
    /// Runs short reads that may all see one state; see [`OneState::during`] for what must not be in it.
    pub(crate) fn in_one_state<T>(&self, reads: impl FnOnce() -> T) -> Result<T, PortError> {
        let (mut reads, mut result) = (Some(reads), None);
        self.one_state
            .during(&mut || result = reads.take().map(|reads| reads()));
        result.ok_or_else(|| PortError::internal("the reads were not called"))
    }
}

/// Bounds on what a client may send, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A body that carries no file.
    pub body: u64,
    /// The bytes of a file.
    pub file: u64,
    /// The bytes of an avatar.
    pub avatar: u64,
    /// Time between two pieces of a body.
    pub body_idle: Duration,
    /// Uploads at once that are more than trifling.
    pub uploads: usize,
    /// Uploads at once whose sender has not shown a token yet.
    pub anonymous_uploads: usize,
    /// Bytes that such uploads may have sent together.
    pub anonymous_bytes: u64,
    /// Entries of one archive.
    pub zip_files: usize,
}

/// Who is let in, and how often.
pub struct Admission {
    /// Who has to wait.
    pub throttles: Throttles,
    /// Whose word counts about where a request comes from.
    pub proxies: TrustedProxies,
    /// Whose pages may read answers.
    pub origins: AllowedOrigins,
}

/// A running server: its use cases, the door to them, and its limits.
pub struct App {
    pub(crate) services: Arc<Services>,
    pub(crate) offload: Arc<Offload>,
    pub(crate) limits: Limits,
    uploads: Arc<Semaphore>,
    /// Blocks that uploads may have on their way beside their own, all together.
    pub(crate) blocks_ahead: Arc<Semaphore>,
    /// Downloads that may be read ahead at once.
    pub(crate) read_ahead: Arc<Semaphore>,
    pub(crate) throttles: Throttles,
    proxies: TrustedProxies,
    pub(crate) origins: AllowedOrigins,
    anonymous: Arc<Anonymous>,
    pub(crate) in_flight: InFlight,
    /// The text of the OpenAPI document, if it is shown.
    pub(crate) document: Option<Bytes>,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(services: Services, offload: Offload, limits: Limits, admission: Admission) -> Self {
        Self {
            services: Arc::new(services),
            offload: Arc::new(offload),
            limits,
            uploads: Arc::new(Semaphore::new(limits.uploads)),
            blocks_ahead: Arc::new(Semaphore::new(BLOCKS_AHEAD)),
            read_ahead: Arc::new(Semaphore::new(READ_AHEAD)),
            throttles: admission.throttles,
            proxies: admission.proxies,
            origins: admission.origins,
            anonymous: Arc::new(Anonymous {
                places: Arc::new(Semaphore::new(limits.anonymous_uploads)),
                bytes: AtomicU64::new(0),
                most_bytes: limits.anonymous_bytes,
            }),
            in_flight: InFlight::default(),
            document: None,
        }
    }

    /// The same, which also shows what its routes are.
    #[must_use]
    pub fn with_documentation(self) -> Self {
        let document = openapi::document(&self.facts());
        Self {
            document: Some(document.to_string().into()),
            ..self
        }
    }

    /// What the document tells of the settings.
    fn facts(&self) -> Facts {
        Facts {
            password_min: self.services.passwords.min_chars(),
            max_file: self.limits.file,
            max_avatar: self.limits.avatar,
            max_body: self.limits.body,
            zip_files: self.limits.zip_files,
        }
    }

    /// Where the request with this head comes from, for throttles, sessions and records alike.
    pub(crate) fn network_of(&self, head: &HttpRequest) -> Network {
        self.proxies.network_of(head)
    }

    /// Runs a use case where it may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&Services) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let services = Arc::clone(&self.services);
        self.offload.run(lane, move || job(&services)).await?
    }

    /// Runs what an answer needs that has begun, and would be torn if it were refused.
    pub(crate) async fn run_patiently<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&Services) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let services = Arc::clone(&self.services);
        self.offload
            .run_patiently(lane, PATIENCE, move || job(&services))
            .await?
    }

    /// Refuses what would keep the store at work for long while it is behind with that.
    pub(crate) fn foresee_work(&self) -> Result<(), ApiError> {
        if self.offload.is_crowded(Lane::Storage) {
            return Err(ApiError::because(
                Code::Busy,
                "the store is behind with its work",
            ));
        }
        Ok(())
    }

    /// A place among the uploads. Refused as well while the store has so much to do that the upload
    /// would most likely be refused at its end: then its bytes need not be taken.
    pub(crate) fn admit_upload(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.foresee_upload()?;
        Arc::clone(&self.uploads)
            .try_acquire_owned()
            .map_err(|_| too_many_uploads())
    }

    /// Whether an upload would be admitted by now, without a place for it: nothing of it has come.
    pub(crate) fn foresee_upload(&self) -> Result<(), ApiError> {
        self.foresee_work()?;
        if self.uploads.available_permits() == 0 {
            return Err(too_many_uploads());
        }
        Ok(())
    }

    /// A place among the uploads of unknown senders.
    pub(crate) fn admit_anonymous(&self) -> Result<AnonymousUpload, ApiError> {
        match Arc::clone(&self.anonymous.places).try_acquire_owned() {
            Ok(permit) => Ok(AnonymousUpload {
                all: Arc::clone(&self.anonymous),
                bytes: 0,
                _permit: permit,
            }),
            Err(_) => Err(ApiError::because(
                Code::Busy,
                "too many uploads without a token in front of their data",
            )),
        }
    }
}

fn too_many_uploads() -> ApiError {
    ApiError::because(Code::Busy, "too many uploads at once")
}

/// Hands over the answer of a use case that was only begun.
pub(crate) struct Finish<T>(oneshot::Sender<Result<T, ApiError>>);

/// Waits for the answer of a use case that was only begun. No thread waits meanwhile.
pub(crate) struct Finished<T>(oneshot::Receiver<Result<T, ApiError>>);

/// Both ends of an answer.
pub(crate) fn finishing<T>() -> (Finish<T>, Finished<T>) {
    let (sender, receiver) = oneshot::channel();
    (Finish(sender), Finished(receiver))
}

impl<T> Finish<T> {
    /// A client that has gone away wants no answer.
    pub(crate) fn with(self, result: Result<T, ApiError>) {
        let _ = self.0.send(result);
    }
}

impl<T> Finished<T> {
    /// The answer; code 5 if nobody will ever give one.
    pub(crate) async fn wait(self) -> Result<T, ApiError> {
        let lost = |_| ApiError::because(Code::ServerError, "a write was never answered");
        self.0.await.map_err(lost)?
    }
}

/// What unknown senders have sent together.
#[derive(Debug)]
struct Anonymous {
    places: Arc<Semaphore>,
    bytes: AtomicU64,
    most_bytes: u64,
}

/// One upload whose sender is not known yet. Its place and its bytes are given back on drop.
#[derive(Debug)]
pub(crate) struct AnonymousUpload {
    all: Arc<Anonymous>,
    bytes: u64,
    _permit: OwnedSemaphorePermit,
}

impl AnonymousUpload {
    /// Counts `more` bytes, or refuses them.
    pub(crate) fn add(&mut self, more: u64) -> Result<(), ApiError> {
        let taken = self
            .all
            .bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                now.checked_add(more)
                    .filter(|sum| *sum <= self.all.most_bytes)
            });
        if taken.is_err() {
            return Err(ApiError::because(
                Code::Busy,
                "uploads without a token in front of their data hold too many bytes",
            ));
        }
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }
}

impl Drop for AnonymousUpload {
    fn drop(&mut self) {
        self.all.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

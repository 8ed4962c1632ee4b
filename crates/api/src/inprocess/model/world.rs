//! An application over adapters in memory, whose clock the story winds.

use std::sync::Arc;
use std::time::Duration;

use kms_api::offload::{LaneConfig, Offload};
use kms_api::{Admission, App, Limits, Services};
use kms_domain::audit::{Audit, RefusalPolicy};
use kms_domain::files::{
    FileService, FileServiceConfig, InstantUpload, KeyPolicy, OnceService, Quota, Visibility,
};
use kms_domain::throttle::Throttles;
use kms_domain::users::{
    AccountService, AvatarService, PasswordPolicy, SessionPolicy, SessionService,
};
use kms_testkit::memory::{
    ManualClock, MemoryBlobStore, MemoryDatabase, MemoryScratchSpace, PlainHasher, SeededIds,
    SeededTokens,
};

/// Above what is judged early, below the block in which bytes go to the store.
pub(crate) const MAX_FILE: usize = 60_000;
pub(crate) const MAX_AVATAR: usize = 40_000;
pub(crate) const SESSIONS: usize = 3;
/// Sessions end this long after they began, however much they are used.
pub(crate) const SESSION_MILLIS: i64 = 3 * 24 * 60 * 60 * 1000;

pub(crate) struct World {
    pub(crate) database: MemoryDatabase,
    pub(crate) store: MemoryBlobStore,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> (Self, App) {
        let database = MemoryDatabase::new();
        let store = MemoryBlobStore::new();
        let clock = Arc::new(ManualClock::new());
        let ports = database.repositories();
        let (hasher, ids) = (
            Arc::new(PlainHasher::default()),
            Arc::new(SeededIds::new(1)),
        );
        let policy = RefusalPolicy::default();
        let audit = Audit::new(ports.audit, clock.clone(), policy, |_| {});
        let bytes: Arc<MemoryBlobStore> = Arc::new(store.clone());
        let files = FileService {
            files: ports.files,
            trash: ports.trash,
            favourites: ports.favourites,
            usage: ports.usage,
            blobs: ports.blobs.clone(),
            store: bytes.clone(),
            ids: ids.clone(),
            clock: clock.clone(),
            downloads: kms_domain::recommend::DownloadQueue::new(),
            config: FileServiceConfig {
                max_size: MAX_FILE as u64,
                default_visibility: Visibility::Public,
                instant_upload: InstantUpload::Public,
                quota: Quota::NONE,
                trash_retention: 0,
            },
        };
        let services = Services {
            accounts: AccountService {
                users: ports.users.clone(),
                hasher: hasher.clone(),
                ids: ids.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                require_old_password: false,
            },
            sessions: SessionService {
                users: ports.users,
                sessions: ports.sessions,
                hasher,
                ids,
                tokens: Arc::new(SeededTokens::new(1)),
                clock: clock.clone(),
                audit: audit.clone(),
                policy: SessionPolicy {
                    // Notes of use are written after the answer, at no time that a story knows.
                    idle_millis: i64::MAX / 4,
                    absolute_millis: SESSION_MILLIS,
                    touch_millis: i64::MAX / 4,
                    per_account: SESSIONS,
                },
            },
            avatars: AvatarService {
                avatars: ports.avatars,
                blobs: ports.blobs.clone(),
                store: bytes,
                clock: clock.clone(),
                max_size: MAX_AVATAR as u64,
            },
            recommend: kms_domain::recommend::RecommendService {
                feed: ports.feed,
                limit: 1000,
            },
            once: OnceService {
                files: files.clone(),
                once: ports.once,
                keys: KeyPolicy {
                    millis: i64::MAX / 4,
                    per_account: 1000,
                },
            },
            files,
            audit,
            passwords: PasswordPolicy::new(6),
            scratch: Arc::new(MemoryScratchSpace::new()),
            one_state: Arc::new(database.clone()),
        };
        let lane = LaneConfig {
            permits: 4,
            queue: 64,
            wait: Duration::from_secs(60),
        };
        let limits = Limits {
            body: 16 * 1024,
            file: MAX_FILE as u64,
            avatar: MAX_AVATAR as u64,
            body_idle: Duration::from_secs(60),
            uploads: 64,
            anonymous_uploads: 64,
            anonymous_bytes: 1 << 30,
            zip_files: 100,
        };
        let admission = Admission {
            throttles: Throttles::off(),
            proxies: Default::default(),
            origins: Default::default(),
        };
        let app = App::new(services, Offload::new(lane, lane), limits, admission);
        let world = Self {
            database,
            store,
            clock,
        };
        (world, app)
    }

    /// What a request that is refused must leave as it is.
    pub(crate) fn size(&self) -> [usize; 6] {
        [
            self.database.user_count(),
            self.database.session_count(),
            self.database.file_count(),
            self.database.blobs().len(),
            self.store.keys().len(),
            self.store.staged(),
        ]
    }
}

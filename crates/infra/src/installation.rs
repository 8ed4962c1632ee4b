//! Everything put together, for the server and for whoever wants the store without HTTP.

use std::path::Path;
use std::sync::Arc;

use kms_domain::audit::{Audit, RefusalPolicy};
use kms_domain::files::{
    FileService, FileServiceConfig, InstantUpload, KeyPolicy, OnceService, Quota, ScratchSpace,
    Visibility,
};
use kms_domain::recommend::{DownloadQueue, Learner, RecommendService};
use kms_domain::upkeep::{CollectionPolicy, Collector, Purger};
use kms_domain::users::{AccountService, AvatarService, SessionPolicy, SessionService};
use kms_domain::{Clock, IdSource, OneState, with_causes};

use crate::disk::{
    self, DataDir, DiskBlobStore, DiskInventory, DiskScratchSpace, Reserve, ReservedBlobStore,
};
use crate::sqlite::{
    self, SqliteAuditLog, SqliteAvatarRepository, SqliteBlobRepository, SqliteConfig,
    SqliteDatabase, SqliteFavouriteRepository, SqliteFeedRepository, SqliteFileRepository,
    SqliteInteractionRepository, SqliteOnceRepository, SqliteSessionRepository,
    SqliteTrashRepository, SqliteUpkeepRepository, SqliteUsageRepository, SqliteUserRepository,
};
use crate::{BcryptHasher, RandomIds, RandomTokens, RedoError, SystemClock, carry_out_notes};

/// What the use cases are to be like. The default is the server's.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The cost of new bcrypt hashes; each step doubles the time of a login.
    pub bcrypt_cost: u32,
    /// Whether a new password takes the old one beside it.
    pub require_old_password: bool,
    /// How long sessions last.
    pub sessions: SessionPolicy,
    /// Most bytes of an avatar.
    pub max_avatar: u64,
    /// Limits and defaults of files.
    pub files: FileServiceConfig,
    /// Most entries in a recommended list, and on a page of the hot list.
    pub recommended_limit: usize,
    /// How long the keys of uploads count, and how many.
    pub keys: KeyPolicy,
    /// Bytes of disk space that are kept for deleting when the disk is full.
    pub reserve: u64,
}

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;
const MIB: u64 = 1 << 20;

impl Default for Rules {
    fn default() -> Self {
        Self {
            bcrypt_cost: 10,
            require_old_password: false,
            sessions: SessionPolicy {
                idle_millis: 30 * DAY,
                absolute_millis: 180 * DAY,
                touch_millis: 10 * MINUTE,
                per_account: 20,
            },
            max_avatar: 5 * MIB,
            files: FileServiceConfig {
                max_size: 4096 * MIB,
                default_visibility: Visibility::Public,
                instant_upload: InstantUpload::Public,
                quota: Quota::NONE,
                trash_retention: 30 * DAY,
            },
            recommended_limit: 100,
            keys: KeyPolicy {
                millis: DAY,
                per_account: 1000,
            },
            reserve: 16 * MIB,
        }
    }
}

/// The use cases over a data folder. Each may block: call them where that is allowed.
#[derive(Clone)]
pub struct UseCases {
    /// Registering and changing accounts.
    pub accounts: AccountService,
    /// Logging in and telling who asks.
    pub sessions: SessionService,
    /// Avatars.
    pub avatars: AvatarService,
    /// Files.
    pub files: FileService,
    /// What somebody may like, and what everybody likes. It knows what a [`Learner`] has learned; nothing is learned
    /// by itself.
    ///
    /// [`Learner`]: kms_domain::recommend::Learner
    pub recommend: RecommendService,
    /// Files that are stored at most once.
    pub once: OnceService,
    /// Recording refusals, and reading what was recorded.
    pub audit: Audit,
    /// Room for what one request makes and is too long for memory.
    pub scratch: Arc<dyn ScratchSpace>,
    /// Lets several use cases read one state, on a thread with a reader of its own
    /// ([`SqliteDatabase::dedicate_reader`]).
    pub one_state: Arc<dyn OneState>,
}

impl UseCases {
    /// Puts the adapters behind the ports, for who has opened them alone.
    #[must_use]
    pub fn over(
        data: &DataDir,
        store: &DiskBlobStore,
        database: &SqliteDatabase,
        rules: &Rules,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn IdSource> = Arc::new(RandomIds::default());
        let reserve = reserve(data, database, rules.reserve);
        if database.keeps_notes() {
            store.keep_notes_for(Arc::new(database.clone()));
        }
        let store = Arc::new(ReservedBlobStore::new(store.clone(), reserve));
        let blobs = Arc::new(SqliteBlobRepository::new(database, Arc::clone(&clock)));
        let audit = audit(database);
        let accounts = accounts(database, audit.clone(), rules);
        let files = FileService {
            files: Arc::new(SqliteFileRepository::new(database)),
            trash: Arc::new(SqliteTrashRepository::new(database)),
            favourites: Arc::new(SqliteFavouriteRepository::new(database)),
            blobs: blobs.clone(),
            usage: Arc::new(SqliteUsageRepository::new(database)),
            store: store.clone(),
            ids: Arc::clone(&ids),
            clock: Arc::clone(&clock),
            downloads: DownloadQueue::new(),
            config: rules.files,
        };
        Self {
            sessions: SessionService {
                users: Arc::clone(&accounts.users),
                sessions: Arc::new(SqliteSessionRepository::new(database)),
                hasher: Arc::clone(&accounts.hasher),
                ids,
                tokens: Arc::new(RandomTokens),
                clock: Arc::clone(&clock),
                audit: audit.clone(),
                policy: rules.sessions,
            },
            accounts,
            avatars: AvatarService {
                avatars: Arc::new(SqliteAvatarRepository::new(database)),
                blobs,
                store,
                clock,
                max_size: rules.max_avatar,
            },
            recommend: RecommendService {
                feed: Arc::new(SqliteFeedRepository::new(database)),
                limit: rules.recommended_limit,
            },
            once: OnceService {
                files: files.clone(),
                once: Arc::new(SqliteOnceRepository::new(database)),
                keys: rules.keys,
            },
            files,
            audit,
            scratch: Arc::new(DiskScratchSpace::new(data)),
            one_state: Arc::new(database.clone()),
        }
    }
}

/// The use cases about accounts alone, which need nothing but the database.
#[must_use]
pub fn accounts(database: &SqliteDatabase, audit: Audit, rules: &Rules) -> AccountService {
    AccountService {
        users: Arc::new(SqliteUserRepository::new(database)),
        hasher: Arc::new(BcryptHasher::new(rules.bcrypt_cost)),
        ids: Arc::new(RandomIds::default()),
        clock: Arc::new(SystemClock),
        audit,
        require_old_password: rules.require_old_password,
    }
}

/// The audit log. One for each process, because it counts refusals.
#[must_use]
pub fn audit(database: &SqliteDatabase) -> Audit {
    Audit::new(
        Arc::new(SqliteAuditLog::new(database)),
        Arc::new(SystemClock),
        RefusalPolicy::default(),
        |error| {
            let error = with_causes(error);
            tracing::warn!(%error, "a refusal could not be recorded in the audit log");
        },
    )
}

/// Room that is given back when a write of `database` finds the disk full, for as long as that is open.
pub fn reserve(data: &DataDir, database: &SqliteDatabase, bytes: u64) -> Reserve {
    let reserve = Reserve::new(data, bytes);
    let spent = reserve.clone();
    database.when_full(move || spent.spend());
    reserve
}

/// Collects what nothing refers to any more, for who owns the folder. Nothing is collected by itself: somebody has
/// to run it now and then.
#[must_use]
pub fn collector(
    data: &DataDir,
    store: &DiskBlobStore,
    database: &SqliteDatabase,
    policy: CollectionPolicy,
) -> Collector {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rows = Arc::new(SqliteUpkeepRepository::new(database, Arc::clone(&clock)));
    #[cfg(feature = "sabotage")]
    let rows = crate::DoomsLater::chosen(rows);
    Collector::new(
        rows,
        Some((Arc::new(store.clone()), Arc::new(store.clone()))),
        Arc::new(DiskInventory::new(data.path())),
        clock,
        policy,
    )
}

/// Removes for good what was deleted more than `retention` milliseconds ago, so that a collection finds its content.
/// Nothing is removed by itself: somebody has to run it now and then.
#[must_use]
pub fn purger(database: &SqliteDatabase, retention: i64) -> Purger {
    Purger {
        trash: Arc::new(SqliteTrashRepository::new(database)),
        favourites: Arc::new(SqliteFavouriteRepository::new(database)),
        clock: Arc::new(SystemClock),
        retention,
    }
}

/// Learns what recommendations and the hot list are made of, step by step, from the entries and from what `downloads`
/// holds. Nothing is learned by itself.
#[must_use]
pub fn learner(database: &SqliteDatabase, downloads: DownloadQueue) -> Learner {
    Learner {
        interactions: Arc::new(SqliteInteractionRepository::new(database)),
        downloads,
    }
}

/// A data folder that this process owns, opened: its lock, its database, its bytes.
pub struct Installation {
    /// The folder; its lock is held as long as anything of it is.
    pub data: DataDir,
    /// The database in it.
    pub database: SqliteDatabase,
    /// The bytes in it.
    pub store: DiskBlobStore,
}

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The folder itself.
    #[error("the data folder could not be opened")]
    Folder(#[from] disk::OpenError),
    /// The database in it.
    #[error("the database could not be opened")]
    Database(#[from] sqlite::OpenError),
    /// What a power cut had left undone.
    #[error("what a power cut had left undone could not be done")]
    Redo(#[from] RedoError),
}

impl Installation {
    /// Takes a data folder, which is made if it is missing, and stores again what a power cut has taken of uploads
    /// that were acknowledged ([`carry_out_notes`]). Blocks, for seconds if the database is large.
    ///
    /// # Errors
    /// [`InstallationError`]: among other reasons, another process owns the folder. What is damaged is never repaired
    /// by itself.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InstallationError> {
        let data = DataDir::open(path)?;
        let database = SqliteDatabase::open(SqliteConfig::new(data.database_path()))?;
        carry_out_notes(&data, &database)?;
        let store = DiskBlobStore::new(&data);
        Ok(Self {
            data,
            database,
            store,
        })
    }

    /// The use cases over it.
    #[must_use]
    pub fn use_cases(&self, rules: &Rules) -> UseCases {
        UseCases::over(&self.data, &self.store, &self.database, rules)
    }

    /// See [`purger`]; with the time that the use cases were told.
    #[must_use]
    pub fn purger(&self, rules: &Rules) -> Purger {
        purger(&self.database, rules.files.trash_retention)
    }

    /// See [`learner`]; of the downloads of these use cases.
    #[must_use]
    pub fn learner(&self, cases: &UseCases) -> Learner {
        learner(&self.database, cases.files.downloads.clone())
    }

    /// See [`collector`].
    #[must_use]
    pub fn collector(&self, policy: CollectionPolicy) -> Collector {
        collector(&self.data, &self.store, &self.database, policy)
    }
}

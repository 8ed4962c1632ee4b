//! Where ports meet adapters: the only place beside `main.rs` that names `kms-infra`.

pub(crate) mod backup;
mod quota;
mod throttles;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kms_api::config::{Config, DefaultVisibility, InstantUpload, Switch};
use kms_api::offload::{LaneConfig, Offload};
use kms_api::{Admission, App, Limits, Services};
use kms_domain::files::{self, BlobId, FileServiceConfig, KeyPolicy, QuotaService, Visibility};
use kms_domain::upkeep::{CollectionPolicy, Collector, Fsck, Purger, Scrubber};
use kms_domain::users::{AccountService, PasswordPolicy, SessionPolicy};
use kms_domain::{Clock, IdSource, PortError, with_causes};
use kms_infra::disk::{
    DataDir, DiskBlobStore, DiskFull, DiskInventory, OpenError as DataDirError, Reserve,
};
use kms_infra::sqlite::{
    Access, OpenError, SqliteBlobRepository, SqliteConfig, SqliteDatabase, SqliteUpkeepRepository,
    SqliteUsageRepository, SqliteUserRepository,
};
use kms_infra::{RandomIds, Rules, SystemClock, UseCases, audit};

use crate::Failure;
use crate::background::Scrub;
pub(crate) use quota::default_quota;

/// Opens the database at `path`.
pub(crate) fn open_database(
    config: &Config,
    path: PathBuf,
    access: Access,
) -> Result<SqliteDatabase, OpenError> {
    SqliteDatabase::open(SqliteConfig {
        readers: config.sqlite_readers,
        busy_timeout: config.sqlite_busy_timeout,
        group: config.sqlite_group,
        access,
        ..SqliteConfig::new(path)
    })
}

/// The use cases over a data folder.
pub(crate) fn services(
    config: &Config,
    data: &DataDir,
    store: &DiskBlobStore,
    database: &SqliteDatabase,
) -> Services {
    let cases = UseCases::over(data, store, database, &rules(config));
    Services {
        accounts: cases.accounts,
        sessions: cases.sessions,
        avatars: cases.avatars,
        files: cases.files,
        once: cases.once,
        audit: cases.audit,
        recommend: cases.recommend,
        passwords: passwords(config),
        scratch: cases.scratch,
        one_state: cases.one_state,
    }
}

/// What the settings say of the use cases.
fn rules(config: &Config) -> Rules {
    Rules {
        bcrypt_cost: config.bcrypt_cost,
        require_old_password: config.require_old_password,
        sessions: SessionPolicy {
            idle_millis: millis(config.session_idle),
            absolute_millis: millis(config.session_max),
            touch_millis: millis(config.session_touch),
            per_account: usize::try_from(config.sessions_per_account).unwrap_or(usize::MAX),
        },
        max_avatar: config.max_avatar.as_u64(),
        files: file_config(config),
        recommended_limit: usize::try_from(config.recommended_limit).unwrap_or(usize::MAX),
        keys: KeyPolicy {
            millis: millis(config.upload_key_age),
            per_account: usize::try_from(config.upload_keys).unwrap_or(usize::MAX),
        },
        reserve: config.reserve.as_u64(),
    }
}

/// The use cases about accounts alone, whether or not a server runs on the same data folder. The
/// lock belongs to whoever handles bytes; without it, these commands touch rows only.
pub(crate) fn accounts_beside_a_server(
    config: &Config,
) -> Result<(AccountService, QuotaService), Failure> {
    let path = expect_database(config)?;
    let database = match DataDir::open(&config.data_dir) {
        Ok(data) => open_own_database(config, &data)?,
        Err(DataDirError::InUse(_)) => open_database(config, path, Access::Guest)?,
        Err(error) => return Err(error.into()),
    };
    let quotas = QuotaService {
        users: Arc::new(SqliteUserRepository::new(&database)),
        usage: Arc::new(SqliteUsageRepository::new(&database)),
    };
    let accounts = kms_infra::accounts(&database, audit(&database), &rules(config));
    Ok((accounts, quotas))
}

/// The accounts and the audit log of a folder that is there already, beside a server or without one.
pub(crate) fn expect_accounts(config: &Config) -> Result<AccountService, Failure> {
    expect_database(config)?;
    Ok(accounts_beside_a_server(config)?.0)
}

/// Records an operator's command that has been carried out. That it could not be recorded is told, but
/// undoes nothing.
pub(crate) fn note_command(config: &Config, command: &str) {
    let noted = open_beside(config, Access::Guest)
        .and_then(|database| Ok(audit(&database).admin(None, command)?));
    if let Err(error) = noted {
        let error = with_causes(&*error);
        eprintln!("warning: this could not be recorded in the audit log: {error}");
    }
}

/// Longer than an upload takes from the name of its bytes to its row, on however slow a disk: a younger
/// stray may be one in flight, whatever the operator chose.
const LONGEST_COMMIT: Duration = Duration::from_secs(3600);

/// The collector of the process that owns the folder. `exclusive`: it takes no uploads.
pub(crate) fn collector(
    config: &Config,
    data: &DataDir,
    store: &DiskBlobStore,
    database: &SqliteDatabase,
    exclusive: bool,
) -> Collector {
    let policy = collection_policy(config, exclusive);
    let policy = CollectionPolicy {
        stray_age: if exclusive {
            policy.stray_age
        } else {
            policy.stray_age.max(millis(LONGEST_COMMIT))
        },
        ..policy
    };
    kms_infra::collector(data, store, database, policy)
}

/// What empties the trash of entries.
pub(crate) fn purger(config: &Config, database: &SqliteDatabase) -> Purger {
    kms_infra::purger(database, millis(config.trash_retention))
}

/// The collector of a command that takes the folder for itself, and what empties the trash before it.
pub(crate) fn exclusive_collector(config: &Config) -> Result<(Collector, Purger), Failure> {
    expect_database(config)?;
    let data = DataDir::open(&config.data_dir)?;
    let database = open_own_database(config, &data)?;
    kms_infra::reserve(&data, &database, config.reserve.as_u64());
    let store = DiskBlobStore::new(&data);
    let purger = purger(config, &database);
    Ok((collector(config, &data, &store, &database, true), purger))
}

/// A collector that can only say what there is to collect, also beside a server.
pub(crate) fn dry_collector(config: &Config) -> Result<Collector, Failure> {
    let database = open_beside(config, Access::Onlooker)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Collector::new(
        Arc::new(SqliteUpkeepRepository::new(&database, Arc::clone(&clock))),
        None,
        Arc::new(DiskInventory::new(&config.data_dir)),
        clock,
        collection_policy(config, false),
    ))
}

/// Opens the database of a folder whose server may be running.
fn open_beside(config: &Config, access: Access) -> Result<SqliteDatabase, Failure> {
    open_database(config, expect_database(config)?, access).map_err(on_disk(&config.data_dir))
}

/// Where the database is, which must be there: only a server and a restore make a data folder.
fn expect_database(config: &Config) -> Result<PathBuf, Failure> {
    let path = DataDir::database_path_in(&config.data_dir);
    if path.try_exists()? {
        Ok(path)
    } else {
        let path = path.display();
        Err(format!("there is no database {path}: a server makes it at its first start").into())
    }
}

/// Opens the database of a folder that this process owns. That takes some room, for which the reserve
/// is given back if need be.
pub(crate) fn open_own_database(
    config: &Config,
    data: &DataDir,
) -> Result<SqliteDatabase, Failure> {
    let open = || -> Result<SqliteDatabase, Failure> {
        let database = open_database(config, data.database_path(), Access::Owner)
            .map_err(on_disk(data.path()))?;
        let notes = kms_infra::carry_out_notes(data, &database).map_err(on_disk(data.path()))?;
        if notes.stored > 0 {
            let stored = notes.stored;
            tracing::info!(
                stored,
                "entries were stored again that a power cut had taken"
            );
        }
        if notes.lost > 0 {
            // Commands have no log.
            eprintln!(
                "warning: entries that a power cut had taken are lost; a server says more in its log"
            );
        }
        Ok(database)
    };
    let opened = open();
    if opened.is_err() && Reserve::give_back(data) {
        tracing::warn!(
            "the reserve was given back, in case there was no room for opening the database"
        );
        return open();
    }
    opened
}

/// SQLite calls the lack of room an I/O error, which sends people the wrong way.
fn on_disk<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl FnOnce(E) -> Failure {
    move |error| match DiskFull::found_at(path) {
        Some(full) => format!("{full} ({})", with_causes(&error)).into(),
        None => error.into(),
    }
}

fn collection_policy(config: &Config, exclusive: bool) -> CollectionPolicy {
    CollectionPolicy {
        grace: millis(config.gc_grace),
        stray_age: millis(config.stray_age),
        trash_age: millis(config.trash_age),
        exclusive,
    }
}

/// The check, which works beside a server. It changes rows only if it may `repair`.
pub(crate) fn fsck(config: &Config, repair: bool) -> Result<Fsck, Failure> {
    let access = if repair {
        Access::Guest
    } else {
        Access::Onlooker
    };
    let database = open_beside(config, access)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Fsck {
        rows: Arc::new(SqliteUpkeepRepository::new(&database, Arc::clone(&clock))),
        inventory: Arc::new(DiskInventory::new(&config.data_dir)),
        blobs: Arc::new(SqliteBlobRepository::new(&database, Arc::clone(&clock))),
        usage: Arc::new(SqliteUsageRepository::new(&database)),
        clock,
        stray_age: millis(config.stray_age),
    })
}

/// Whether `failure` is that the database is damaged.
pub(crate) fn is_damage(failure: &Failure) -> bool {
    let open = failure.downcast_ref::<kms_infra::sqlite::OpenError>();
    open.is_some_and(kms_infra::sqlite::OpenError::is_damage)
}

/// The scrubbing of a running server.
pub(crate) fn scrub(data: &DataDir, database: &SqliteDatabase) -> Scrub {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let scrubber = Scrubber {
        rows: Arc::new(SqliteUpkeepRepository::new(database, Arc::clone(&clock))),
        inventory: Arc::new(DiskInventory::new(data.path())),
        blobs: Arc::new(SqliteBlobRepository::new(database, clock)),
    };
    let after = data.scrub_position().map(BlobId::from_i64);
    let data = data.clone();
    Scrub {
        scrubber,
        after,
        note: Box::new(move |place| data.set_scrub_position(place.map(BlobId::as_i64))),
    }
}

/// What a new password must be.
pub(crate) fn passwords(config: &Config) -> PasswordPolicy {
    PasswordPolicy::new(config.password_min)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Password hashes computed at once.
fn hashing_permits(config: &Config) -> usize {
    match config.hashing_permits {
        0 => cores(),
        permits => permits,
    }
}

/// Jobs on the database and the files that run at once. Enough to keep a disk busy; more would take turns with the
/// worker of the same core, which then comes too late to refuse anybody.
fn storage_permits(config: &Config) -> usize {
    match config.storage_permits {
        0 => cores().saturating_mul(8).min(512),
        permits => permits,
    }
}

/// The server around its use cases.
///
/// # Errors
/// When the operating system gives no randomness.
pub(crate) fn app(config: &Config, services: Services) -> Result<App, PortError> {
    let lane = |permits, queue| LaneConfig {
        permits,
        queue,
        wait: config.queue_wait,
    };
    let offload = Offload::new(
        lane(storage_permits(config), config.storage_queue),
        lane(hashing_permits(config), config.hashing_queue),
    );
    let app = App::new(
        services,
        offload,
        Limits {
            body: config.max_body.as_u64(),
            file: config.max_file.as_u64(),
            avatar: config.max_avatar.as_u64(),
            body_idle: config.body_timeout,
            uploads: config.uploads,
            anonymous_uploads: config.anonymous_uploads,
            anonymous_bytes: config.anonymous_bytes.as_u64(),
            zip_files: config.zip_files,
        },
        Admission {
            throttles: throttles::throttles(config)?,
            proxies: config.trusted_proxies.clone(),
            origins: config.cors_origins.clone(),
        },
    );
    Ok(match config.docs {
        Switch::On => app.with_documentation(),
        Switch::Off => app,
    })
}

/// A prefix for this run's request ids.
pub(crate) fn run_id() -> Result<String, PortError> {
    let id = RandomIds::default().new_id()?.simple().to_string();
    Ok(id.chars().take(8).collect())
}

fn file_config(config: &Config) -> FileServiceConfig {
    FileServiceConfig {
        max_size: config.max_file.as_u64(),
        default_visibility: match config.default_visibility {
            DefaultVisibility::Public => Visibility::Public,
            DefaultVisibility::Private => Visibility::Private,
        },
        instant_upload: match config.instant_upload {
            InstantUpload::Public => files::InstantUpload::Public,
            InstantUpload::Strong => files::InstantUpload::Strong,
            InstantUpload::Own => files::InstantUpload::Own,
            InstantUpload::Off => files::InstantUpload::Off,
        },
        quota: default_quota(config),
        trash_retention: millis(config.trash_retention),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_embeds_the_store_gets_the_rules_of_a_server_as_it_comes() {
        let rules = rules(&Config::default());
        assert_eq!(format!("{rules:?}"), format!("{:?}", Rules::default()));
    }
}

use std::sync::Arc;

use kms_api::config::Config;
use kms_domain::files::{FileService, KeyPolicy, OnceService};
use kms_infra::sqlite::{SqliteDatabase, SqliteOnceRepository};

use super::millis;

/// Storing files at most once, on top of storing them.
pub(super) fn once(config: &Config, database: &SqliteDatabase, files: &FileService) -> OnceService {
    OnceService {
        files: files.clone(),
        once: Arc::new(SqliteOnceRepository::new(database)),
        keys: KeyPolicy {
            millis: millis(config.upload_key_age),
            per_account: usize::try_from(config.upload_keys).unwrap_or(usize::MAX),
        },
    }
}

use kms_api::config::Config;
use kms_domain::files::Quota;

/// What an account may hold about which nothing else was decided; in settings, zero is no limit.
pub(crate) fn default_quota(config: &Config) -> Quota {
    let limit = |most: u64| Some(most).filter(|most| *most > 0);
    Quota {
        bytes: limit(config.quota_bytes.as_u64()),
        files: limit(u64::from(config.quota_files)),
    }
}

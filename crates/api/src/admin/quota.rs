//! `kms-server user quota`.

use kms_api::cli::QuotaCommand;
use kms_api::config::{ByteSize, Config};
use kms_domain::files::{Limit, OwnQuota, QuotaService, Usage};
use kms_domain::users::{AccountService, Phone};

use crate::{Failure, wiring};

/// Decides, if there is something to decide, and tells how the account stands then.
pub(super) fn run(
    config: &Config,
    accounts: &AccountService,
    quotas: &QuotaService,
    command: &QuotaCommand,
) -> Result<(), Failure> {
    let phone = Phone::parse(&command.phone)?;
    let find = || {
        let usage = quotas.usage_of(&phone)?;
        usage.ok_or_else(|| Failure::from("no account has this phone"))
    };
    let mut usage = find()?;
    if command.decides() {
        let own = OwnQuota {
            bytes: command.bytes.unwrap_or(usage.own.bytes),
            files: command.files.unwrap_or(usage.own.files),
        };
        if !quotas.decide(&phone, own)? {
            return Err("no account has this phone".into());
        }
        super::note(accounts, None, "user quota");
        usage = find()?;
    }
    tell(config, &usage);
    Ok(())
}

fn tell(config: &Config, usage: &Usage) {
    let size = |bytes| ByteSize::bytes(bytes).to_string();
    let quota = usage.standing(wiring::default_quota(config)).quota;
    let source = |limit| match limit {
        Limit::Default => ", as for everybody",
        Limit::Unlimited | Limit::AtMost(_) => ", of its own",
    };
    let none = || "no limit".to_owned();
    println!(
        "bytes: {} of {}{}\nfiles: {} of {}{}",
        size(usage.used.bytes),
        quota.bytes.map_or_else(none, size),
        source(usage.own.bytes),
        usage.used.files,
        quota.files.map_or_else(none, |files| files.to_string()),
        source(usage.own.files),
    );
}

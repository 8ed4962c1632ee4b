use std::sync::Arc;
use std::time::Duration;

use kms_api::config::{Config, Switch};
use kms_domain::throttle::{Bucket, LoginThrottle, ThrottlePolicy, Throttles};
use kms_domain::{IdSource, PortError};
use kms_infra::{RandomIds, SystemClock};

use super::{hashing_permits, millis};

/// Who has to wait.
pub(super) fn throttles(config: &Config) -> Result<Throttles, PortError> {
    if config.throttle == Switch::Off {
        return Ok(Throttles::off());
    }
    let unsigned = |duration: Duration| millis(duration).unsigned_abs();
    let policy = ThrottlePolicy {
        logins: LoginThrottle {
            free: config.throttle_login_free,
            first_wait_millis: unsigned(config.throttle_login_wait),
            longest_wait_millis: unsigned(config.throttle_login_longest),
            forget_millis: unsigned(config.throttle_login_forget),
            a_day: config.throttle_account_daily,
            at_once: u32::try_from(hashing_permits(config)).unwrap_or(u32::MAX),
        },
        questions: Bucket {
            burst: config.throttle_network_burst,
            refill_micros: 60_000_000 / u64::from(config.throttle_network_rate.max(1)),
        },
        requests: (config.throttle_requests > 0).then(|| Bucket {
            burst: config.throttle_requests.saturating_mul(10),
            refill_micros: 1_000_000 / u64::from(config.throttle_requests.max(1)),
        }),
    };
    let seed = RandomIds::default().new_id()?.as_u128();
    Ok(Throttles::new(policy, Arc::new(SystemClock), seed))
}

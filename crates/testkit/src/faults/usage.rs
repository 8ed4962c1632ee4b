use std::fmt;
use std::sync::Arc;

use kms_domain::PortError;
use kms_domain::files::{Counted, OwnQuota, Usage, UsageRepository};
use kms_domain::users::UserId;

use super::FailNth;

/// A [`UsageRepository`] whose calls (`usage.find_usage`, …) fail as planned.
pub struct FaultyUsageRepository {
    inner: Arc<dyn UsageRepository>,
    plan: FailNth,
}

impl FaultyUsageRepository {
    /// Puts `plan` before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn UsageRepository>, plan: &FailNth) -> Self {
        Self {
            inner,
            plan: plan.clone(),
        }
    }
}

impl fmt::Debug for FaultyUsageRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyUsageRepository")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl UsageRepository for FaultyUsageRepository {
    fn find_usage(&self, user: UserId) -> Result<Option<Usage>, PortError> {
        self.plan
            .run("usage.find_usage", || self.inner.find_usage(user))
    }

    fn set_quota(&self, user: UserId, quota: OwnQuota) -> Result<bool, PortError> {
        self.plan
            .run("usage.set_quota", || self.inner.set_quota(user, quota))
    }

    fn count_next(&self, after: Option<UserId>) -> Result<Option<Counted>, PortError> {
        self.plan
            .run("usage.count_next", || self.inner.count_next(after))
    }

    fn recount(&self, user: UserId) -> Result<(), PortError> {
        self.plan.run("usage.recount", || self.inner.recount(user))
    }
}

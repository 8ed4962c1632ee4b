use std::fmt;
use std::sync::Arc;

use kms_domain::files::{BlobId, BlobKey, BlobRef};
use kms_domain::upkeep::{Unreferenced, UpkeepRepository};
use kms_domain::{PortError, Timestamp};

use super::FailNth;

/// An [`UpkeepRepository`] whose calls (`upkeep.doom`, …) fail as planned.
pub struct FaultyUpkeepRepository {
    inner: Arc<dyn UpkeepRepository>,
    plan: FailNth,
}

impl FaultyUpkeepRepository {
    /// Puts `plan` before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn UpkeepRepository>, plan: &FailNth) -> Self {
        Self {
            inner,
            plan: plan.clone(),
        }
    }
}

impl fmt::Debug for FaultyUpkeepRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyUpkeepRepository")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl UpkeepRepository for FaultyUpkeepRepository {
    fn list_live(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.plan
            .run("upkeep.list_live", || self.inner.list_live(after, limit))
    }

    fn find_live_by_id(&self, blob: BlobId) -> Result<Option<BlobRef>, PortError> {
        self.plan.run("upkeep.find_live_by_id", || {
            self.inner.find_live_by_id(blob)
        })
    }

    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        window: usize,
    ) -> Result<Unreferenced, PortError> {
        self.plan.run("upkeep.list_unreferenced", || {
            self.inner.list_unreferenced(after, created_before, window)
        })
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        self.plan
            .run("upkeep.doom", || self.inner.doom(blobs, created_before))
    }

    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.plan.run("upkeep.list_doomed", || {
            self.inner.list_doomed(after, limit)
        })
    }

    fn confirm_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        self.plan
            .run("upkeep.confirm_doomed", || self.inner.confirm_doomed(blobs))
    }

    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        self.plan
            .run("upkeep.forget_doomed", || self.inner.forget_doomed(blobs))
    }

    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError> {
        self.plan
            .run("upkeep.are_named", || self.inner.are_named(keys))
    }

    fn check(&self) -> Result<Vec<String>, PortError> {
        self.plan.run("upkeep.check", || self.inner.check())
    }
}

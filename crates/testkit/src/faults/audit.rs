use std::fmt;
use std::sync::Arc;

use kms_domain::audit::{AuditEvent, AuditId, AuditLog, AuditQuery, RecordedEvent};
use kms_domain::{Done, PortError, Timestamp};

use super::FailNth;

/// An [`AuditLog`] whose calls (`audit.record`, …) fail as planned.
pub struct FaultyAuditLog {
    inner: Arc<dyn AuditLog>,
    plan: FailNth,
}

impl FaultyAuditLog {
    /// Puts `plan` before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn AuditLog>, plan: &FailNth) -> Self {
        Self {
            inner,
            plan: plan.clone(),
        }
    }
}

impl fmt::Debug for FaultyAuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyAuditLog")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl AuditLog for FaultyAuditLog {
    fn record_then(&self, event: AuditEvent, done: Done<()>) {
        match self.plan.run("audit.record", || Ok(())) {
            Ok(()) => self.inner.record_then(event, done),
            Err(error) => done(Err(error)),
        }
    }

    fn list(
        &self,
        query: &AuditQuery,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, PortError> {
        self.plan
            .run("audit.list", || self.inner.list(query, before, limit))
    }

    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.plan
            .run("audit.prune", || self.inner.prune(before, limit))
    }
}

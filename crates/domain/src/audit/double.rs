//! A log for the tests of whoever records.

use std::sync::{Arc, Mutex};

use super::{Audit, AuditEvent, AuditId, AuditLog, AuditQuery, RecordedEvent, RefusalPolicy};
use crate::test_doubles::{NOW, clock_at};
use crate::{Clock, Done, PortError, Timestamp};

/// Keeps what is recorded, or fails.
#[derive(Clone, Default)]
pub(crate) struct RecordingLog {
    pub(crate) events: Arc<Mutex<Vec<AuditEvent>>>,
    /// What was asked to be pruned.
    pub(crate) pruned: Arc<Mutex<Vec<(Timestamp, usize)>>>,
    pub(crate) fails: bool,
}

impl RecordingLog {
    /// What was recorded so far.
    pub(crate) fn taken(&self) -> Vec<AuditEvent> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// An audit of this log at [`NOW`].
    pub(crate) fn audit(&self) -> Audit {
        self.audit_by(Arc::new(clock_at(NOW)))
    }

    /// An audit of this log by another clock.
    pub(crate) fn audit_by(&self, clock: Arc<dyn Clock>) -> Audit {
        Audit::new(
            Arc::new(self.clone()),
            clock,
            RefusalPolicy::default(),
            |_| {},
        )
    }
}

impl AuditLog for RecordingLog {
    fn record_then(&self, event: AuditEvent, done: Done<()>) {
        if self.fails {
            return done(Err(PortError::internal("the log is full")));
        }
        self.events.lock().unwrap().push(event);
        done(Ok(()));
    }

    fn list(
        &self,
        _: &AuditQuery,
        _: Option<AuditId>,
        _: usize,
    ) -> Result<Vec<RecordedEvent>, PortError> {
        Ok(Vec::new())
    }

    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        let mut pruned = self.pruned.lock().unwrap();
        pruned.push((before, limit));
        Ok(usize::from(pruned.len() < 3))
    }
}

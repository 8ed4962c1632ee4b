use kms_domain::audit::{AuditEvent, AuditId, AuditLog, AuditQuery, RecordedEvent};
use kms_domain::{Done, PortError, Timestamp};

use super::MemoryDatabase;

impl AuditLog for MemoryDatabase {
    fn record_then(&self, event: AuditEvent, done: Done<()>) {
        self.lock().record(&event);
        done(Ok(()));
    }

    fn list(
        &self,
        query: &AuditQuery,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, PortError> {
        let state = self.lock();
        let wanted = state.events.iter().rev().filter(|recorded| {
            let event = &recorded.event;
            before.is_none_or(|before| recorded.id < before)
                && query.user.is_none_or(|user| event.user == Some(user))
                && query.kind.is_none_or(|kind| event.kind == kind)
                && query
                    .network
                    .is_none_or(|network| event.network == Some(network))
                && query.since.is_none_or(|since| event.at >= since)
                && query.until.is_none_or(|until| event.at < until)
        });
        Ok(wanted.take(limit).cloned().collect())
    }

    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        let mut state = self.lock();
        let had = state.events.len();
        let mut place = 0;
        state.events.retain(|recorded| {
            place += 1;
            place > limit || recorded.event.at >= before
        });
        Ok(had - state.events.len())
    }
}

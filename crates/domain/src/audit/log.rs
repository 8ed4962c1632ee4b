use super::{AuditEvent, AuditKind, Network};
use crate::users::UserId;
use crate::{Done, PortError, Timestamp, wait_for};

/// The recorded events, to which events are added and of which none is ever changed. They outlive
/// the accounts that they name. Every method is one transaction.
pub trait AuditLog: Send + Sync {
    /// Records an event, without waiting. `done` is called once it is durable or has failed;
    /// nothing is recorded then, unless the failure's kind is internal. Events are kept in the order
    /// of the calls.
    fn record_then(&self, event: AuditEvent, done: Done<()>);

    /// Records an event and waits until it is durable. May block.
    ///
    /// # Errors
    /// [`PortError`]; nothing is recorded then, unless its kind is internal.
    fn record(&self, event: &AuditEvent) -> Result<(), PortError> {
        wait_for(|done| self.record_then(event.clone(), done))
    }

    /// At most `limit` events that `query` picks, the latest first, beginning before `before`.
    /// May block.
    ///
    /// # Errors
    /// [`PortError`].
    fn list(
        &self,
        query: &AuditQuery,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, PortError>;

    /// Looks at the `limit` events that were recorded first and removes those of before `before`.
    /// Says how many those were. May block.
    ///
    /// # Errors
    /// [`PortError`]; nothing is removed then, unless its kind is internal.
    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError>;
}

/// The place of an event among all of them: greater than that of every earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditId(i64);

impl AuditId {
    /// Wraps a number that a log has given.
    #[must_use]
    pub const fn from_i64(id: i64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

/// Which events are asked for; what is absent picks all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Those that concern this account.
    pub user: Option<UserId>,
    /// Those of this kind.
    pub kind: Option<AuditKind>,
    /// Those from this network.
    pub network: Option<Network>,
    /// Those of this time or later.
    pub since: Option<Timestamp>,
    /// Those of before this time.
    pub until: Option<Timestamp>,
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place.
    pub id: AuditId,
    /// What happened.
    pub event: AuditEvent,
}

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::refusals::{Refusals, Subject, Surplus};
use super::{
    AuditEvent, AuditId, AuditKind, AuditLog, AuditQuery, Origin, RecordedEvent, RefusalPolicy,
};
use crate::users::{Phone, UserId};
use crate::{Clock, PortError, Timestamp};

/// Called with the failure of a record for which nobody waits.
type WhenFailed = dyn Fn(&PortError) + Send + Sync;

/// Events looked at in one transaction while old ones are removed: short enough that nobody who
/// writes waits for it.
const BATCH: usize = 500;

/// Recording what is no part of a repository's transaction, and reading what was recorded. Clones
/// share one state.
#[derive(Clone)]
pub struct Audit(Arc<Inner>);

struct Inner {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
    refusals: Mutex<Refusals>,
    when_failed: Arc<WhenFailed>,
}

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug)]
pub enum LoginFailure<'a> {
    /// No account has this phone.
    UnknownPhone(&'a Phone),
    /// The account has another password.
    WrongPassword(UserId),
    /// The account has another password than the old one that a change named.
    WrongOldPassword(UserId),
}

impl Audit {
    /// Records into `log`. `when_failed` is told when a refusal could not be recorded: that changes
    /// no answer, but somebody should know. It must not block.
    pub fn new(
        log: Arc<dyn AuditLog>,
        clock: Arc<dyn Clock>,
        policy: RefusalPolicy,
        when_failed: impl Fn(&PortError) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            log,
            clock,
            refusals: Mutex::new(Refusals::new(policy)),
            when_failed: Arc::new(when_failed),
        }))
    }

    /// Notes that somebody was not let in. Never blocks.
    pub fn login_failed(&self, why: LoginFailure<'_>, origin: &Origin) {
        let (user, detail) = match why {
            LoginFailure::UnknownPhone(phone) => {
                (None, format!("unknown phone ending in {}", ending(phone)))
            }
            LoginFailure::WrongPassword(user) => (Some(user), "wrong password".to_owned()),
            LoginFailure::WrongOldPassword(user) => {
                (Some(user), "wrong old password for a change".to_owned())
            }
        };
        self.refuse(AuditKind::LoginFailed, user, origin, &detail);
    }

    /// Notes that somebody asked too often for `what`, for example a login. Never blocks.
    pub fn throttled(&self, user: Option<UserId>, origin: &Origin, what: &str) {
        self.refuse(AuditKind::Throttled, user, origin, what);
    }

    /// Notes that an account had no room for `what`, for example an upload. Never blocks.
    pub fn quota_exceeded(&self, user: UserId, origin: &Origin, what: &str) {
        self.refuse(AuditKind::QuotaExceeded, Some(user), origin, what);
    }

    /// Records an operator's command and waits for it. May block.
    ///
    /// # Errors
    /// [`PortError`] when it could not be recorded.
    pub fn admin(&self, user: Option<UserId>, command: &str) -> Result<(), PortError> {
        let now = self.0.clock.now();
        let event = AuditEvent::new(now, AuditKind::Admin, user, &Origin::default(), command);
        self.0.log.record(&event)
    }

    /// Records the counts of a window that is over. To be called now and then. Never blocks.
    pub fn settle(&self) {
        let now = self.0.clock.now();
        let due = self.refusals().end_window(now);
        self.record_surplus(due, now);
    }

    /// Records all counts there are, before the end. Never blocks.
    pub fn settle_all(&self) {
        let now = self.0.clock.now();
        let due = self.refusals().end();
        self.record_surplus(due, now);
    }

    /// Removes the next few events that are older than `retention_millis`. Says whether there may be
    /// more. May block.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn prune(&self, retention_millis: i64) -> Result<bool, PortError> {
        let before = self.0.clock.now().minus_millis(retention_millis);
        Ok(self.0.log.prune(before, BATCH)? > 0)
    }

    /// At most `limit` events that `query` picks, the latest first, beginning before `before`.
    /// May block.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn list(
        &self,
        query: &AuditQuery,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, PortError> {
        self.0.log.list(query, before, limit)
    }

    fn refuse(&self, kind: AuditKind, user: Option<UserId>, origin: &Origin, detail: &str) {
        let now = self.0.clock.now();
        let subject = match (user, origin.network) {
            (Some(user), _) => Subject::User(user),
            (None, Some(network)) => Subject::Network(network),
            (None, None) => Subject::Others,
        };
        let (due, is_admitted) = {
            let mut refusals = self.refusals();
            (refusals.end_window(now), refusals.admit(kind, subject, now))
        };
        self.record_surplus(due, now);
        if is_admitted {
            self.begin(AuditEvent::new(now, kind, user, origin, detail));
        }
    }

    fn record_surplus(&self, due: Vec<Surplus>, now: Timestamp) {
        for surplus in due {
            let count = surplus.count;
            let (user, network, detail) = match surplus.subject {
                Subject::User(user) => (Some(user), None, format!("and {count} more")),
                Subject::Network(network) => (None, Some(network), format!("and {count} more")),
                Subject::Others => (None, None, format!("and {count} more from various places")),
            };
            let origin = Origin {
                network,
                request: None,
            };
            self.begin(AuditEvent::new(now, surplus.kind, user, &origin, &detail));
        }
    }

    fn begin(&self, event: AuditEvent) {
        let when_failed = Arc::clone(&self.0.when_failed);
        let done = move |result: Result<(), PortError>| {
            if let Err(error) = result {
                when_failed(&error);
            }
        };
        self.0.log.record_then(event, Box::new(done));
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        // A count that a panic left half done is still a count.
        let refusals = self.0.refusals.lock();
        refusals.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}

/// What is kept of a phone that nobody has: enough to recognise one's own, too little to call.
fn ending(phone: &Phone) -> &str {
    let phone = phone.as_str();
    phone
        .get(phone.len().saturating_sub(3)..)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;

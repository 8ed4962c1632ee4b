use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::*;
use crate::audit::Network;
use crate::audit::double::RecordingLog;
use crate::test_doubles::{NOW, phone, user};

/// A clock that stands until it is moved, so many milliseconds after [`NOW`].
#[derive(Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        NOW.minus_millis(-self.0.load(Ordering::Relaxed))
    }
}

fn origin() -> Origin {
    Origin {
        network: Network::parse("203.0.113.9").ok(),
        request: Some("run-7".to_owned()),
    }
}

#[test]
fn each_refusal_says_who_from_where_and_what() {
    let log = RecordingLog::default();
    let audit = log.audit();
    audit.login_failed(LoginFailure::UnknownPhone(&phone()), &origin());
    audit.login_failed(LoginFailure::WrongPassword(user()), &origin());
    audit.login_failed(LoginFailure::WrongOldPassword(user()), &origin());
    audit.throttled(None, &origin(), "login");
    audit.throttled(Some(user()), &origin(), "login");
    audit.quota_exceeded(user(), &origin(), "upload");
    let event = |kind, user, detail: &str| AuditEvent::new(NOW, kind, user, &origin(), detail);
    let failed = AuditKind::LoginFailed;
    assert_eq!(
        log.taken(),
        [
            event(failed, None, "unknown phone ending in 000"),
            event(failed, Some(user()), "wrong password"),
            event(failed, Some(user()), "wrong old password for a change"),
            event(AuditKind::Throttled, None, "login"),
            event(AuditKind::Throttled, Some(user()), "login"),
            event(AuditKind::QuotaExceeded, Some(user()), "upload"),
        ]
    );
}

#[test]
fn what_is_more_than_a_few_a_minute_becomes_one_row() {
    let log = RecordingLog::default();
    let clock = Arc::new(Moved::default());
    let audit = log.audit_by(clock.clone());
    for _ in 0..67 {
        audit.login_failed(LoginFailure::WrongPassword(user()), &origin());
        audit.throttled(None, &origin(), "login");
    }
    assert_eq!(log.taken().len(), 20);
    clock.0.store(59_999, Ordering::Relaxed);
    audit.settle();
    assert_eq!(log.taken(), []);
    clock.0.store(60_000, Ordering::Relaxed);
    audit.settle();
    let sums = log.taken();
    let sum = |kind, user, network| AuditEvent {
        at: clock.now(),
        kind,
        user,
        network,
        request: None,
        detail: "and 57 more".to_owned(),
    };
    assert_eq!(
        sums,
        [
            sum(AuditKind::LoginFailed, Some(user()), None),
            sum(AuditKind::Throttled, None, origin().network),
        ]
    );
}

#[test]
fn the_next_refusal_ends_a_window_as_well() {
    let log = RecordingLog::default();
    let clock = Arc::new(Moved::default());
    let audit = log.audit_by(clock.clone());
    for _ in 0..11 {
        audit.throttled(None, &origin(), "login");
    }
    log.taken();
    clock.0.store(60_000, Ordering::Relaxed);
    audit.throttled(None, &origin(), "login");
    let details: Vec<_> = log.taken().into_iter().map(|event| event.detail).collect();
    assert_eq!(details, ["and 1 more", "login"]);
}

#[test]
fn counts_of_a_window_that_runs_are_recorded_at_the_end() {
    let log = RecordingLog::default();
    let audit = log.audit();
    for _ in 0..12 {
        audit.throttled(None, &Origin::default(), "login");
    }
    log.taken();
    audit.settle_all();
    audit.settle_all();
    let details: Vec<_> = log.taken().into_iter().map(|event| event.detail).collect();
    assert_eq!(details, ["and 2 more from various places"]);
}

#[test]
fn a_failure_is_told_and_not_answered() {
    let log = RecordingLog {
        fails: true,
        ..RecordingLog::default()
    };
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let audit = Audit::new(
        Arc::new(log),
        Arc::new(Moved::default()),
        RefusalPolicy::default(),
        move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        },
    );
    audit.throttled(None, &origin(), "login");
    assert_eq!(told.load(Ordering::Relaxed), 1);
    // Who waits is told alone.
    audit.admin(None, "user list").unwrap_err();
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[test]
fn an_operators_command_has_no_origin() {
    let log = RecordingLog::default();
    log.audit().admin(Some(user()), "user add").unwrap();
    let nowhere = Origin::default();
    let event = AuditEvent::new(NOW, AuditKind::Admin, Some(user()), &nowhere, "user add");
    assert_eq!(log.taken(), [event]);
}

#[test]
fn pruning_goes_on_until_nothing_old_is_found() {
    let log = RecordingLog::default();
    let audit = log.audit();
    assert!(audit.prune(1_000).unwrap());
    assert!(audit.prune(1_000).unwrap());
    assert!(!audit.prune(1_000).unwrap());
    let asked = (NOW.minus_millis(1_000), BATCH);
    assert_eq!(*log.pruned.lock().unwrap(), [asked; 3]);
}

//! [`AuditLog`](kms_domain::audit::AuditLog), and what repositories record in it.

use kms_domain::audit::{AuditEvent, AuditKind, AuditQuery, Network, Origin, RecordedEvent};
use kms_domain::users::Updated;

use super::Repositories;
use super::support::{
    RACERS, a_password_change, a_reset, an_update, log_in, race, recorded, register,
};
use crate::builders::{an_event, at, password_hash, user_id};

/// The suite of the audit log, over `fn() -> Repositories`.
#[macro_export]
macro_rules! audit_log_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { audit_log, $fresh,
            audit: [
                an_event_is_read_as_it_was_recorded,
                events_are_listed_the_latest_first_in_pages,
                a_query_picks_what_fits_all_of_it,
                of_simultaneous_events_none_is_lost,
                old_events_are_pruned_in_batches_and_younger_ones_stay,
                no_place_is_given_twice,
                a_password_change_is_recorded_and_another_change_is_not,
                a_reset_is_recorded_if_there_is_an_account,
            ]
        }
    };
}

fn list(on: &Repositories, query: &AuditQuery) -> Vec<AuditEvent> {
    let events = on.audit.list(query, None, 1_000).unwrap();
    events.into_iter().map(|event| event.event).collect()
}

/// Every field, and none where there is none.
pub fn an_event_is_read_as_it_was_recorded(on: &Repositories) {
    let full = Origin {
        network: Network::parse("203.0.113.9").ok(),
        request: Some("run-1f".to_owned()),
    };
    let mut all: Vec<_> = AuditKind::ALL
        .iter()
        .map(|kind| AuditEvent::new(at(-5), *kind, Some(user_id(4)), &full, "\u{5b57} 'x'"))
        .collect();
    all.push(AuditEvent::new(
        at(5),
        AuditKind::Admin,
        None,
        &Origin::default(),
        "",
    ));
    for event in &all {
        on.audit.record(event).unwrap();
    }
    all.reverse();
    assert_eq!(list(on, &AuditQuery::default()), all);
}

/// The order is that of the calls, whatever the clock said.
pub fn events_are_listed_the_latest_first_in_pages(on: &Repositories) {
    for n in [5, 1, 9, 3, 7] {
        let event = AuditEvent {
            at: at(n),
            ..an_event(AuditKind::Login, user_id(1))
        };
        on.audit.record(&event).unwrap();
    }
    let mut before = None;
    let mut times = Vec::new();
    for expected in [2, 2, 1, 0] {
        let page = on.audit.list(&AuditQuery::default(), before, 2).unwrap();
        assert_eq!(page.len(), expected);
        times.extend(page.iter().map(|recorded| recorded.event.at));
        before = page.last().map(|recorded| recorded.id).or(before);
    }
    assert_eq!(times, [7, 3, 9, 1, 5].map(at));
    assert_eq!(on.audit.list(&AuditQuery::default(), None, 0).unwrap(), []);
}

/// Each field alone and all together, on both sides of the times.
pub fn a_query_picks_what_fits_all_of_it(on: &Repositories) {
    let network = Network::parse("203.0.113.9").unwrap();
    let event = |n: i64, kind, user, network| AuditEvent {
        at: at(n),
        network,
        ..an_event(kind, user_id(user))
    };
    let all = [
        event(0, AuditKind::Login, 1, None),
        event(1, AuditKind::Logout, 1, Some(network)),
        event(2, AuditKind::Login, 2, Some(network)),
        event(3, AuditKind::Login, 1, Some(network)),
    ];
    for event in &all {
        on.audit.record(event).unwrap();
    }
    let any = AuditQuery::default();
    let whole = AuditQuery {
        user: Some(user_id(1)),
        kind: Some(AuditKind::Login),
        network: Some(network),
        since: Some(at(3)),
        until: Some(at(4)),
    };
    for (query, expected) in [
        (
            AuditQuery {
                user: Some(user_id(1)),
                ..any
            },
            vec![3, 1, 0],
        ),
        (
            AuditQuery {
                user: Some(user_id(3)),
                ..any
            },
            vec![],
        ),
        (
            AuditQuery {
                kind: Some(AuditKind::Login),
                ..any
            },
            vec![3, 2, 0],
        ),
        (
            AuditQuery {
                network: Some(network),
                ..any
            },
            vec![3, 2, 1],
        ),
        (
            AuditQuery {
                since: Some(at(2)),
                ..any
            },
            vec![3, 2],
        ),
        (
            AuditQuery {
                until: Some(at(2)),
                ..any
            },
            vec![1, 0],
        ),
        (whole, vec![3]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|n: usize| all[n].clone())
            .collect();
        assert_eq!(list(on, &query), expected, "{query:?}");
    }
}

/// However many come at once.
pub fn of_simultaneous_events_none_is_lost(on: &Repositories) {
    race(RACERS, |n| {
        let event = an_event(AuditKind::Throttled, user_id(n));
        on.audit.record(&event).unwrap();
    });
    let mut users: Vec<_> = list(on, &AuditQuery::default())
        .into_iter()
        .filter_map(|event| event.user)
        .collect();
    users.sort_unstable();
    assert_eq!(users, (0..RACERS).map(user_id).collect::<Vec<_>>());
}

/// From the first on, so many at a time.
pub fn old_events_are_pruned_in_batches_and_younger_ones_stay(on: &Repositories) {
    for n in 0..5 {
        let event = AuditEvent {
            at: at(n),
            ..an_event(AuditKind::Login, user_id(1))
        };
        on.audit.record(&event).unwrap();
    }
    let left = || -> Vec<_> {
        let events = list(on, &AuditQuery::default());
        events.into_iter().map(|event| event.at).collect()
    };
    assert_eq!(on.audit.prune(at(0), 10).unwrap(), 0);
    assert_eq!(on.audit.prune(at(3), 2).unwrap(), 2);
    assert_eq!(left(), [4, 3, 2].map(at));
    assert_eq!(on.audit.prune(at(3), 2).unwrap(), 1);
    assert_eq!(on.audit.prune(at(3), 2).unwrap(), 0);
    assert_eq!(left(), [4, 3].map(at));
}

/// Not even when the last one was pruned: who reads on from a place misses nothing.
pub fn no_place_is_given_twice(on: &Repositories) {
    let next = || -> RecordedEvent {
        let event = an_event(AuditKind::Login, user_id(1));
        on.audit.record(&event).unwrap();
        on.audit
            .list(&AuditQuery::default(), None, 1)
            .unwrap()
            .remove(0)
    };
    let (first, second) = (next(), next());
    assert!(first.id < second.id);
    assert_eq!(on.audit.prune(at(1_000), 10).unwrap(), 2);
    assert!(second.id < next().id);
}

/// In the same transaction: neither without the other.
pub fn a_password_change_is_recorded_and_another_change_is_not(on: &Repositories) {
    let user = register(on, 1);
    let by = log_in(on, user, 1);
    let mut update = an_update(user, by);
    update.birth = Some(kms_domain::users::Birth::new(5));
    assert_eq!(on.users.update(&update).unwrap(), Updated::Changed);
    update.password = a_password_change("outdated", "new");
    assert_eq!(on.users.update(&update).unwrap(), Updated::PasswordMoved);
    update.password = a_password_change("secret", "secret");
    assert_eq!(on.users.update(&update).unwrap(), Updated::Unchanged);
    assert_eq!(recorded(on), [AuditKind::Login]);
    update.password = a_password_change("secret", "new");
    assert_eq!(on.users.update(&update).unwrap(), Updated::Changed);
    assert_eq!(recorded(on), [AuditKind::Login, AuditKind::PasswordChanged]);
}

/// Nobody's password was not changed.
pub fn a_reset_is_recorded_if_there_is_an_account(on: &Repositories) {
    let hash = password_hash("reset");
    assert!(
        !on.users
            .reset_password(user_id(1), &hash, &a_reset(user_id(1)))
            .unwrap()
    );
    assert_eq!(recorded(on), []);
    let user = register(on, 1);
    assert!(
        on.users
            .reset_password(user, &hash, &a_reset(user))
            .unwrap()
    );
    assert_eq!(recorded(on), [AuditKind::PasswordChanged]);
}

use uuid::Uuid;

use super::*;

const POLICY: RefusalPolicy = RefusalPolicy {
    window_millis: 100,
    per_subject: 2,
    subjects: 3,
    burst: 1_000,
    refill_millis: 50,
};
const KIND: AuditKind = AuditKind::LoginFailed;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn user(n: u128) -> Subject {
    Subject::User(UserId::from_uuid(Uuid::from_u128(n)))
}

fn surplus(subject: Subject, count: u64) -> Surplus {
    Surplus {
        kind: KIND,
        subject,
        count,
    }
}

/// How many of `times` refusals become rows.
fn admitted(refusals: &mut Refusals, subject: Subject, now: i64, times: usize) -> usize {
    (0..times)
        .filter(|_| refusals.admit(KIND, subject, at(now)))
        .count()
}

#[test]
fn the_first_ones_are_rows_and_the_rest_is_counted() {
    let mut refusals = Refusals::new(POLICY);
    assert_eq!(admitted(&mut refusals, user(1), 0, 59), 2);
    assert_eq!(admitted(&mut refusals, user(2), 99, 1), 1);
    assert_eq!(refusals.end_window(at(99)), []);
    assert_eq!(refusals.end_window(at(100)), [surplus(user(1), 57)]);
    assert_eq!(refusals.end_window(at(500)), []);
    assert_eq!(admitted(&mut refusals, user(1), 500, 3), 2);
}

#[test]
fn kinds_are_counted_apart() {
    let mut refusals = Refusals::new(POLICY);
    assert_eq!(admitted(&mut refusals, user(1), 0, 3), 2);
    assert!(refusals.admit(AuditKind::Throttled, user(1), at(0)));
    assert_eq!(refusals.end_window(at(100)), [surplus(user(1), 1)]);
}

#[test]
fn more_subjects_than_are_counted_apart_take_no_more_memory() {
    let mut refusals = Refusals::new(POLICY);
    for n in 0..10_000 {
        refusals.admit(KIND, user(n), at(0));
        refusals.admit(AuditKind::Throttled, user(n), at(0));
    }
    // Those that are counted apart, and the others of each kind.
    assert_eq!(refusals.tallies.len(), 5);
    let total: u64 = refusals.end().iter().map(|surplus| surplus.count).sum();
    assert_eq!(total, 20_000 - 3 - 2 * 2);
}

#[test]
fn rows_never_outnumber_the_permits_and_no_refusal_is_lost() {
    let policy = RefusalPolicy {
        burst: 10,
        ..POLICY
    };
    let mut refusals = Refusals::new(policy);
    let (mut singles, mut sums, mut counted) = (0, 0, 0);
    let mut tell = |due: Vec<Surplus>| {
        sums += due.len();
        counted += due.iter().map(|surplus| surplus.count).sum::<u64>();
    };
    for now in 0..10_000_i64 {
        tell(refusals.end_window(at(now)));
        for n in 0..7 {
            let subject = user((now as u128 * 7 + n) % 1_000);
            singles += admitted(&mut refusals, subject, now, 1);
        }
    }
    tell(refusals.end());
    // The last sum needs no permit.
    assert!(singles + sums <= 10 + 10_000 / 50 + 1, "{singles} {sums}");
    assert_eq!(singles as u64 + counted, 70_000);
}

#[test]
fn a_count_without_a_permit_waits_for_one() {
    let policy = RefusalPolicy { burst: 2, ..POLICY };
    let mut refusals = Refusals::new(policy);
    assert_eq!(admitted(&mut refusals, user(1), 0, 2), 2);
    assert_eq!(admitted(&mut refusals, user(2), 0, 5), 0);
    // Two permits are back by then; the window lasts longer than both take.
    assert_eq!(refusals.end_window(at(100)), [surplus(user(2), 5)]);

    let slow = RefusalPolicy {
        burst: 1,
        refill_millis: 1_000,
        ..POLICY
    };
    let mut refusals = Refusals::new(slow);
    assert_eq!(admitted(&mut refusals, user(1), 0, 3), 1);
    assert_eq!(admitted(&mut refusals, user(2), 0, 4), 0);
    assert_eq!(refusals.end_window(at(100)), []);
    assert_eq!(refusals.end_window(at(900)), []);
    let all = [surplus(Subject::Others, 6)];
    assert_eq!(refusals.end_window(at(1_000)), all);
    assert_eq!(refusals.end(), []);
}

#[test]
fn nothing_is_held_back_at_the_end() {
    let policy = RefusalPolicy {
        burst: 1,
        refill_millis: 1_000_000,
        ..POLICY
    };
    let mut refusals = Refusals::new(policy);
    assert_eq!(admitted(&mut refusals, user(1), 0, 3), 1);
    assert_eq!(refusals.end(), [surplus(Subject::Others, 2)]);
    assert_eq!(refusals.end(), []);
}

#[test]
fn permits_come_back_one_by_one_and_not_beyond_the_burst() {
    let policy = RefusalPolicy {
        burst: 3,
        per_subject: 100,
        ..POLICY
    };
    let mut refusals = Refusals::new(policy);
    assert_eq!(admitted(&mut refusals, user(1), 0, 9), 3);
    assert_eq!(admitted(&mut refusals, user(1), 49, 9), 0);
    assert_eq!(admitted(&mut refusals, user(1), 50, 9), 1);
    assert_eq!(admitted(&mut refusals, user(1), 149, 9), 1);
    assert_eq!(admitted(&mut refusals, user(1), 150, 9), 1);
    assert_eq!(admitted(&mut refusals, user(1), 100_000, 9), 3);
}

#[test]
fn a_clock_that_goes_back_ends_the_window_and_gives_no_permits() {
    let policy = RefusalPolicy { burst: 4, ..POLICY };
    let mut refusals = Refusals::new(policy);
    assert_eq!(admitted(&mut refusals, user(1), 1_000, 5), 2);
    assert_eq!(refusals.end_window(at(10)), [surplus(user(1), 3)]);
    assert_eq!(admitted(&mut refusals, user(1), 10, 5), 1);
    assert_eq!(admitted(&mut refusals, user(2), 59, 5), 0);
}

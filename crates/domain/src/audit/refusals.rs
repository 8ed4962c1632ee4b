use std::collections::BTreeMap;

use super::{AuditKind, Network};
use crate::Timestamp;
use crate::users::UserId;

/// How many refusals become rows, whatever anybody sends. Refusals cost who is refused nothing, so
/// without a bound they would fill the disk.
///
/// Of each subject, the first `per_subject` of a window are recorded one by one; the rest are
/// counted, and the count becomes one row when the window is over. On top of that, every row takes a
/// permit, of which there are `burst` at first and one more every `refill_millis`; without a permit a
/// refusal is only counted, and counts that find none are added up until there is one.
#[derive(Clone, Copy, Debug)]
pub struct RefusalPolicy {
    /// The length of a window.
    pub window_millis: i64,
    /// Rows of one subject in a window, before counting begins.
    pub per_subject: u32,
    /// Subjects that are counted apart; all others are counted together. This bounds the memory.
    pub subjects: usize,
    /// Permits at the beginning, and the most that are saved up.
    pub burst: u32,
    /// The time in which a permit comes back.
    pub refill_millis: i64,
}

impl Default for RefusalPolicy {
    /// 10 rows of each subject and minute, 256 subjects, 200 rows at once and 4320 a day.
    fn default() -> Self {
        Self {
            window_millis: 60_000,
            per_subject: 10,
            subjects: 256,
            burst: 200,
            refill_millis: 20_000,
        }
    }
}

/// Whose refusals count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    /// An account's.
    User(UserId),
    /// Those from a network.
    Network(Network),
    /// All others.
    Others,
}

/// So many refusals more than were recorded one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Surplus {
    pub(super) kind: AuditKind,
    pub(super) subject: Subject,
    pub(super) count: u64,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    recorded: u32,
    surplus: u64,
}

/// The counts of the window that runs.
pub(super) struct Refusals {
    policy: RefusalPolicy,
    begun: Option<Timestamp>,
    tallies: BTreeMap<(AuditKind, Subject), Tally>,
    permits: u32,
    refilled: Option<Timestamp>,
}

impl Refusals {
    pub(super) fn new(policy: RefusalPolicy) -> Self {
        Self {
            policy,
            begun: None,
            tallies: BTreeMap::new(),
            permits: policy.burst,
            refilled: None,
        }
    }

    /// Whether this refusal becomes a row; otherwise it is counted.
    pub(super) fn admit(&mut self, kind: AuditKind, subject: Subject, now: Timestamp) -> bool {
        self.refill(now);
        self.begun.get_or_insert(now);
        let known = self.tallies.contains_key(&(kind, subject));
        let subject = if known || self.tallies.len() < self.policy.subjects {
            subject
        } else {
            Subject::Others
        };
        let tally = self.tallies.entry((kind, subject)).or_default();
        if tally.recorded < self.policy.per_subject && self.permits > 0 {
            tally.recorded = tally.recorded.saturating_add(1);
            self.permits = self.permits.saturating_sub(1);
            return true;
        }
        tally.surplus = tally.surplus.saturating_add(1);
        false
    }

    /// What is to be recorded of a window that is over.
    pub(super) fn end_window(&mut self, now: Timestamp) -> Vec<Surplus> {
        self.refill(now);
        let over = self
            .begun
            .is_some_and(|begun| !is_within(begun, now, self.policy.window_millis));
        if over { self.settle(false) } else { Vec::new() }
    }

    /// What is to be recorded at the end of all windows. Nothing is held back.
    pub(super) fn end(&mut self) -> Vec<Surplus> {
        self.settle(true)
    }

    fn settle(&mut self, last: bool) -> Vec<Surplus> {
        self.begun = None;
        let mut due = Vec::new();
        let mut held = BTreeMap::new();
        // The others come behind the subjects of their kind, so they hold what finds no permit.
        for ((kind, subject), tally) in std::mem::take(&mut self.tallies) {
            let is_others = subject == Subject::Others;
            let before = if is_others {
                held.remove(&kind).unwrap_or_default()
            } else {
                0
            };
            let count = tally.surplus.saturating_add(before);
            if count == 0 {
                continue;
            }
            if self.permits > 0 {
                self.permits = self.permits.saturating_sub(1);
                due.push(Surplus {
                    kind,
                    subject,
                    count,
                });
            } else {
                let rest: &mut u64 = held.entry(kind).or_default();
                *rest = rest.saturating_add(count);
            }
        }
        for (kind, count) in held {
            let subject = Subject::Others;
            if last {
                due.push(Surplus {
                    kind,
                    subject,
                    count,
                });
            } else {
                let tally = Tally {
                    recorded: 0,
                    surplus: count,
                };
                self.tallies.insert((kind, subject), tally);
                // Nobody may come any more to begin a window.
                self.begun = self.refilled;
            }
        }
        due
    }

    fn refill(&mut self, now: Timestamp) {
        let Some(since) = self.refilled else {
            self.refilled = Some(now);
            return;
        };
        let passed = now.as_millis().saturating_sub(since.as_millis());
        if passed < 0 {
            // The clock went back; what has passed is unknown.
            self.refilled = Some(now);
            return;
        }
        let every = self.policy.refill_millis.max(1);
        let more = passed / every;
        if more > 0 {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.permits = self.permits.saturating_add(more).min(self.policy.burst);
            self.refilled = Some(now.minus_millis(passed % every));
        }
    }
}

/// Whether `now` is less than `millis` after `begin`; a clock that went back ends every window.
fn is_within(begin: Timestamp, now: Timestamp, millis: i64) -> bool {
    let passed = now.as_millis().saturating_sub(begin.as_millis());
    (0..millis).contains(&passed)
}

#[cfg(test)]
mod tests;

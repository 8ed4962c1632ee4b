//! What tells a burst from more than can be done.
//!
//! A wait that is too long now is no reason to refuse anybody: a class that hands in its work sends hundreds of
//! files in the same second, and all of them can be served in the next. But if waits have been too long for a
//! while, more comes than can be done, whoever comes will wait as well, and then it is better to refuse until
//! they are short again (compare CoDel, RFC 8289, which tells a good queue from a bad one in this way).

use std::time::{Duration, Instant};

/// How long waits have to be too long before that is no burst any more.
const BURST: Duration = Duration::from_secs(1);
/// How long none must have been too long before the next is a burst again.
const CALM: Duration = Duration::from_secs(2);

/// What is known of a queue's waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overrun {
    /// Since when all that were noted have been too long.
    since: Option<Instant>,
    /// When one was noted last.
    noted: Option<Instant>,
    /// Until when there is no burst.
    until: Option<Instant>,
}

impl Overrun {
    pub(crate) const fn new() -> Self {
        Self {
            since: None,
            noted: None,
            until: None,
        }
    }

    /// Notes how long whoever comes now has to wait, and tells whether to refuse it: `wait` is above `most`, and that is
    /// no burst.
    pub(crate) fn refuses(&mut self, wait: Duration, most: Duration, now: Instant) -> bool {
        // What nobody has looked at for long says nothing of the time between.
        let seen = self
            .noted
            .replace(now)
            .is_some_and(|noted| now.saturating_duration_since(noted) < BURST);
        if wait <= most {
            self.since = None;
            return false;
        }
        let since = self.since.filter(|_| seen).unwrap_or(now);
        self.since = Some(since);
        let overrun = self.until.is_some_and(|until| now < until)
            || now.saturating_duration_since(since) >= BURST;
        if overrun {
            self.until = now.checked_add(CALM);
        }
        overrun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(20);
    const STEP: Duration = Duration::from_millis(100);

    /// What becomes of one who comes every [`STEP`], with these waits.
    fn refused(overrun: &mut Overrun, now: &mut Instant, wait: Duration, steps: u32) -> Vec<bool> {
        let mut each = || {
            *now += STEP;
            overrun.refuses(wait, MOST, *now)
        };
        (0..steps).map(|_| each()).collect()
    }

    #[test]
    fn a_burst_is_served_and_what_goes_on_is_refused() {
        let (mut overrun, mut now) = (Overrun::new(), Instant::now());
        let late = refused(&mut overrun, &mut now, MOST * 2, 13);
        assert_eq!(late.iter().filter(|refused| !**refused).count(), 10);
        assert!(late[10..].iter().all(|refused| *refused));
        // Who has not to wait long is served all the time, and then others are refused at once.
        assert_eq!(refused(&mut overrun, &mut now, MOST, 5), [false; 5]);
        assert_eq!(refused(&mut overrun, &mut now, MOST * 2, 5), [true; 5]);
        // Until it has been calm for a while.
        assert_eq!(refused(&mut overrun, &mut now, MOST, 20), [false; 20]);
        assert_eq!(refused(&mut overrun, &mut now, MOST * 2, 5), [false; 5]);
    }

    #[test]
    fn bursts_with_calm_between_them_are_served() {
        let (mut overrun, mut now) = (Overrun::new(), Instant::now());
        for _ in 0..10 {
            assert_eq!(refused(&mut overrun, &mut now, MOST * 9, 9), [false; 9]);
            assert_eq!(refused(&mut overrun, &mut now, MOST, 1), [false]);
        }
    }

    #[test]
    fn what_nobody_has_looked_at_is_not_taken_to_be_the_same_all_the_time() {
        let (mut overrun, mut now) = (Overrun::new(), Instant::now());
        for _ in 0..10 {
            assert_eq!(refused(&mut overrun, &mut now, MOST * 2, 2), [false; 2]);
            now += BURST;
        }
    }
}

//! Waiting for conditions, and starting things together.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Longer than anything takes on a busy machine, short enough for a test that hangs to end.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// Asks `condition` again and again until it is true; fails with `what` after [`BOUND`].
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < end, "still not so: {what}");
        // Only the pace of asking; no result depends on it.
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Waits until the clock has gone on, so that what comes has a later date than what was.
pub(crate) fn tick() {
    let millis = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = millis();
    until("the clock has gone on", || millis() > now);
}

/// Runs `job` on `count` threads that start together, and gives back what each returned.
pub(crate) fn at_once<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let (start, job) = (&start, &job);
        let running: Vec<_> = (0..count)
            .map(|index| {
                scope.spawn(move || {
                    start.wait();
                    job(index)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

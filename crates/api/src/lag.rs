//! How far a worker is behind.
//!
//! A worker takes turns with its connections. When many of them send at once, whoever comes has to wait for its turn,
//! a refusal included, and no queue shows that. So while somebody asks, a task of the worker wants to run every few
//! milliseconds, and how late it is tells.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// How often the task wants to run.
const EVERY: Duration = Duration::from_millis(5);
/// How long it goes on after it was asked.
const FOR: Duration = Duration::from_secs(1);

thread_local! {
    static WATCH: Watch = const { Watch::new() };
}

#[derive(Debug)]
struct Watch {
    /// When the task wants to run next; `None` if there is none.
    due: Cell<Option<Instant>>,
    /// How late it was.
    late: Cell<Duration>,
    asked: Cell<bool>,
}

impl Watch {
    const fn new() -> Self {
        Self {
            due: Cell::new(None),
            late: Cell::new(Duration::ZERO),
            asked: Cell::new(false),
        }
    }

    /// How late it was, or is already.
    fn ask(&self, now: Instant) -> Duration {
        self.asked.set(true);
        let already = self
            .due
            .get()
            .map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        self.late.get().max(already)
    }
}

/// How long whatever becomes ready has to wait for its turn on this worker. Nothing is known at first, which is zero.
pub(crate) fn of_this_worker() -> Duration {
    let now = Instant::now();
    let is_new = WATCH.with(|watch| {
        let is_new = watch.due.get().is_none();
        if is_new {
            watch.due.set(Some(now + EVERY));
        }
        is_new
    });
    if is_new {
        actix_web::rt::spawn(watch(now));
    }
    WATCH.with(|watch| watch.ask(now))
}

async fn watch(begun: Instant) {
    let (mut due, mut until) = (begun + EVERY, begun + FOR);
    loop {
        sleep_until(due.into()).await;
        let now = Instant::now();
        let goes_on = WATCH.with(|watch| {
            if watch.asked.replace(false) {
                until = now + FOR;
            }
            watch.late.set(now.saturating_duration_since(due));
            due = now + EVERY;
            let goes_on = now < until;
            watch.due.set(goes_on.then_some(due));
            if !goes_on {
                watch.late.set(Duration::ZERO);
            }
            goes_on
        });
        if !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SHORT: Duration = Duration::from_millis(60);

    #[actix_web::test]
    async fn a_worker_that_is_busy_with_something_is_behind_and_catches_up() {
        assert_eq!(of_this_worker(), Duration::ZERO);
        tokio::task::yield_now().await;
        thread::sleep(SHORT);
        // It shows while it lasts, and at the next turn.
        assert!(of_this_worker() >= SHORT / 2);
        tokio::time::sleep(EVERY * 2).await;
        let mut tries = 0;
        while of_this_worker() >= SHORT / 2 {
            tokio::time::sleep(EVERY).await;
            tries += 1;
            assert!(tries < 1000);
        }
    }

    #[actix_web::test]
    async fn nobody_watches_whom_nobody_asks_about() {
        of_this_worker();
        let watched = || WATCH.with(|watch| watch.due.get().is_some());
        assert!(watched());
        let mut tries = 0;
        while watched() {
            tokio::time::sleep(FOR / 4).await;
            tries += 1;
            assert!(tries < 100);
        }
        assert_eq!(of_this_worker(), Duration::ZERO);
    }
}

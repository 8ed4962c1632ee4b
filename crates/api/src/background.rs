//! What a server does by itself: collecting now and then, reading all content slowly, keeping the audit log,
//! and learning what people care about. Each in a thread of its own, so that neither waits for requests nor
//! they for it; what is written goes through the one writer like everything else.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kms_api::config::Config;
use kms_domain::audit::Audit;
use kms_domain::files::{BlobId, OnceService};
use kms_domain::recommend::{Learned, Learner};
use kms_domain::upkeep::{Collected, Collector, Purger, Scrubber};
use kms_domain::with_causes;

/// How long a thread waits after a failure before it tries again.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// The pause between two looks at the audit log, and the looks after which old events and keys are removed.
const AUDIT_PACE: Duration = Duration::from_secs(60);
const AUDIT_ROUNDS: u32 = 60;

/// Bytes for which the scrubber reads before it rests.
const RUN: u64 = 1024 * 1024;

/// The pause between two looks for something to learn when there was nothing.
const LEARN_PACE: Duration = Duration::from_millis(250);
/// After learning for a while, the thread rests for so many times as long: all writes of the server wait
/// meanwhile, and a recommendation may come a minute later.
const LEARN_REST: u32 = 24;
/// The least and the most of such a rest.
const LEARN_RESTS: [Duration; 2] = [Duration::from_millis(5), Duration::from_secs(2)];

/// The threads. Dropped, it ends them, between two batches.
pub(crate) struct Background {
    // A thread ends when its sender is gone.
    stops: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// What scrubbing takes.
pub(crate) struct Scrub {
    /// Reads and flags.
    pub(crate) scrubber: Scrubber,
    /// Where the last run of the server was.
    pub(crate) after: Option<BlobId>,
    /// Keeps where this one is.
    pub(crate) note: Box<dyn Fn(Option<BlobId>) + Send>,
}

/// The thread's side of the end.
struct Stop(Receiver<()>);

impl Stop {
    /// Waits, or breaks off at the end.
    fn sleep(&self, time: Duration) -> ControlFlow<()> {
        match self.0.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    fn go_on(&self) -> ControlFlow<()> {
        self.sleep(Duration::ZERO)
    }
}

impl Background {
    /// Starts what the configuration asks for.
    pub(crate) fn start(
        config: &Config,
        collector: Collector,
        purger: Purger,
        once: OnceService,
        scrub: Scrub,
        audit: Audit,
        learner: Learner,
    ) -> Self {
        let mut background = Self {
            stops: Vec::new(),
            threads: Vec::new(),
        };
        let interval = config.gc_interval;
        if !interval.is_zero() {
            background.spawn("kms-gc", move |stop| {
                collect_now_and_then(&purger, &collector, interval, stop);
            });
        }
        let (rate, interval) = (config.scrub_rate.as_u64(), config.scrub_interval);
        if rate > 0 {
            background.spawn("kms-scrub", move |stop| {
                scrub.run(rate, interval, stop);
            });
        }
        let retention = config.audit_retention;
        background.spawn("kms-audit", move |stop| {
            keep_audit(&audit, &once, retention, stop);
        });
        background.spawn("kms-learn", move |stop| keep_learning(&learner, stop));
        background
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&Stop) + Send + 'static) {
        let (sender, receiver) = channel();
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&Stop(receiver)));
        match thread {
            Ok(thread) => {
                self.stops.push(sender);
                self.threads.push(thread);
            }
            // The server serves without it.
            Err(error) => tracing::error!(%error, name, "a thread could not be started"),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread in the background panicked");
            }
        }
    }
}

fn collect_now_and_then(purger: &Purger, collector: &Collector, interval: Duration, stop: &Stop) {
    while stop.sleep(interval).is_continue() {
        match purger.purge(&mut || stop.go_on()) {
            Ok(0) => {}
            Ok(entries) => tracing::info!(entries, "deleted entries were removed for good"),
            Err(error) => {
                let error = with_causes(&error);
                tracing::warn!(%error, "deleted entries could not be removed; it is tried again");
            }
        }
        let collected = collector.collect(&mut || stop.go_on());
        if !collected.is_idle() {
            tell(&collected);
        }
    }
}

/// Records counts of refusals in time, and removes old events and keys of uploads now and then, at the start for
/// the first time.
fn keep_audit(audit: &Audit, once: &OnceService, retention: Duration, stop: &Stop) {
    let millis = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    for round in (0..AUDIT_ROUNDS).cycle() {
        audit.settle();
        while round == 0 && !retention.is_zero() {
            match audit.prune(millis) {
                Ok(true) if stop.go_on().is_continue() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(error = %with_causes(&error), "old events were not removed");
                    break;
                }
            }
        }
        if round == 0 {
            forget_keys(once, stop);
        }
        if stop.sleep(AUDIT_PACE).is_break() {
            return;
        }
    }
}

fn forget_keys(once: &OnceService, stop: &Stop) {
    loop {
        match once.forget_expired() {
            Ok(true) if stop.go_on().is_continue() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "old keys were not removed");
                return;
            }
        }
    }
}

/// Learns what people do, slowly while there is much.
fn keep_learning(learner: &Learner, stop: &Stop) {
    loop {
        let begun = Instant::now();
        let [least, most] = LEARN_RESTS;
        let rest = match learner.step() {
            Ok(Learned::Some) => begun
                .elapsed()
                .saturating_mul(LEARN_REST)
                .clamp(least, most),
            Ok(Learned::Nothing) => LEARN_PACE,
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "nothing could be learned");
                AFTER_FAILURE
            }
        };
        if stop.sleep(rest).is_break() {
            return;
        }
    }
}

fn tell(collected: &Collected) {
    tracing::info!(
        doomed = collected.doomed,
        removed = collected.removed,
        removed_bytes = collected.removed_bytes,
        waits_for_backup = collected.waits_for_backup,
        trashed = collected.trashed,
        reclaimed = collected.reclaimed,
        emptied = collected.emptied,
        "collected"
    );
    if let Some(error) = &collected.failure {
        tracing::warn!(
            error = %with_causes(error),
            failed = collected.failed,
            "not everything could be collected; it is tried again"
        );
    }
}

impl Scrub {
    fn run(self, rate: u64, interval: Duration, stop: &Stop) {
        let mut after = self.after;
        let mut read = 0_u64;
        let mut pace = |bytes: u64| {
            read = read.saturating_add(bytes);
            if read < RUN {
                return stop.go_on();
            }
            let nanos = u128::from(read).saturating_mul(1_000_000_000) / u128::from(rate);
            read = 0;
            stop.sleep(Duration::from_nanos(
                u64::try_from(nanos).unwrap_or(u64::MAX),
            ))
        };
        loop {
            let rest = match self.scrubber.step(after, &mut pace) {
                Ok(scrubbed) => {
                    for (key, fault) in scrubbed.damaged {
                        tracing::error!(
                            %key, ?fault,
                            "stored content is damaged; an upload of the same bytes heals it"
                        );
                    }
                    for key in scrubbed.sound_again {
                        tracing::info!(%key, "content that was flagged as damaged is sound");
                    }
                    after = scrubbed.last.filter(|_| !scrubbed.is_over);
                    (self.note)(after);
                    if scrubbed.is_over {
                        interval
                    } else {
                        Duration::ZERO
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %with_causes(&error), "content could not be scrubbed");
                    AFTER_FAILURE
                }
            };
            if stop.sleep(rest).is_break() {
                return;
            }
        }
    }
}

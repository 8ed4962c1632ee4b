use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kms_domain::{PortError, PortErrorKind};

/// Most calls of one attempt under [`every_failure`]; more means that it goes round in circles.
const MAX_CALLS: usize = 10_000;

/// Which of the calls to come fails, and how. Clones share one count, so that one plan can be
/// given to several decorators.
#[derive(Clone, Debug)]
pub struct FailNth(Arc<Mutex<Plan>>);

#[derive(Debug)]
struct Plan {
    fault: Option<Fault>,
    calls: Vec<&'static str>,
    failed: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    /// Counted from 1.
    call: usize,
    /// Whether the calls behind it fail as well.
    lasting: bool,
    kind: PortErrorKind,
    /// Whether the call is carried out before its answer is lost.
    carried_out: bool,
}

impl FailNth {
    fn with(fault: Option<Fault>) -> Self {
        Self(Arc::new(Mutex::new(Plan {
            fault,
            calls: Vec::new(),
            failed: None,
        })))
    }

    /// Every call succeeds, and is counted.
    #[must_use]
    pub fn never() -> Self {
        Self::with(None)
    }

    /// The `call`-th call, counted from 1, fails with `kind` and has no effect.
    #[must_use]
    pub fn new(call: usize, kind: PortErrorKind) -> Self {
        Self::with(Some(Fault {
            call,
            lasting: false,
            kind,
            carried_out: false,
        }))
    }

    /// The `call`-th call and all behind it fail with `kind` and have no effect: a disk that is
    /// full stays full.
    #[must_use]
    pub fn from(call: usize, kind: PortErrorKind) -> Self {
        Self::with(Some(Fault {
            call,
            lasting: true,
            kind,
            carried_out: false,
        }))
    }

    /// The `call`-th call takes effect and fails nevertheless, as internal errors may.
    #[must_use]
    pub fn lost_answer(call: usize) -> Self {
        Self::with(Some(Fault {
            call,
            lasting: false,
            kind: PortErrorKind::Internal,
            carried_out: true,
        }))
    }

    /// Forgets all calls, so that counting begins anew: for what comes before the part under test.
    pub fn restart(&self) {
        let mut plan = self.lock();
        plan.calls.clear();
        plan.failed = None;
    }

    /// The names of all calls so far, such as `files.attach`, the failed one among them.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().calls.clone()
    }

    /// The name of the call that failed last.
    #[must_use]
    pub fn failed_call(&self) -> Option<&'static str> {
        self.lock().failed
    }

    /// Whether a call has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed_call().is_some()
    }

    /// Counts `call` and carries it out, or not.
    pub(super) fn run<T>(
        &self,
        call: &'static str,
        work: impl FnOnce() -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        // The lock is not held while working: a call may lead to others under the same plan.
        let fault = self.lock().count(call);
        match fault {
            None => work(),
            Some(fault) => {
                if fault.carried_out {
                    work()?;
                }
                Err(PortError::new(
                    fault.kind,
                    format!("{call} was told to fail"),
                ))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn count(&mut self, call: &'static str) -> Option<Fault> {
        self.calls.push(call);
        let n = self.calls.len();
        let fault = self
            .fault
            .filter(|fault| n == fault.call || (fault.lasting && n > fault.call));
        if fault.is_some() {
            self.failed = Some(call);
        }
        fault
    }
}

/// Runs `attempt` with a plan whose first call fails, then with one whose second call does, and so
/// on until an attempt makes no call that fails. Answers how many failures there were.
///
/// # Panics
/// When nothing ever fails, because then nothing was tested, and after ten thousand failures.
pub fn every_failure(kind: PortErrorKind, mut attempt: impl FnMut(&FailNth)) -> usize {
    for call in 1..=MAX_CALLS {
        let plan = FailNth::new(call, kind);
        attempt(&plan);
        if !plan.has_failed() {
            assert!(call > 1, "no call went through the plan");
            return call - 1;
        }
    }
    panic!("the attempt makes more than {MAX_CALLS} calls");
}

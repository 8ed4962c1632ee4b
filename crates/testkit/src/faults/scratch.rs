use std::fmt;
use std::sync::Arc;

use kms_domain::PortError;
use kms_domain::files::{Scratch, ScratchSpace};

use super::FailNth;

/// A [`ScratchSpace`] whose calls (`scratch.open`, and `scratch.append` and `scratch.read_at` of its
/// scratches) fail as planned.
pub struct FaultyScratchSpace {
    inner: Arc<dyn ScratchSpace>,
    plan: FailNth,
}

impl FaultyScratchSpace {
    /// Puts `plan` before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn ScratchSpace>, plan: &FailNth) -> Self {
        Self {
            inner,
            plan: plan.clone(),
        }
    }
}

impl fmt::Debug for FaultyScratchSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyScratchSpace")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl ScratchSpace for FaultyScratchSpace {
    fn open(&self) -> Result<Box<dyn Scratch>, PortError> {
        let inner = self.plan.run("scratch.open", || self.inner.open())?;
        let plan = self.plan.clone();
        Ok(Box::new(FaultyScratch { inner, plan }))
    }
}

struct FaultyScratch {
    inner: Box<dyn Scratch>,
    plan: FailNth,
}

impl Scratch for FaultyScratch {
    fn append(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.plan.run("scratch.append", || self.inner.append(bytes))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), PortError> {
        self.plan
            .run("scratch.read_at", || self.inner.read_at(offset, into))
    }
}

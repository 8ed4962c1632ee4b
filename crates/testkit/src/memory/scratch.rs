use std::fmt;
use std::sync::Arc;

use kms_domain::PortError;
use kms_domain::files::{Scratch, ScratchSpace};

/// Scratches in memory. Clones share one count.
#[derive(Clone, Default)]
pub struct MemoryScratchSpace {
    alive: Arc<()>,
}

impl MemoryScratchSpace {
    /// A space without scratches.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many scratches are open.
    #[must_use]
    pub fn scratches(&self) -> usize {
        Arc::weak_count(&self.alive)
    }
}

impl fmt::Debug for MemoryScratchSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryScratchSpace").finish_non_exhaustive()
    }
}

impl ScratchSpace for MemoryScratchSpace {
    fn open(&self) -> Result<Box<dyn Scratch>, PortError> {
        Ok(Box::new(MemoryScratch {
            bytes: Vec::new(),
            _alive: Arc::downgrade(&self.alive),
        }))
    }
}

struct MemoryScratch {
    bytes: Vec<u8>,
    /// Counts itself.
    _alive: std::sync::Weak<()>,
}

impl Scratch for MemoryScratch {
    fn append(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), PortError> {
        let from = usize::try_from(offset).map_err(PortError::internal)?;
        let appended = from
            .checked_add(into.len())
            .and_then(|to| self.bytes.get(from..to))
            .ok_or_else(|| PortError::internal("so many bytes were not appended"))?;
        into.copy_from_slice(appended);
        Ok(())
    }
}

use std::ops::ControlFlow;
use std::sync::Arc;

use super::examine::examine;
use super::{BlobInventory, Fault, UpkeepRepository};
use crate::PortError;
use crate::files::{BlobId, BlobKey, BlobRepository};

/// Contents looked at in one step.
const STEP: usize = 64;

/// Reads all content, a little at a time, and flags what is damaged, so that it is known before
/// somebody wants it. The next upload of the same bytes heals it.
#[derive(Clone)]
pub struct Scrubber {
    /// The rows.
    pub rows: Arc<dyn UpkeepRepository>,
    /// The bytes.
    pub inventory: Arc<dyn BlobInventory>,
    /// Where damage is noted.
    pub blobs: Arc<dyn BlobRepository>,
}

/// What one step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// What to go on behind.
    pub last: Option<BlobId>,
    /// Whether there was none left.
    pub is_over: bool,
    /// What is damaged, and why. Content that was flagged before is not among it.
    pub damaged: Vec<(BlobKey, Fault)>,
}

impl Scrubber {
    /// Looks at the next contents behind `after`. `read` sets the pace, and may break off.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn step(
        &self,
        after: Option<BlobId>,
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Scrubbed, PortError> {
        let page = self.rows.list_live(after, STEP)?;
        let mut scrubbed = Scrubbed {
            last: after,
            is_over: page.is_empty(),
            damaged: Vec::new(),
        };
        for blob in page {
            // A content without bytes to read is a step too.
            if read(0).is_break() {
                break;
            }
            let id = blob.id;
            let mut broken_off = false;
            if !blob.damaged {
                let mut watched = |bytes| {
                    let flow = read(bytes);
                    broken_off |= flow.is_break();
                    flow
                };
                let found = examine(&*self.rows, &*self.inventory, blob, true, &mut watched)?;
                if let Some((key, fault)) =
                    found.and_then(|it| it.fault.map(|fault| (it.blob.key, fault)))
                {
                    if fault.is_damage() {
                        self.blobs.flag_damaged(id, &key)?;
                    }
                    scrubbed.damaged.push((key, fault));
                }
            }
            if broken_off {
                break;
            }
            scrubbed.last = Some(id);
        }
        Ok(scrubbed)
    }
}

#[cfg(test)]
mod tests;

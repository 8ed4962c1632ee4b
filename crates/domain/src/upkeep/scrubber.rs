use std::ops::ControlFlow;
use std::sync::Arc;

use super::examine::{Examined, examine};
use super::{BlobInventory, Fault, UpkeepRepository};
use crate::PortError;
use crate::files::{BlobId, BlobKey, BlobRepository};

/// Contents looked at in one step.
const STEP: usize = 64;

/// Reads all content, a little at a time, and flags what is damaged, so that it is known before
/// somebody wants it. The next upload of the same bytes heals it. What is flagged and found sound was
/// flagged while it could not be read, and loses its flag.
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
    /// What was flagged and is sound.
    pub sound_again: Vec<BlobKey>,
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
            sound_again: Vec::new(),
        };
        for blob in page {
            // A content without bytes to read is a step too.
            if read(0).is_break() {
                break;
            }
            let id = blob.id;
            let mut broken_off = false;
            let mut watched = |bytes| {
                let flow = read(bytes);
                broken_off |= flow.is_break();
                flow
            };
            let found = examine(&*self.rows, &*self.inventory, blob, true, &mut watched)?;
            if let Some(found) = found {
                self.note(found, &mut scrubbed)?;
            }
            if broken_off {
                break;
            }
            scrubbed.last = Some(id);
        }
        Ok(scrubbed)
    }

    fn note(&self, found: Examined, scrubbed: &mut Scrubbed) -> Result<(), PortError> {
        let (id, key) = (found.blob.id, found.blob.key);
        match found.fault {
            Some(fault) if !found.blob.damaged => {
                if fault.is_damage() {
                    self.blobs.flag_damaged(id, &key)?;
                }
                scrubbed.damaged.push((key, fault));
            }
            None if found.blob.damaged && found.is_proven => {
                self.blobs.unflag_damaged(id, &key)?;
                scrubbed.sound_again.push(key);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

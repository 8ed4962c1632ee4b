//! What lies in a store and no row knows of.

use std::ops::ControlFlow;

use super::{BlobInventory, Stored, StoredItem, UpkeepRepository};
use crate::PortError;

/// Calls `each` with everything in the store that no row names, as far as `is_due` says of it that it
/// is to be looked up; `most` are looked up at once. Where it breaks off, what still waits to be looked
/// up is left out.
pub(super) fn for_each_stray(
    rows: &dyn UpkeepRepository,
    inventory: &dyn BlobInventory,
    most: usize,
    is_due: &mut dyn FnMut(&Stored) -> ControlFlow<(), bool>,
    each: &mut dyn FnMut(Stored) -> Result<(), PortError>,
) -> Result<ControlFlow<()>, PortError> {
    let mut look_up = |batch: &mut Vec<Stored>| -> Result<(), PortError> {
        let keys: Vec<_> = batch.iter().map(|it| it.item.key().clone()).collect();
        let named = rows.are_named(&keys)?;
        for (stored, named) in batch.drain(..).zip(named) {
            // Checksums without their copy are nobody's, whatever rows say of the copy.
            if !named || matches!(stored.item, StoredItem::Checksums(_)) {
                each(stored)?;
            }
        }
        Ok(())
    };
    let mut batch = Vec::new();
    let mut failed = None;
    let mut flow = ControlFlow::Continue(());
    let listed = inventory.list(&mut |stored| {
        match is_due(&stored) {
            ControlFlow::Break(()) => {
                flow = ControlFlow::Break(());
                return flow;
            }
            ControlFlow::Continue(false) => return flow,
            ControlFlow::Continue(true) => batch.push(stored),
        }
        if batch.len() >= most {
            failed = look_up(&mut batch).err();
        }
        if failed.is_some() {
            return ControlFlow::Break(());
        }
        flow
    });
    match failed {
        Some(error) => return Err(error),
        None if flow.is_continue() => look_up(&mut batch)?,
        None => {}
    }
    listed?;
    Ok(flow)
}

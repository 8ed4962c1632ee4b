//! One copy against its row.

use std::error::Error as _;
use std::ops::ControlFlow;

use super::{BlobInventory, Checksums, Inspection, UpkeepRepository};
use crate::PortError;
use crate::files::BlobRef;

/// How often a copy may be replaced while it is looked at before nothing is said about it.
const ROUNDS: usize = 8;

/// What is wrong with a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It has another size: this one.
    WrongSize(u64),
    /// Its bytes have changed.
    Changed,
    /// The device did not give them, and why. That may be another time.
    Unreadable(String),
}

impl Fault {
    /// Whether it is one of the copy, so that an upload in its place heals it.
    pub(super) const fn is_damage(&self) -> bool {
        !matches!(self, Self::Unreadable(_))
    }
}

/// What was found out about a content that is still there.
pub(super) struct Examined {
    /// Its row, as it was when it was looked at last.
    pub(super) blob: BlobRef,
    pub(super) fault: Option<Fault>,
    pub(super) checksums: Checksums,
    /// Whether every byte was read and is the one that was stored.
    pub(super) is_proven: bool,
}

/// Looks at the copy of `blob`. A fault is only one if the row still names that copy afterwards:
/// an upload may have replaced it meanwhile, or a collection taken the content away. A copy is
/// removed after the commit that names another one or dooms the row, so what the row names after a
/// copy was found wanting, was there when it was looked for. `None`: the content is gone, or who
/// asked broke off.
///
/// What is wanting is only the copy's fault if the store is there at all: without its disk, everything
/// would be missing. Then it is an error.
pub(super) fn examine(
    rows: &dyn UpkeepRepository,
    inventory: &dyn BlobInventory,
    mut blob: BlobRef,
    bytes: bool,
    read: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<Examined>, PortError> {
    for _ in 0..ROUNDS {
        let mut is_proven = false;
        let (fault, checksums) = match inventory.inspect(&blob.key, bytes, read) {
            Ok(Inspection::Interrupted) => return Ok(None),
            Err(error) => {
                expect_store(inventory, &blob)?;
                let cause = error.source().map(ToString::to_string);
                let why = cause.unwrap_or_else(|| error.to_string());
                (Some(Fault::Unreadable(why)), Checksums::Sound)
            }
            Ok(Inspection::Missing) => {
                expect_store(inventory, &blob)?;
                (Some(Fault::Missing), Checksums::Sound)
            }
            Ok(Inspection::Found { size, .. }) if size != blob.size => {
                (Some(Fault::WrongSize(size)), Checksums::Sound)
            }
            Ok(Inspection::Found {
                sha256, checksums, ..
            }) => {
                let is_changed = sha256.is_some_and(|found| found != blob.sha256);
                is_proven = sha256 == Some(blob.sha256);
                (is_changed.then_some(Fault::Changed), checksums)
            }
        };
        if fault.is_none() && checksums != Checksums::Damaged {
            return Ok(Some(Examined {
                blob,
                fault,
                checksums,
                is_proven,
            }));
        }
        match rows.find_live_by_id(blob.id)? {
            None => return Ok(None),
            Some(now) if now.key == blob.key => {
                return Ok(Some(Examined {
                    blob: now,
                    fault,
                    checksums,
                    is_proven,
                }));
            }
            Some(now) => blob = now,
        }
    }
    Ok(None)
}

/// What is flagged already needs no such protection, and may be all that there ever was in the store:
/// lost before a restore, for example.
fn expect_store(inventory: &dyn BlobInventory, blob: &BlobRef) -> Result<(), PortError> {
    if blob.damaged {
        return Ok(());
    }
    inventory.expect_store(&blob.key)
}

use std::ops::ControlFlow;
use std::sync::Arc;

use super::examine::examine;
use super::strays::for_each_stray;
use super::{BlobInventory, Checksums, Fault, Stored, StoredItem, UpkeepRepository};
use crate::files::{BlobKey, BlobRef, BlobRepository, Counted, UsageRepository};
use crate::{Clock, PortError, with_causes};

/// Rows read at once, and copies looked up at once.
const PAGE: usize = 256;

/// Checks rows and bytes against each other.
#[derive(Clone)]
pub struct Fsck {
    /// The rows.
    pub rows: Arc<dyn UpkeepRepository>,
    /// The bytes.
    pub inventory: Arc<dyn BlobInventory>,
    /// Where damage is noted, if it is to be.
    pub blobs: Arc<dyn BlobRepository>,
    /// The counters of what accounts hold.
    pub usage: Arc<dyn UsageRepository>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Milliseconds for which a copy without a row may be an upload in flight.
    pub stray_age: i64,
}

/// How closely is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Names and sizes.
    Quick,
    /// Every byte.
    Full,
}

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The rows themselves are broken.
    Rows(String),
    /// The copy of a content is not what it was.
    Content {
        /// The copy.
        key: BlobKey,
        /// What is wrong.
        fault: Fault,
    },
    /// A content is flagged as damaged, and nobody has uploaded it since or has taken the flag back.
    Flagged(BlobKey),
    /// The checksums of a sound copy do not fit it.
    Checksums(BlobKey),
    /// Something in the store that no row knows, and that is too old to be an upload in flight.
    Stray(Stored),
    /// The counters of an account are not what its rows add up to.
    Usage(Counted),
}

/// What there is, and what is worth a line but no alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Live contents.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Things that should not be.
    pub findings: u64,
    /// Contents that were flagged as damaged by this run.
    pub flagged: u64,
    /// Flags that this run took back, because all of the copy was read and is right.
    pub unflagged: u64,
    /// Accounts whose counters were set anew by this run.
    pub recounted: u64,
    /// Copies without a row that may be uploads in flight.
    pub young: u64,
    /// Sound copies whose checksums the next reader has to make.
    pub without_checksums: u64,
    /// Doomed contents that wait for the collector.
    pub doomed: u64,
}

impl Fsck {
    /// Checks everything, and calls `found` for each finding. With `repair`, content whose copy is
    /// wrong is flagged as damaged, so that nobody is promised it and the next upload heals it; the flag
    /// of a copy goes that was read whole and is right, which is no finding then; and counters that are
    /// wrong are set anew. Bytes are never touched. `read` is told how many bytes were read. `None`: it
    /// broke off.
    ///
    /// # Errors
    /// [`PortError`] when something could not be checked, though the rows are sound: rows that are broken
    /// are a finding, and so is what cannot be checked because of them.
    pub fn run(
        &self,
        depth: Depth,
        repair: bool,
        found: &mut dyn FnMut(&Finding),
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<FsckReport>, PortError> {
        let mut report = FsckReport::default();
        let mut count = 0;
        let mut tell = |finding: &Finding| {
            count += 1;
            found(finding);
        };
        let mut is_broken = false;
        for broken in self.rows.check()? {
            is_broken = true;
            tell(&Finding::Rows(broken));
        }
        match self.walk(depth, repair, &mut report, &mut tell, read) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(None),
            // That not all could be looked at is a part of what was found.
            Err(error) if is_broken => tell(&Finding::Rows(format!(
                "not everything could be checked: {}",
                with_causes(&error)
            ))),
            Err(error) => return Err(error),
        }
        report.findings = count;
        Ok(Some(report))
    }

    fn walk(
        &self,
        depth: Depth,
        repair: bool,
        report: &mut FsckReport,
        tell: &mut dyn FnMut(&Finding),
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let bytes = depth == Depth::Full;
        if self.usage(repair, report, tell, read)?.is_break()
            || self.contents(bytes, repair, report, tell, read)?.is_break()
            || self.strays(report, tell, read)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        report.doomed = self.doomed()?;
        Ok(ControlFlow::Continue(()))
    }

    /// From rows to counters.
    fn usage(
        &self,
        repair: bool,
        report: &mut FsckReport,
        tell: &mut dyn FnMut(&Finding),
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let mut after = None;
        while let Some(counted) = self.usage.count_next(after)? {
            after = Some(counted.user);
            if read(0).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if counted.kept == Some(counted.rows) {
                continue;
            }
            tell(&Finding::Usage(counted));
            if repair {
                self.usage.recount(counted.user)?;
                report.recounted = report.recounted.saturating_add(1);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// From rows to copies.
    fn contents(
        &self,
        bytes: bool,
        repair: bool,
        report: &mut FsckReport,
        tell: &mut dyn FnMut(&Finding),
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let mut after = None;
        loop {
            let page = self.rows.list_live(after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(ControlFlow::Continue(()));
            };
            after = Some(last.id);
            for blob in page {
                if read(0).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.content(blob, bytes, repair, report, tell, read)?;
            }
        }
    }

    fn content(
        &self,
        blob: BlobRef,
        bytes: bool,
        repair: bool,
        report: &mut FsckReport,
        tell: &mut dyn FnMut(&Finding),
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), PortError> {
        let Some(found) = examine(&*self.rows, &*self.inventory, blob, bytes, read)? else {
            return Ok(());
        };
        let (blob, key) = (found.blob.id, found.blob.key);
        report.contents = report.contents.saturating_add(1);
        report.bytes = report.bytes.saturating_add(found.blob.size);
        if repair && found.blob.damaged && found.is_proven {
            self.blobs.unflag_damaged(blob, &key)?;
            report.unflagged = report.unflagged.saturating_add(1);
        }
        match (found.fault, found.checksums) {
            (Some(fault), _) => {
                let is_damage = fault.is_damage();
                tell(&Finding::Content {
                    key: key.clone(),
                    fault,
                });
                if repair && is_damage && !found.blob.damaged {
                    self.blobs.flag_damaged(blob, &key)?;
                    report.flagged = report.flagged.saturating_add(1);
                }
            }
            (None, _) if found.blob.damaged && !(repair && found.is_proven) => {
                tell(&Finding::Flagged(key));
            }
            (None, Checksums::Damaged) => tell(&Finding::Checksums(key)),
            (None, Checksums::Missing) => {
                report.without_checksums = report.without_checksums.saturating_add(1);
            }
            (None, Checksums::Sound) => {}
        }
        Ok(())
    }

    /// From copies to rows.
    fn strays(
        &self,
        report: &mut FsckReport,
        tell: &mut dyn FnMut(&Finding),
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PortError> {
        let before = self.clock.now().minus_millis(self.stray_age);
        let mut each = |stray: Stored| -> Result<(), PortError> {
            if stray.modified >= before {
                report.young = report.young.saturating_add(1);
            } else if self.is_still_there(&stray)? {
                tell(&Finding::Stray(stray));
            }
            Ok(())
        };
        for_each_stray(
            &*self.rows,
            &*self.inventory,
            PAGE,
            &mut |_| match read(0) {
                ControlFlow::Continue(()) => ControlFlow::Continue(true),
                ControlFlow::Break(()) => ControlFlow::Break(()),
            },
            &mut each,
        )
    }

    /// A copy may have been on its way out: replaced, or of a doomed content.
    fn is_still_there(&self, stored: &Stored) -> Result<bool, PortError> {
        let StoredItem::Copy(key) = &stored.item else {
            return Ok(true);
        };
        let found = self
            .inventory
            .inspect(key, false, &mut |_| ControlFlow::Continue(()))?;
        Ok(!matches!(found, super::Inspection::Missing))
    }

    fn doomed(&self) -> Result<u64, PortError> {
        let (mut after, mut count) = (None, 0_u64);
        loop {
            let page = self.rows.list_doomed(after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(count);
            };
            after = Some(last.key.clone());
            count = count.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests;

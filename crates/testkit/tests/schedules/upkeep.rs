//! Collecting, by the real collector, over the shared rows and the shared disk.

use std::ops::ControlFlow;
use std::sync::Arc;

use kms_domain::files::{BlobId, BlobKey, BlobRef, BlobStore};
use kms_domain::upkeep::{
    BlobInventory, BlobTrash, CollectionPolicy, Collector, Inspection, RemovalHold, Stored,
    StoredItem, Unreferenced, UpkeepRepository,
};
use kms_domain::{PortError, Timestamp};

use crate::Broken;
use crate::database::Database;
use crate::rows::BlobRow;
use crate::store::Store;
use crate::world::{DAY, World, lock};

/// The one collector of a world: it remembers which copies without a row it has seen.
pub(crate) fn collector(world: &Arc<World>) -> Arc<Collector> {
    let database = Arc::new(Database(Arc::clone(world)));
    let store = Arc::new(Store(Arc::clone(world)));
    let policy = CollectionPolicy {
        // Content may go in the moment in which it is known: nothing but the rules protects it.
        grace: -1,
        stray_age: DAY,
        trash_age: 30 * DAY,
        exclusive: world.broken == Broken::TakesStraysAtOnce,
    };
    let bytes = (Arc::clone(&store) as _, Arc::clone(&store) as _);
    let clock = Arc::clone(&world.clock);
    Arc::new(Collector::new(database, Some(bytes), store, clock, policy))
}

/// Collects once.
pub(crate) fn collect(world: &Arc<World>, collector: &Collector) {
    let collected = collector.collect(&mut || ControlFlow::Continue(()));
    // Who asks at the wrong time is refused by the key, and collects another time.
    if world.broken != Broken::LooksThenDooms {
        assert_eq!(collected.failed, 0, "{:?}", collected.failure);
    }
}

fn refs<'r>(rows: impl Iterator<Item = &'r BlobRow>) -> Vec<BlobRef> {
    rows.map(|row| row.blob.clone()).collect()
}

impl UpkeepRepository for Database {
    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        _: usize,
    ) -> Result<Unreferenced, PortError> {
        assert!(after.is_none(), "there is one page");
        let blobs = self.0.read(|rows| {
            refs(
                rows.live()
                    .filter(|row| rows.may_go(row.blob.id.as_i64(), created_before)),
            )
        });
        Ok(Unreferenced { blobs, next: None })
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        if self.0.broken == Broken::UnlinksFirst {
            let about = self.0.read(|rows| {
                refs(
                    rows.live()
                        .filter(|row| rows.may_go(row.blob.id.as_i64(), created_before)),
                )
            });
            for blob in about {
                Store(Arc::clone(&self.0)).remove(&blob.key)?;
            }
        }
        let blobs = blobs.to_vec();
        self.0.write(move |rows| {
            let mut doomed = 0;
            for blob in blobs {
                let id = blob.as_i64();
                if rows.may_go(id, created_before) || rows.broken.looks_then_dooms() {
                    rows.doom(id)?;
                    doomed += 1;
                }
            }
            Ok(doomed)
        })
    }

    fn list_doomed(&self, after: Option<BlobKey>, _: usize) -> Result<Vec<BlobRef>, PortError> {
        let mut doomed = self.0.read(|rows| {
            let doomed = rows.blobs.values().filter(|row| row.doomed);
            refs(doomed.filter(|row| {
                let key = row.blob.key.as_str();
                after.as_ref().is_none_or(|after| key > after.as_str())
            }))
        });
        doomed.sort_by(|one, other| one.key.as_str().cmp(other.key.as_str()));
        Ok(doomed)
    }

    fn confirm_doomed(&self, _: &[BlobId]) -> Result<(), PortError> {
        self.0.write(|_| Ok(()))
    }

    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        let blobs = blobs.to_vec();
        self.0.write(move |rows| {
            let is_forgotten = |row: &BlobRow| row.doomed && blobs.contains(&row.blob.id);
            rows.blobs.retain(|_, row| !is_forgotten(row));
            Ok(())
        })
    }

    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError> {
        Ok(self.0.read(|rows| {
            let is_named = |key: &BlobKey| rows.blobs.values().any(|row| row.blob.key == *key);
            keys.iter().map(is_named).collect()
        }))
    }

    fn list_live(&self, _: Option<BlobId>, _: usize) -> Result<Vec<BlobRef>, PortError> {
        unreachable!("nobody scrubs")
    }

    fn find_live_by_id(&self, _: BlobId) -> Result<Option<BlobRef>, PortError> {
        unreachable!("nobody scrubs")
    }

    fn check(&self) -> Result<Vec<String>, PortError> {
        unreachable!("nobody checks")
    }
}

impl BlobInventory for Store {
    fn list(&self, each: &mut dyn FnMut(Stored) -> ControlFlow<()>) -> Result<(), PortError> {
        self.0.step();
        let found: Vec<Stored> = lock(&self.0.disk)
            .copies
            .iter()
            .map(|(key, copy)| Stored {
                item: StoredItem::Copy(BlobKey::parse(key).expect("a key")),
                size: copy.bytes.len() as u64,
                modified: copy.modified,
            })
            .collect();
        for stored in found {
            if each(stored).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn inspect(
        &self,
        _: &BlobKey,
        _: bool,
        _: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Inspection, PortError> {
        unreachable!("nobody checks")
    }
}

impl BlobTrash for Store {
    fn trash(&self, item: &StoredItem, _: Timestamp) -> Result<(), PortError> {
        self.remove(item.key())?;
        lock(&self.0.disk).trash.push(item.key().to_string());
        Ok(())
    }

    fn hold_off_backups(&self) -> Result<Option<RemovalHold>, PortError> {
        Ok(Some(Box::new(())))
    }

    fn reclaim(&self, _: Timestamp) -> Result<u64, PortError> {
        Ok(0)
    }

    fn empty(&self, _: Timestamp) -> Result<u64, PortError> {
        Ok(0)
    }
}

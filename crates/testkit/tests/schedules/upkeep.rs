//! Collecting, in the steps of docs/ARCHITECTURE.md.

use std::sync::Arc;

use kms_domain::PortError;
use kms_domain::files::{BlobKey, BlobStore};

use crate::Broken;
use crate::store::Store;
use crate::world::{World, lock};

/// Dooms what nothing refers to, unlinks what is doomed, and forgets what was unlinked.
pub(crate) fn collect(world: &Arc<World>) {
    let store = Store(Arc::clone(world));
    let unreferenced: Vec<(i64, BlobKey)> = world.read(|rows| {
        let live = rows
            .live()
            .map(|row| (row.blob.id.as_i64(), row.blob.key.clone()));
        live.filter(|(id, _)| !rows.is_referred_to(*id)).collect()
    });
    for (id, key) in unreferenced {
        if world.broken == Broken::UnlinksFirst {
            store.remove(&key).expect("removing does not fail here");
        }
        // A refusal by the key leaves the content alive.
        let _: Result<(), PortError> = world.write(move |rows| {
            let asks_again = !rows.broken.looks_then_dooms();
            if asks_again && rows.is_referred_to(id) {
                return Ok(());
            }
            rows.doom(id)
        });
    }
    let doomed: Vec<(i64, BlobKey)> = world.read(|rows| {
        let doomed = rows.blobs.values().filter(|row| row.doomed);
        doomed
            .map(|row| (row.blob.id.as_i64(), row.blob.key.clone()))
            .collect()
    });
    for (id, key) in doomed {
        store.remove(&key).expect("removing does not fail here");
        let forgotten = world.write(move |rows| {
            if rows.blobs.get(&id).is_some_and(|row| row.doomed) {
                rows.blobs.remove(&id);
            }
            Ok(())
        });
        forgotten.expect("nothing refuses to forget");
    }
}

/// Moves copies without a row to the trash.
pub(crate) fn collect_strays(world: &Arc<World>) {
    let keys: Vec<String> = lock(&world.disk).copies.keys().cloned().collect();
    for key in keys {
        let parsed = BlobKey::parse(&key).expect("a key");
        if world.names(&parsed) {
            continue;
        }
        world.step();
        let mut disk = lock(&world.disk);
        disk.copies.remove(&key);
        disk.removed.insert(key.clone());
        disk.trash.push(key);
    }
}

//! The adapters in memory keep every promise of the ports, like any other adapter.

use std::sync::Arc;

use kms_testkit::builders::at;
use kms_testkit::contract::{Hashers, Keeping, Repositories, Scratches, Store};
use kms_testkit::memory::{
    ManualClock, MemoryBlobStore, MemoryDatabase, MemoryScratchSpace, PlainHasher, SeededIds,
    SeededTokens,
};

fn repositories() -> Repositories {
    MemoryDatabase::new().repositories()
}

fn store() -> Store {
    let store = MemoryBlobStore::new();
    let (staging, publishing, damaging) = (store.clone(), store.clone(), store.clone());
    Store {
        store: Arc::new(store),
        staged: Box::new(move || staging.staged()),
        published: Box::new(move || publishing.keys().len()),
        damage: Box::new(move |key, damage| damaging.damage(key, damage)),
        keep: Box::new(()),
    }
}

fn keeping() -> Keeping {
    let store = MemoryBlobStore::new();
    let (trash, backups) = (store.clone(), store.clone());
    Keeping {
        store: Arc::new(store.clone()),
        inventory: Arc::new(store.clone()),
        trash: Arc::new(store.clone()),
        now: Box::new(|| at(0)),
        trashed: Box::new(move || trash.trashed().len()),
        damage: Box::new(move |key, damage| store.damage(key, damage)),
        lose_copy: Box::new(|_| false),
        waste: Box::new(|| false),
        back_up: Box::new(move || Some(Box::new(backups.begin_backup()?))),
        keep: Box::new(()),
    }
}

fn scratches() -> Scratches {
    Scratches {
        space: Arc::new(MemoryScratchSpace::new()),
        visible: Box::new(|| 0),
        keep: Box::new(()),
    }
}

fn hashers() -> Hashers {
    Hashers {
        today: Arc::new(PlainHasher::new(5)),
        weaker: Arc::new(PlainHasher::new(4)),
    }
}

kms_testkit::repositories_contract!(repositories);
kms_testkit::blob_store_contract!(store);
kms_testkit::blob_inventory_contract!(keeping);
kms_testkit::blob_trash_contract!(keeping);
kms_testkit::scratch_space_contract!(scratches);
kms_testkit::password_hasher_contract!(hashers);
kms_testkit::id_source_contract!(SeededIds::default);
kms_testkit::token_source_contract!(SeededTokens::default);
kms_testkit::clock_contract!(ManualClock::new);

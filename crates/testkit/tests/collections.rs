//! A collection may fail or be killed at any call: the next one ends in the same state, and nothing
//! that somebody needs is ever gone.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    reason = "a test says what is wrong by panicking"
)]

use std::ops::ControlFlow;
use std::sync::Arc;

use kms_domain::files::{BlobKey, BlobStore};
use kms_domain::upkeep::{CollectionPolicy, Collector};
use kms_domain::{PortError, PortErrorKind};
use kms_testkit::builders::{a_blob, a_file, a_user, at, sha256_of, user_id};
use kms_testkit::faults::{FailNth, FaultyBlobStore, every_failure};
use kms_testkit::memory::{ManualClock, MemoryBlobStore, MemoryDatabase};

fn publish(store: &MemoryBlobStore, bytes: &[u8]) -> BlobKey {
    let mut staged = store.stage().unwrap();
    staged.write(bytes).unwrap();
    staged.publish(&sha256_of(bytes)).unwrap()
}

/// Contents that an entry or an avatar refers to, some that nothing does, some that are doomed, and a
/// copy without a row.
fn world() -> (MemoryDatabase, MemoryBlobStore, BlobKey) {
    let (db, bytes) = (MemoryDatabase::new(), MemoryBlobStore::new());
    let on = db.repositories();
    let owner = user_id(1);
    on.users.register(&a_user(1)).unwrap();
    let mut gone = Vec::new();
    for n in 0..9_u8 {
        let mut blob = a_blob(&[n]).build();
        blob.key = publish(&bytes, &[n]);
        let file = a_file(owner, &[n]).build();
        on.files.attach(&file, &blob).unwrap();
        if n % 3 > 0 {
            gone.push(file.id);
        }
    }
    let mut face = a_blob(b"face").build();
    face.key = publish(&bytes, b"face");
    on.avatars.set_avatar(owner, &face, at(0)).unwrap();
    for id in &gone {
        on.files.detach(owner, *id).unwrap();
    }
    let some = on.upkeep.list_unreferenced(None, at(1_000_000), 3).unwrap();
    let ids: Vec<_> = some.blobs.iter().map(|blob| blob.id).collect();
    assert_eq!(on.upkeep.doom(&ids, at(1_000_000)).unwrap(), 2);
    let stray = publish(&bytes, b"stray");
    (db, bytes, stray)
}

fn collect(db: &MemoryDatabase, bytes: &MemoryBlobStore, plan: &FailNth) -> Result<(), PortError> {
    let on = db.repositories().with_faults(plan);
    let store = FaultyBlobStore::new(Arc::new(bytes.clone()), plan);
    let clock = ManualClock::new();
    clock.set(at(1_000_000));
    let policy = CollectionPolicy {
        grace: 0,
        stray_age: 0,
        trash_age: 0,
        exclusive: true,
    };
    let collector = Collector::new(
        on.upkeep,
        Some((Arc::new(store), Arc::new(bytes.clone()))),
        Arc::new(bytes.clone()),
        Arc::new(clock),
        policy,
    );
    let collected = collector.collect(&mut || ControlFlow::Continue(()));
    match collected.failure {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// That nothing which a row refers to is missing.
fn assert_nothing_is_lost(db: &MemoryDatabase, bytes: &MemoryBlobStore) {
    let held = bytes.keys();
    assert_eq!(db.file_count(), 3);
    for key in db.blob_keys() {
        assert!(held.contains(&key), "{key} is gone");
    }
}

fn assert_collected(db: &MemoryDatabase, bytes: &MemoryBlobStore, stray: &BlobKey) {
    assert_nothing_is_lost(db, bytes);
    let mut named: Vec<_> = db.blob_keys().iter().map(ToString::to_string).collect();
    named.sort_unstable();
    let held: Vec<_> = bytes.keys().iter().map(ToString::to_string).collect();
    assert_eq!(held, named);
    assert_eq!(named.len(), 4);
    let doomed = db.repositories().upkeep.list_doomed(None, 9).unwrap();
    assert!(doomed.is_empty(), "{doomed:?}");
    assert!(bytes.trashed().contains(stray));
}

#[test]
fn a_collection_that_fails_at_any_call_is_finished_by_the_next() {
    for kind in [PortErrorKind::Internal, PortErrorKind::StorageFull] {
        let tried = every_failure(kind, |plan| {
            let (db, bytes, stray) = world();
            let answer = collect(&db, &bytes, plan);
            assert_eq!(answer.is_err(), plan.has_failed());
            assert_nothing_is_lost(&db, &bytes);
            collect(&db, &bytes, &FailNth::never()).unwrap();
            assert_collected(&db, &bytes, &stray);
        });
        assert!(tried > 10, "{tried}");
    }
}

#[test]
fn a_collection_that_dies_at_any_call_is_finished_by_the_next() {
    for call in 1.. {
        let (db, bytes, stray) = world();
        // Whatever was carried out, nothing comes after it.
        let plan = FailNth::lost_answer(call);
        let _ = collect(&db, &bytes, &plan);
        assert_nothing_is_lost(&db, &bytes);
        collect(&db, &bytes, &FailNth::never()).unwrap();
        assert_collected(&db, &bytes, &stray);
        if !plan.has_failed() {
            break;
        }
    }
}

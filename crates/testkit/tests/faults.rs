//! The decorators fail where they are told to, and nowhere else.

use std::io::Read;
use std::sync::Arc;

use kms_domain::PortErrorKind;
use kms_domain::files::{Attached, BlobStore};
use kms_domain::users::Inserted;
use kms_testkit::builders::{a_blob, a_file, a_user, at, sha256_of, user_id};
use kms_testkit::contract::{Repositories, Scratches, Store};
use kms_testkit::faults::{FailNth, FaultyBlobStore, FaultyScratchSpace, every_failure};
use kms_testkit::memory::{MemoryBlobStore, MemoryDatabase, MemoryScratchSpace};

/// Decorators without faults change nothing, so they keep the ports' promises too.
mod without_faults {
    use super::*;

    fn repositories() -> Repositories {
        let db = MemoryDatabase::new();
        db.repositories().with_faults(&FailNth::never())
    }

    fn store() -> Store {
        let store = MemoryBlobStore::new();
        let (staging, publishing, damaging) = (store.clone(), store.clone(), store.clone());
        Store {
            store: Arc::new(FaultyBlobStore::new(Arc::new(store), &FailNth::never())),
            staged: Box::new(move || staging.staged()),
            published: Box::new(move || publishing.keys().len()),
            damage: Box::new(move |key, damage| damaging.damage(key, damage)),
            keep: Box::new(()),
        }
    }

    fn scratches() -> Scratches {
        let space = Arc::new(MemoryScratchSpace::new());
        Scratches {
            space: Arc::new(FaultyScratchSpace::new(space, &FailNth::never())),
            visible: Box::new(|| 0),
            keep: Box::new(()),
        }
    }

    kms_testkit::repositories_contract!(repositories);
    kms_testkit::blob_store_contract!(store);
    kms_testkit::scratch_space_contract!(scratches);
}

#[test]
fn the_planned_call_fails_once_and_has_no_effect() {
    let db = MemoryDatabase::new();
    let plan = FailNth::new(2, PortErrorKind::StorageFull);
    let on = db.repositories().with_faults(&plan);
    assert_eq!(on.users.register(&a_user(1)).unwrap(), Inserted::Created);
    let error = on.users.register(&a_user(2)).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::StorageFull);
    assert_eq!(db.user_count(), 1);
    assert_eq!(on.users.register(&a_user(2)).unwrap(), Inserted::Created);
    assert_eq!(plan.calls(), ["users.register"; 3]);
    assert_eq!(plan.failed_call(), Some("users.register"));
}

#[test]
fn a_lasting_failure_goes_on_until_the_count_begins_anew() {
    let plan = FailNth::from(2, PortErrorKind::Unavailable);
    let on = MemoryDatabase::new().repositories().with_faults(&plan);
    for (n, fails) in [(1, false), (2, true), (3, true)] {
        assert_eq!(on.users.register(&a_user(n)).is_err(), fails);
    }
    plan.restart();
    assert!(!plan.has_failed());
    assert!(on.users.register(&a_user(2)).is_ok());
    assert!(on.users.register(&a_user(3)).is_err());
}

#[test]
fn a_lost_answer_hides_what_took_effect() {
    let db = MemoryDatabase::new();
    let on = db.repositories().with_faults(&FailNth::lost_answer(1));
    let error = on.users.register(&a_user(1)).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Internal);
    assert_eq!(db.user_count(), 1);
}

#[test]
fn one_plan_counts_the_calls_of_all_ports_together() {
    let attempts = every_failure(PortErrorKind::Internal, |plan| {
        let on = MemoryDatabase::new().repositories().with_faults(plan);
        let owner = user_id(1);
        let run = || {
            on.users.register(&a_user(1))?;
            on.avatars.set_avatar(owner, &a_blob(b"a").build(), at(0))?;
            on.files
                .attach(&a_file(owner, b"a").build(), &a_blob(b"a").build())
        };
        match run() {
            Ok(attached) => assert!(matches!(attached, Attached::Replaced { .. })),
            Err(_) => assert_eq!(plan.calls().last().copied(), plan.failed_call()),
        }
    });
    assert_eq!(attempts, 3);
}

#[test]
#[should_panic(expected = "no call went through the plan")]
fn an_attempt_that_bypasses_the_plan_is_found_out() {
    every_failure(PortErrorKind::Internal, |_| ());
}

#[test]
fn a_store_fails_at_each_step_and_leaves_nothing_staged() {
    let mut failed = Vec::new();
    every_failure(PortErrorKind::StorageFull, |plan| {
        let memory = MemoryBlobStore::new();
        let store = FaultyBlobStore::new(Arc::new(memory.clone()), plan);
        let upload = || {
            let mut staged = store.stage()?;
            staged.write(b"ab")?;
            staged.write(b"c")?;
            staged.publish(&sha256_of(b"abc"))
        };
        let answer = upload();
        assert_eq!(memory.staged(), 0);
        assert_eq!(memory.keys().len(), usize::from(answer.is_ok()));
        failed.extend(plan.failed_call());
    });
    let steps = [
        "store.stage",
        "staged.write",
        "staged.write",
        "staged.publish",
    ];
    assert_eq!(failed, steps);
}

#[test]
fn a_reader_fails_in_the_middle() {
    let memory = MemoryBlobStore::new();
    let mut staged = memory.stage().unwrap();
    staged.write(b"abc").unwrap();
    let key = staged.publish(&sha256_of(b"abc")).unwrap();
    let plan = FailNth::new(3, PortErrorKind::Internal);
    let store = FaultyBlobStore::new(Arc::new(memory), &plan);
    let mut reader = store.open(&key).unwrap().unwrap();
    let mut byte = [0];
    reader.read_exact(&mut byte).unwrap();
    assert!(reader.read_exact(&mut byte).is_err());
    reader.read_exact(&mut byte).unwrap();
    assert_eq!(
        (plan.calls().len(), plan.failed_call()),
        (4, Some("reader.read"))
    );
}

mod damage;
mod folders;
mod world;

use std::fs;
use std::sync::Arc;

use kms_domain::Clock;
use kms_domain::files::{BlobRepository, FileRepository};
use kms_testkit::builders::{file_id, sha256_of, user_id};

use crate::SystemClock;
use crate::disk::BackupLease;
use crate::sqlite::{SqliteBlobRepository, SqliteFileRepository};
use world::*;

#[test]
fn what_was_backed_up_beside_its_owner_is_restored_under_new_keys() {
    let place = Place::new();
    let world = World::with(&place.data(), &contents());
    let report = place.back_up();
    let bytes = SIZES.iter().sum::<usize>() as u64;
    assert_eq!((report.contents, report.bytes), (5, bytes));
    assert_eq!((report.copied, report.copied_bytes), (5, bytes));
    let (restored, copy) = place.restore();
    assert_eq!(
        (restored.contents, restored.bytes, restored.lost),
        (5, bytes, 0)
    );
    copy.expect(&contents());
    for content in contents() {
        assert_ne!(copy.key(&content), world.key(&content));
    }
    let files = SqliteFileRepository::new(&copy.db);
    assert!(
        files
            .find_readable(file_id(3), user_id(1))
            .unwrap()
            .is_some()
    );
    let (verified, problems) = place.verify();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        (verified.generations, verified.contents, verified.bytes),
        (1, 5, bytes)
    );
}

#[test]
fn a_second_backup_copies_only_what_is_new_and_each_is_restored_as_it_was() {
    let place = Place::new();
    let mut world = World::with(&place.data(), &contents());
    let first = place.back_up();
    let new = [content(50, 700), content(51, 70_000)];
    new.iter().for_each(|content| world.put(content));
    // Known bytes get a new copy, which the pool has.
    world.put(&contents()[1]);
    let second = place.back_up();
    assert_eq!((second.copied, second.copied_bytes), (2, 70_700));
    assert_eq!(second.contents, 7);
    assert!(second.generation > first.generation);
    let third = place.back_up();
    assert_eq!((third.copied, third.contents), (0, 7));

    let (old, problems) = place.try_restore(Some(&first.generation));
    assert!(problems.is_empty());
    assert_eq!(old.unwrap().contents, 5);
    World::open(&place.restored()).expect(&contents());
    fs::remove_dir_all(place.restored()).unwrap();
    place.restore().1.expect(&new);
}

#[test]
fn content_that_moves_or_dies_between_the_state_and_its_copy_is_in_the_backup() {
    let place = Place::new();
    let mut world = World::with(&place.data(), &contents());
    let mut observer = Meddler::at("checking the database", || {
        // Each copy that the state names is replaced and removed.
        for content in contents() {
            world.put(&content);
        }
        // One loses its entries and is doomed; whoever would unlink it is kept away.
        let sha256 = sha256_of(&contents()[2]);
        world.sql(&format!(
            "DELETE FROM files WHERE blob_id = (SELECT id FROM blobs WHERE sha256 = x'{sha256}');
             UPDATE blobs SET state = 'doomed' WHERE sha256 = x'{sha256}'"
        ));
        assert!(BackupLease::try_exclusive(&world.dir).unwrap().is_none());
    });
    let report = place.back_up_while(&mut observer);
    assert!(observer.problems.is_empty(), "{:?}", observer.problems);
    assert!(observer.meddle.is_none());
    assert_eq!(report.contents, 5);
    drop(observer);
    assert!(BackupLease::try_exclusive(&world.dir).unwrap().is_some());
    place.restore().1.expect(&contents());
}

#[test]
fn a_stopped_folder_is_backed_up_and_can_be_started_meanwhile() {
    let place = Place::new();
    drop(World::with(&place.data(), &contents()));
    let mut observer = Meddler::at("checking the database", || {
        let mut world = World::open(&place.data());
        world.files = 100;
        world.put(b"later");
    });
    assert_eq!(place.back_up_while(&mut observer).contents, 5);
    place.restore().1.expect(&contents());
}

#[test]
fn what_nothing_refers_to_is_neither_backed_up_nor_restored() {
    let place = Place::new();
    let mut world = World::with(&place.data(), &contents());
    world.put(b"forgotten");
    world.sql(&format!(
        "DELETE FROM files WHERE id = x'{}'",
        file_id(6).as_uuid().simple()
    ));
    assert_eq!(place.back_up().contents, 5);
    let (_, copy) = place.restore();
    copy.expect(&contents());
    let blobs = SqliteBlobRepository::new(&copy.db, Arc::new(SystemClock));
    assert!(blobs.find_live(&sha256_of(b"forgotten")).unwrap().is_none());
}

#[test]
fn old_generations_go_and_so_does_what_only_they_needed() {
    let place = Place::new();
    let mut world = World::with(&place.data(), &contents());
    place.back_up();
    let gone = &contents()[4];
    let sha256 = sha256_of(gone);
    world.sql(&format!(
        "DELETE FROM files WHERE blob_id = (SELECT id FROM blobs WHERE sha256 = x'{sha256}')"
    ));
    world.put(b"new");
    let second = place.back_up_and_keep(2);
    assert_eq!(second.removed, 0);
    assert!(place.pooled(gone).exists());
    let third = place.back_up_and_keep(2);
    assert_eq!(third.removed, 1);
    assert!(!place.pooled(gone).exists());
    assert_eq!(place.back_up_and_keep(1).removed, 2);
    assert_eq!(place.verify().0.generations, 1);
    place.restore().1.expect(&contents()[..4]);
}

#[test]
fn a_clock_that_was_set_back_changes_no_order() {
    let place = Place::new();
    let mut world = World::with(&place.data(), &contents());
    let at = |millis| {
        let clock = At(millis);
        let clock = Some(&clock as &dyn Clock);
        place.try_back_up(
            Change {
                clock,
                ..Change::default()
            },
            &mut Meddler::none(),
        )
    };
    at(1_000_000_000_000).unwrap();
    world.put(b"new");
    let second = at(5).unwrap();
    assert_eq!(second.generation, "2001-09-09T01-46-40.001Z");
    place.restore().1.expect(&[b"new".to_vec()]);
}

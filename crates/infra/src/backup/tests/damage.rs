use std::fs;

use kms_domain::files::BlobStore;
use kms_testkit::builders::sha256_of;

use super::world::*;
use kms_domain::with_causes;

/// Takes the bytes away that are stored, without telling anybody.
fn lose(world: &World, content: &[u8]) {
    world.store.remove(&world.key(content)).unwrap();
}

#[test]
fn damaged_and_missing_content_is_told_and_the_rest_is_backed_up() {
    let place = Place::new();
    let world = World::with(&place.data(), &contents());
    let [_, small, .., medium, large] = &contents()[..] else {
        unreachable!()
    };
    lose(&world, small);
    lose(&world, medium);
    let key = world.key(large).to_string();
    flip(
        &place
            .data()
            .join("blobs")
            .join(&key[..2])
            .join(&key[2..4])
            .join(&key),
    );
    let mut observer = Meddler::none();
    let report = place.back_up_while(&mut observer);
    assert_eq!(
        (report.contents, report.missing, report.problems),
        (2, 3, 3)
    );
    for content in [small, medium, large] {
        let digest = sha256_of(content).to_string();
        assert!(observer.problems.iter().any(|told| told.contains(&digest)));
        assert!(!place.pooled(content).exists());
    }
    // It is as it was made, and not all that there should be.
    let (verified, problems) = place.verify();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("3 contents were"), "{problems:?}");
    assert_eq!(
        (verified.contents, verified.missing, verified.incomplete),
        (2, 3, 1)
    );

    let (restored, mut copy) = place.restore();
    assert_eq!((restored.contents, restored.lost), (2, 3));
    copy.expect(&[contents()[0].clone(), contents()[2].clone()]);
    copy.files = 100;
    for content in [small, medium, large] {
        assert!(copy.row(content).damaged);
        assert!(copy.read(content).is_none());
        copy.put(content);
        copy.expect(std::slice::from_ref(content));
    }
}

#[test]
fn what_the_pool_has_makes_damaged_content_whole() {
    let place = Place::new();
    let world = World::with(&place.data(), &contents());
    place.back_up();
    contents().iter().for_each(|content| lose(&world, content));
    let sql = "UPDATE blobs SET damaged_at = 5";
    world.sql(sql);
    assert_eq!(place.back_up().copied, 0);
    place.restore().1.expect(&contents());
}

#[test]
fn every_kind_of_damage_is_found_and_read_content_is_copied_again() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    let name = place.back_up().generation;
    for (file, told) in [
        (place.pooled(&contents()[0]), "not the bytes"),
        (place.pooled(&contents()[4]), "not the bytes"),
        (
            place.generation(&name).join("kms.db"),
            "not what was written",
        ),
        (
            place.generation(&name).join("manifest"),
            "manifest is damaged",
        ),
    ] {
        flip(&file);
        let (_, problems) = place.verify();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(told), "{problems:?}");
        flip(&file);
    }
    let (lost, damaged) = (place.pooled(&contents()[1]), place.pooled(&contents()[3]));
    fs::remove_file(&lost).unwrap();
    flip(&damaged);
    assert_eq!(place.verify().1.len(), 2);
    // What is not there is seen by every backup, what is damaged by one that reads.
    assert_eq!(place.back_up().copied, 1);
    let mut observer = Meddler::none();
    let report = place
        .try_back_up(
            Change {
                reread: true,
                ..Change::default()
            },
            &mut observer,
        )
        .unwrap();
    assert_eq!((report.copied, report.problems), (1, 1));
    assert!(
        observer.problems[0].contains("copied again"),
        "{:?}",
        observer.problems
    );
    assert!(place.verify().1.is_empty());
}

#[test]
fn damaged_content_of_a_backup_is_lost_and_its_damaged_database_is_refused() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    let first = place.back_up().generation;
    let second = place.back_up().generation;
    flip(&place.generation(&second).join("kms.db"));
    let (refused, _) = place.try_restore(None);
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("another generation"), "{error}");
    assert!(!place.restored().exists());

    flip(&place.pooled(&contents()[3]));
    let (report, problems) = place.try_restore(Some(&first));
    assert_eq!((report.unwrap().lost, problems.len()), (1, 1));
    let copy = World::open(&place.restored());
    assert!(copy.row(&contents()[3]).damaged);
    copy.expect(&contents()[..3]);
}

#[test]
fn what_an_interrupted_backup_has_left_is_read_before_it_counts() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    let first = place.back_up().generation;
    // As if it had been killed before its end: all was copied, but not all of it reached the disk.
    fs::remove_file(place.generation(&first).join("manifest")).unwrap();
    fs::write(place.backup().join("tmp/content"), "half").unwrap();
    let (zeros, short) = (place.pooled(&contents()[3]), place.pooled(&contents()[1]));
    fs::write(&zeros, vec![0; 100_000]).unwrap();
    fs::write(&short, "").unwrap();
    let (refused, _) = place.try_restore(None);
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("no finished backup"), "{error}");

    let second = place.back_up();
    assert_eq!(second.copied, 2);
    assert!(!place.generation(&first).exists());
    assert!(!place.backup().join("tmp/content").exists());
    assert!(place.verify().1.is_empty());
    place.restore().1.expect(&contents());
}

#[test]
fn with_a_damaged_manifest_about_nothing_is_removed_from_the_pool() {
    let place = Place::new();
    let world = World::with(&place.data(), &contents());
    let first = place.back_up().generation;
    let second = place.back_up().generation;
    world.sql("DELETE FROM files");
    flip(&place.generation(&second).join("manifest"));
    let mut observer = Meddler::none();
    let report = place
        .try_back_up(
            Change {
                keep: 2,
                ..Change::default()
            },
            &mut observer,
        )
        .unwrap();
    assert_eq!((report.contents, report.removed), (0, 1));
    assert!(
        observer
            .problems
            .iter()
            .any(|told| told.contains("are kept"))
    );
    assert!(!place.generation(&first).exists());
    for content in contents() {
        assert!(place.pooled(&content).exists());
    }
}

#[test]
fn a_damaged_database_is_no_backup_and_leaves_none() {
    let place = Place::new();
    let world = World::with(&place.data(), &contents());
    world.sql("PRAGMA foreign_keys = OFF; DELETE FROM blobs WHERE size = 5000");
    let error = place
        .try_back_up(Change::default(), &mut Meddler::none())
        .unwrap_err();
    assert!(with_causes(&error).contains("damaged"), "{error}");
    let snapshots = fs::read_dir(place.backup().join("snapshots")).unwrap();
    assert_eq!(snapshots.count(), 0);
}

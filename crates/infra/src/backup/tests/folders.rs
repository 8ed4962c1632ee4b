use std::os::unix::fs::PermissionsExt as _;

use std::fs;

use super::super::*;
use super::world::*;
use crate::SystemClock;

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.clone());
        if path.is_dir() {
            files_below(&path, found);
        }
    }
}

fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files_below(folder, &mut found);
    found.sort();
    found
}

#[test]
fn folders_that_will_not_do_are_refused_and_left_alone() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    let other = place.0.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("note"), "mine").unwrap();
    let link = place.0.path().join("link");
    std::os::unix::fs::symlink(place.data(), &link).unwrap();
    let before = all_below(place.0.path());
    for (into, told) in [
        (place.data(), "in the data folder"),
        (place.data().join("backup"), "in the data folder"),
        (link.join("new/backup"), "in the data folder"),
        (place.0.path().to_owned(), "around the data folder"),
        (other.clone(), "is no backup"),
    ] {
        let error = place.try_back_up(
            Change {
                into: Some(&into),
                ..Change::default()
            },
            &mut Meddler::none(),
        );
        let error = error.unwrap_err().to_string();
        assert!(error.contains(told), "{}: {error}", into.display());
    }
    let error = place.try_back_up(
        Change {
            data: Some(&other),
            ..Change::default()
        },
        &mut Meddler::none(),
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no data folder"), "{error}");
    assert_eq!(all_below(place.0.path()), before);
}

#[test]
fn nothing_is_restored_into_a_backup_or_around_it() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    place.back_up();
    let link = place.0.path().join("link");
    std::os::unix::fs::symlink(place.backup(), &link).unwrap();
    let around = place.0.path().join("around");
    fs::create_dir(&around).unwrap();
    fs::rename(place.backup(), around.join("backup")).unwrap();
    std::os::unix::fs::symlink(around.join("backup"), place.backup()).unwrap();
    let before = all_below(place.0.path());
    let missing = place.0.path().join("missing/../restored");
    for (data, told) in [
        (place.backup(), "in the data folder"),
        (place.backup().join("inside/deep"), "around the data folder"),
        (link.join("inside"), "around the data folder"),
        (around, "in the data folder"),
        (missing, "leads back"),
    ] {
        let job = RestoreJob {
            backup: &place.backup(),
            generation: None,
            data: &data,
            clock: &SystemClock,
        };
        let error = restore(&job, &mut Meddler::none()).unwrap_err().to_string();
        assert!(error.contains(told), "{}: {error}", data.display());
    }
    assert_eq!(all_below(place.0.path()), before);
}

#[test]
fn a_fresh_file_system_is_an_empty_folder() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    fs::create_dir_all(place.backup().join("lost+found")).unwrap();
    place.back_up();
}

#[test]
fn only_one_command_writes_to_a_backup_and_nobody_reads_it_meanwhile() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    place.back_up();
    let mut observer = Meddler::at("checking the database", || {
        let second = place.try_back_up(Change::default(), &mut Meddler::none());
        for error in [second.unwrap_err(), place.try_restore(None).0.unwrap_err()] {
            assert!(error.to_string().contains("another command"), "{error}");
        }
    });
    place.back_up_while(&mut observer);
    assert!(observer.meddle.is_none());
}

#[test]
fn a_backup_is_for_its_owner_alone() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    place.back_up();
    for path in all_below(&place.backup()) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}", path.display());
    }
}

#[test]
fn nothing_is_written_to_a_backup_that_is_verified_or_restored() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    place.back_up();
    let before = all_below(&place.backup());
    place.verify();
    place.restore();
    assert_eq!(all_below(&place.backup()), before);
}

#[test]
fn a_folder_with_something_in_it_is_not_restored_into() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    place.back_up();
    fs::create_dir(place.restored()).unwrap();
    fs::write(place.restored().join("note"), "mine").unwrap();
    let error = place.try_restore(None).0.unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    assert_eq!(all_below(&place.restored()).len(), 1);
    let (unknown, _) = place.try_restore(Some("2001-09-09T01-46-40.001Z"));
    assert!(unknown.unwrap_err().to_string().contains("of this name"));
    fs::remove_dir_all(place.backup()).unwrap();
    let error = place.try_restore(None).0.unwrap_err();
    assert!(error.to_string().contains("there is no backup"), "{error}");
}

#[test]
fn a_restore_that_ran_out_of_something_leaves_the_folder_as_it_was() {
    let place = Place::new();
    let _world = World::with(&place.data(), &contents());
    let name = place.back_up().generation;
    // The manifest of another state: found out at the very end.
    let more = Place::new();
    let mut other = World::with(&more.data(), &contents());
    other.put(b"more");
    let foreign = more.back_up().generation;
    let (from, to) = (more.generation(&foreign), place.generation(&name));
    fs::copy(from.join("kms.db"), to.join("kms.db")).unwrap();
    let manifest = fs::read_to_string(from.join("manifest")).unwrap();
    let database = manifest
        .lines()
        .nth(2)
        .unwrap()
        .strip_prefix("database ")
        .unwrap();
    let (sha256, size) = database.split_once(' ').unwrap();
    let database = (
        kms_domain::files::Sha256::parse(sha256).unwrap(),
        size.parse().unwrap(),
    );
    let mut reader = manifest::ManifestReader::open(&to.join("manifest")).unwrap();
    let mut writer =
        manifest::ManifestWriter::begin(&to.join("manifest"), "0", (&database.0, database.1))
            .unwrap();
    while let Some(entry) = reader.next().unwrap() {
        writer.add(&entry).unwrap();
    }
    writer.finish().unwrap();
    fs::create_dir(place.restored()).unwrap();
    let error = place.try_restore(None).0.unwrap_err();
    assert!(error.to_string().contains("does not name"), "{error}");
    assert!(all_below(&place.restored()).is_empty());
    assert!(place.verify().1[0].contains("does not name"));
}

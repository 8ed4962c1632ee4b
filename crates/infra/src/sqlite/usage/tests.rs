use diesel::connection::SimpleConnection as _;
use kms_domain::files::{Claimed, FileRepository as _, NewFile};
use kms_domain::users::UserRepository as _;
use kms_testkit::builders::{a_blob, a_file, a_scope, a_user, user_id};
use tempfile::TempDir;

use super::*;
use crate::sqlite::{SqliteConfig, SqliteFileRepository, SqliteUserRepository};

/// An account with an entry of 5 bytes.
fn scene() -> (SqliteDatabase, NewFile, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let db = SqliteDatabase::open(SqliteConfig::new(folder.path().join("kms.db"))).unwrap();
    let users = SqliteUserRepository::new(&db);
    users.register(&a_user(1)).unwrap();
    let file = a_file(user_id(1), b"12345").build();
    let files = SqliteFileRepository::new(&db);
    files.attach(&file, &a_blob(b"12345").build()).unwrap();
    (db, file, folder)
}

fn execute(db: &SqliteDatabase, sql: &'static str) {
    db.write("test", move |conn| conn.batch_execute(sql).during("test"))
        .unwrap();
}

const RIGHT: Used = Used { bytes: 5, files: 1 };

#[test]
fn counters_that_are_wrong_or_gone_are_seen_and_counted_anew() {
    let (db, _file, _folder) = scene();
    let usage = SqliteUsageRepository::new(&db);
    for (harm, seen) in [
        (
            "UPDATE usage SET bytes = 6, files = 0",
            Some(Used { bytes: 6, files: 0 }),
        ),
        ("DELETE FROM usage", None),
    ] {
        execute(&db, harm);
        let counted = usage.count_next(None).unwrap().unwrap();
        assert_eq!((counted.kept, counted.rows), (seen, RIGHT));
        usage.recount(user_id(1)).unwrap();
        let counted = usage.count_next(None).unwrap().unwrap();
        assert_eq!((counted.kept, counted.rows), (Some(RIGHT), RIGHT));
    }
}

#[test]
fn counters_that_are_too_low_keep_nobody_from_deleting() {
    let (db, file, _folder) = scene();
    execute(&db, "UPDATE usage SET bytes = 4, files = 0");
    let files = SqliteFileRepository::new(&db);
    files.detach(file.owner, file.id).unwrap();
    let usage = SqliteUsageRepository::new(&db);
    let left = usage.find_usage(file.owner).unwrap().unwrap();
    assert_eq!(left.used, Used::default());
}

#[test]
fn without_counters_nothing_is_stored_and_the_neighbours_are_not_harmed() {
    let (db, file, _folder) = scene();
    SqliteUserRepository::new(&db).register(&a_user(2)).unwrap();
    execute(&db, "DELETE FROM usage WHERE files = 1");
    let files = SqliteFileRepository::new(&db);
    let blob = files
        .find_readable(file.id, file.owner)
        .unwrap()
        .unwrap()
        .blob;
    let claim = |n| {
        let entry = a_file(user_id(n), b"12345").build();
        files.claim(&entry, &a_scope(user_id(n), b"12345"), blob.id)
    };
    assert_eq!(claim(1).unwrap(), Claimed::NotEligible);
    let entry = a_file(user_id(1), b"x").build();
    assert!(files.attach(&entry, &a_blob(b"x").build()).is_err());
    assert_eq!(claim(2).unwrap(), Claimed::Linked);
}

#[test]
fn an_account_that_goes_takes_its_counters_along() {
    let (db, _file, _folder) = scene();
    execute(&db, "DELETE FROM files; DELETE FROM users");
    let usage = SqliteUsageRepository::new(&db);
    assert_eq!(usage.find_usage(user_id(1)).unwrap(), None);
}

#[test]
fn a_limit_that_sqlite_cannot_hold_is_none() {
    for limit in [u64::MAX, UNLIMITED.unsigned_abs()] {
        assert_eq!(most(Some(limit)), UNLIMITED);
    }
    assert_eq!(most(Some(7)), 7);
    assert_eq!(most(None), UNLIMITED);
}

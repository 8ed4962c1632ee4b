use std::fs;
use std::os::unix::fs::FileExt;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use kms_domain::files::{ClaimCandidates, FileRepository};
use kms_domain::users::UserRepository;
use kms_testkit::builders::{a_blob, a_file, a_scope, a_user, md5_of, phone, user_id};
use tempfile::TempDir;

use super::super::{SqliteFileRepository, SqliteUserRepository};
use super::*;

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("kms.db")
}

fn open_in(folder: &TempDir) -> Result<SqliteDatabase, OpenError> {
    SqliteDatabase::open(SqliteConfig::new(database(folder)))
}

fn connect(folder: &TempDir) -> SqliteConnection {
    SqliteConnection::establish(database(folder).to_str().unwrap()).unwrap()
}

#[derive(QueryableByName)]
struct Root {
    #[diesel(sql_type = BigInt)]
    page: i64,
}

fn refusal(folder: &TempDir) -> OpenError {
    match open_in(folder) {
        Ok(_) => panic!("the database was opened"),
        Err(error) => error,
    }
}

#[test]
fn the_file_and_its_companions_are_for_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(database(&folder), "").unwrap();
    fs::set_permissions(database(&folder), Permissions::from_mode(0o644)).unwrap();
    let db = open_in(&folder).unwrap();
    SqliteUserRepository::new(&db).register(&a_user(1)).unwrap();
    for name in ["kms.db", "kms.db-wal", "kms.db-shm"] {
        let mode = fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let db = open_in(&folder).unwrap();
    SqliteUserRepository::new(&db).register(&a_user(1)).unwrap();
    drop(db);
    let wal = folder.path().join("kms.db-wal");
    assert!(!wal.exists(), "not closed, or not checkpointed");
    let users = SqliteUserRepository::new(&open_in(&folder).unwrap());
    assert!(users.is_registered(&phone(1)).unwrap());
}

#[test]
fn names_that_sqlite_would_read_as_something_else_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file:x?mode=memory");
    drop(SqliteDatabase::open(SqliteConfig::new(&path)).unwrap());
    assert!(path.is_file());
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_in(&folder).unwrap());
    let mut conn = connect(&folder);
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101')")
        .unwrap();
    drop(conn);
    let error = refusal(&folder);
    assert!(matches!(&error, OpenError::SchemaTooNew { version, .. } if version == "99990101"));
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_in(&folder).unwrap());
    let mut conn = connect(&folder);
    let sql = "SELECT rootpage AS page FROM sqlite_schema WHERE name = 'files_blob'";
    let root: Root = sql_query(sql).get_result(&mut conn).unwrap();
    drop(conn);
    let file = OpenOptions::new()
        .write(true)
        .open(database(&folder))
        .unwrap();
    let offset = (u64::try_from(root.page).unwrap() - 1) * 4096;
    file.write_all_at(&[0xff; 4096], offset).unwrap();
    let before = fs::read(database(&folder)).unwrap();
    let error = refusal(&folder);
    assert!(matches!(&error, OpenError::Damaged { findings, .. } if findings.len() <= FINDINGS));
    assert_eq!(fs::read(database(&folder)).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = "not a database at all\n".repeat(1000);
    fs::write(database(&folder), &text).unwrap();
    assert!(matches!(refusal(&folder), OpenError::Query { .. }));
    assert_eq!(fs::read_to_string(database(&folder)).unwrap(), text);
}

#[test]
fn a_missing_folder_is_an_error_that_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/kms.db");
    let Err(error) = SqliteDatabase::open(SqliteConfig::new(&path)) else {
        panic!("the database was opened");
    };
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn the_first_sound_sqlite_is_3_51_3() {
    for (version, recent) in [
        ("3.51.2", false),
        ("3.51.3", true),
        ("3.52", true),
        ("3.100.0", true),
        ("4.0.0", true),
        ("3.9.9", false),
        ("2.99.99", false),
        ("", false),
    ] {
        assert_eq!(is_recent(version), recent, "{version:?}");
    }
}

#[test]
fn every_migration_can_be_undone_and_done_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_in(&folder).unwrap());
    let mut conn = connect(&folder);
    conn.revert_all_migrations(MIGRATIONS).unwrap();
    drop(conn);
    drop(open_in(&folder).unwrap());
}

#[test]
fn contents_that_shared_an_md5_before_the_migration_are_told_apart_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = open_in(&folder).unwrap();
    SqliteUserRepository::new(&db).register(&a_user(1)).unwrap();
    let files = SqliteFileRepository::new(&db);
    for bytes in [&b"a"[..], b"a's twin", b"b"] {
        let md5 = md5_of(&bytes[..1]);
        let file = a_file(user_id(1), bytes).md5(md5).build();
        files.attach(&file, &a_blob(bytes).build()).unwrap();
    }
    drop((db, files));
    connect(&folder).revert_last_migration(MIGRATIONS).unwrap();
    let files = SqliteFileRepository::new(&open_in(&folder).unwrap());
    let found = |bytes| files.find_claimable(&a_scope(user_id(1), bytes)).unwrap();
    assert_eq!(found(b"a"), ClaimCandidates::Ambiguous);
    assert!(matches!(found(b"b"), ClaimCandidates::One(_)));
}

fn open_as(folder: &TempDir, access: Access) -> Result<SqliteDatabase, OpenError> {
    SqliteDatabase::open(SqliteConfig {
        access,
        ..SqliteConfig::new(database(folder))
    })
}

fn refused_as(folder: &TempDir, access: Access) -> OpenError {
    match open_as(folder, access) {
        Ok(_) => panic!("the database was opened"),
        Err(error) => error,
    }
}

const GUESTS: [Access; 2] = [Access::Guest, Access::Onlooker];

#[test]
fn a_guest_works_beside_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let owner = open_in(&folder).unwrap();
    let guest = open_as(&folder, Access::Guest).unwrap();
    SqliteUserRepository::new(&guest)
        .register(&a_user(1))
        .unwrap();
    let seen = SqliteUserRepository::new(&owner)
        .is_registered(&phone(1))
        .unwrap();
    assert!(seen);
    let onlooker = open_as(&folder, Access::Onlooker).unwrap();
    let users = SqliteUserRepository::new(&onlooker);
    assert!(users.is_registered(&phone(1)).unwrap());
    assert!(users.register(&a_user(2)).is_err());
}

#[test]
fn a_guest_makes_neither_a_file_nor_a_table() {
    let folder = tempfile::tempdir().unwrap();
    for access in GUESTS {
        let error = refused_as(&folder, access);
        assert!(matches!(error, OpenError::File { .. }), "{error:?}");
        assert!(!database(&folder).exists());
    }
    fs::write(database(&folder), "").unwrap();
    for access in [Access::Onlooker, Access::Guest] {
        let error = refused_as(&folder, access);
        assert!(matches!(error, OpenError::NoSchema { .. }), "{error:?}");
    }
    let tables: Root = sql_query("SELECT count(*) AS page FROM sqlite_schema")
        .get_result(&mut connect(&folder))
        .unwrap();
    assert_eq!(tables.page, 0);
}

#[test]
fn a_guest_never_migrates() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_in(&folder).unwrap());
    let mut conn = connect(&folder);
    let migrations = "SELECT count(*) AS page FROM __diesel_schema_migrations";
    conn.revert_last_migration(MIGRATIONS).unwrap();
    let count = |conn: &mut SqliteConnection| {
        let row: Root = sql_query(migrations).get_result(conn).unwrap();
        row.page
    };
    let before = count(&mut conn);
    for access in GUESTS {
        let error = refused_as(&folder, access);
        assert!(matches!(error, OpenError::SchemaTooOld { .. }), "{error:?}");
    }
    assert_eq!(count(&mut conn), before);
}

#[test]
fn an_onlooker_leaves_a_journal_that_waits_to_be_recovered_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let db = open_in(&folder).unwrap();
    SqliteUserRepository::new(&db).register(&a_user(1)).unwrap();
    // As after a kill.
    let left = tempfile::tempdir().unwrap();
    let names = ["kms.db", "kms.db-wal"];
    for name in names {
        fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    let bytes = || names.map(|name| fs::read(left.path().join(name)).unwrap());
    let before = bytes();
    assert!(!before[1].is_empty());
    let onlooker = open_as(&left, Access::Onlooker).unwrap();
    let users = SqliteUserRepository::new(&onlooker);
    assert!(users.is_registered(&phone(1)).unwrap());
    drop(users);
    drop(onlooker);
    assert!(bytes() == before);
}

#[test]
fn damage_is_told_from_what_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_in(&folder).unwrap());
    let sound = fs::read(database(&folder)).unwrap();
    // Shorter than its head says.
    fs::write(database(&folder), &sound[..8192]).unwrap();
    for access in [Access::Owner, Access::Guest, Access::Onlooker] {
        let error = refused_as(&folder, access);
        assert!(error.is_damage(), "{access:?}: {error:?}");
    }
    fs::write(database(&folder), "no database ".repeat(1000)).unwrap();
    for access in [Access::Owner, Access::Guest, Access::Onlooker] {
        assert!(!refused_as(&folder, access).is_damage(), "{access:?}");
    }
}

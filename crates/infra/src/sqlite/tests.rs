use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;

use diesel::r2d2::PooledConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};
use kms_domain::PortErrorKind;
use kms_domain::files::{Attached, FileRepository};
use kms_domain::users::{Inserted, UserRepository};
use kms_testkit::builders::{UserBuilder, a_blob, a_file, a_user, user_id};
use tempfile::TempDir;

use super::connection::ReaderManager;
use super::*;

mod claims;
mod own_readers;
mod triggers;

struct Scene {
    db: SqliteDatabase,
    _folder: TempDir,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig {
        readers: 3,
        ..SqliteConfig::new(folder.path().join("kms.db"))
    };
    Scene {
        db: SqliteDatabase::open(config).unwrap(),
        _folder: folder,
    }
}

impl Scene {
    /// Runs a statement on the writer and answers SQLite's message if it is refused.
    fn execute(&self, sql: &str) -> Result<(), String> {
        let sql = sql.to_owned();
        let run = move |conn: &mut SqliteConnection| {
            Ok(conn.batch_execute(&sql).map_err(|error| error.to_string()))
        };
        self.db.write("test", run).unwrap()
    }

    fn count(&self, sql: &str) -> i64 {
        let sql = format!("SELECT count(*) AS n FROM {sql}");
        let row: Number = self
            .db
            .read(|conn| sql_query(sql).get_result(conn).during("count"))
            .unwrap();
        row.n
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct MapSize {
    #[diesel(sql_type = BigInt)]
    mmap_size: i64,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

fn pragmas(conn: &mut SqliteConnection) -> QueryResult<HashMap<&'static str, String>> {
    // The one that has no table-valued form.
    let map: MapSize = sql_query("PRAGMA mmap_size").get_result(conn)?;
    assert_eq!(map.mmap_size, 0);
    [
        ("busy_timeout", "timeout"),
        ("journal_mode", "journal_mode"),
        ("synchronous", "synchronous"),
        ("foreign_keys", "foreign_keys"),
        ("trusted_schema", "trusted_schema"),
        ("temp_store", "temp_store"),
        ("cache_size", "cache_size"),
        ("query_only", "query_only"),
    ]
    .into_iter()
    .map(|(name, column)| {
        let sql = format!("SELECT CAST({column} AS TEXT) AS value FROM pragma_{name}");
        let row: Setting = sql_query(sql).get_result(conn)?;
        Ok((name, row.value))
    })
    .collect()
}

fn expected_pragmas(query_only: &str) -> HashMap<&'static str, String> {
    [
        ("busy_timeout", "5000"),
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("temp_store", "2"),
        ("cache_size", "-8192"),
        ("query_only", query_only),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

impl SqliteDatabase {
    fn reader(&self) -> Result<PooledConnection<ReaderManager>, SqliteError> {
        self.0.readers.get().map_err(SqliteError::Pool)
    }
}

#[test]
fn every_connection_is_set_up_alike() {
    let scene = scene();
    let mut readers: Vec<_> = (0..3).map(|_| scene.db.reader().unwrap()).collect();
    for reader in &mut readers {
        assert_eq!(pragmas(reader).unwrap(), expected_pragmas("1"));
    }
    let writer = scene.db.write("test", |conn| pragmas(conn).during("test"));
    assert_eq!(writer.unwrap(), expected_pragmas("0"));
}

#[test]
fn a_thread_with_a_reader_of_its_own_waits_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig {
        readers: 1,
        busy_timeout: Duration::from_millis(50),
        ..SqliteConfig::new(folder.path().join("kms.db"))
    };
    let db = SqliteDatabase::open(config).unwrap();
    let users = SqliteUserRepository::new(&db);
    users.register(&a_user(1)).unwrap();
    let _taken = db.reader().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(users.find_profile(user_id(1)).is_err());
            db.dedicate_reader().unwrap();
            assert!(users.find_profile(user_id(1)).unwrap().is_some());
            users.register(&a_user(2)).unwrap();
            assert!(users.find_profile(user_id(2)).unwrap().is_some());
            let own = db.read(|conn| pragmas(conn).during("test")).unwrap();
            let mut expected = expected_pragmas("1");
            expected.insert("busy_timeout", "50".to_owned());
            assert_eq!(own, expected);
        });
    });
}

#[test]
fn a_reader_cannot_write() {
    let scene = scene();
    let mut reader = scene.db.reader().unwrap();
    let error = reader.batch_execute("DELETE FROM users").unwrap_err();
    assert!(error.to_string().contains("readonly"), "{error}");
}

#[test]
fn a_read_waits_for_a_reader_no_longer_than_configured() {
    let folder = tempfile::tempdir().unwrap();
    let db = SqliteDatabase::open(SqliteConfig {
        readers: 1,
        busy_timeout: Duration::from_secs(2),
        ..SqliteConfig::new(folder.path().join("kms.db"))
    })
    .unwrap();
    let users = SqliteUserRepository::new(&db);
    let taken = db.reader().unwrap();
    let error = users.find_profile(user_id(1)).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    drop(taken);
    assert_eq!(users.find_profile(user_id(1)).unwrap(), None);
}

#[test]
fn every_reader_sees_what_was_just_acknowledged() {
    let scene = scene();
    let users = SqliteUserRepository::new(&scene.db);
    for n in 0..50 {
        users.register(&a_user(n)).unwrap();
        let mut readers: Vec<_> = (0..3).map(|_| scene.db.reader().unwrap()).collect();
        for reader in &mut readers {
            let row: Number = sql_query("SELECT count(*) AS n FROM users")
                .get_result(&mut ***reader)
                .unwrap();
            assert_eq!(row.n, i64::from(n) + 1);
        }
    }
}

#[test]
fn one_of_64_simultaneous_registrations_of_a_phone_creates() {
    let scene = scene();
    let users = SqliteUserRepository::new(&scene.db);
    let line = Barrier::new(64);
    let created = thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|n| {
                let (users, line) = (&users, &line);
                scope.spawn(move || {
                    let user = UserBuilder::new(n).phone("13800138000").build();
                    line.wait();
                    users.register(&user).unwrap() == Inserted::Created
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap())
            .filter(|created| *created)
            .count()
    });
    assert_eq!(created, 1);
    assert_eq!(scene.count("users"), 1);
}

#[test]
fn a_thousand_attaches_of_the_same_bytes_make_one_live_blob() {
    let scene = scene();
    SqliteUserRepository::new(&scene.db)
        .register(&a_user(1))
        .unwrap();
    let files = SqliteFileRepository::new(&scene.db);
    let line = Barrier::new(50);
    let stored: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..50)
            .map(|_| {
                let (files, line) = (&files, &line);
                scope.spawn(move || {
                    line.wait();
                    (0..20)
                        .map(|_| {
                            let file = a_file(user_id(1), b"same").build();
                            files.attach(&file, &a_blob(b"same").build()).unwrap()
                        })
                        .filter(|attached| *attached == Attached::Stored)
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(stored, 1);
    assert_eq!(scene.count("blobs"), 1);
    assert_eq!(scene.count("files"), 1000);
}

#[test]
fn bytes_offered_twice_under_one_key_are_not_called_surplus() {
    let scene = scene();
    SqliteUserRepository::new(&scene.db)
        .register(&a_user(1))
        .unwrap();
    let files = SqliteFileRepository::new(&scene.db);
    let blob = a_blob(b"same").build();
    for _ in 0..2 {
        let file = a_file(user_id(1), b"same").build();
        assert_eq!(files.attach(&file, &blob).unwrap(), Attached::Stored);
    }
}

#[test]
fn one_digest_with_two_sizes_is_refused() {
    let scene = scene();
    SqliteUserRepository::new(&scene.db)
        .register(&a_user(1))
        .unwrap();
    let files = SqliteFileRepository::new(&scene.db);
    let attach = |blob| files.attach(&a_file(user_id(1), b"same").build(), &blob);
    attach(a_blob(b"same").build()).unwrap();
    let error = attach(a_blob(b"same").size(5).build()).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Internal);
    assert_eq!(scene.count("files"), 1);
}

fn scene_with_a_file() -> Scene {
    let scene = scene();
    SqliteUserRepository::new(&scene.db)
        .register(&a_user(1))
        .unwrap();
    let file = a_file(user_id(1), b"bytes").build();
    let files = SqliteFileRepository::new(&scene.db);
    files.attach(&file, &a_blob(b"bytes").build()).unwrap();
    scene
}

const ANOTHER_FILE: &str = "INSERT INTO files (id, owner, title, md5, blob_id, public, created_at) \
    SELECT zeroblob(16), owner, title, md5, blob_id, public, created_at FROM files LIMIT 1";

#[test]
fn the_database_refuses_to_doom_a_blob_that_is_referred_to() {
    let scene = scene_with_a_file();
    let refusal = Err("FOREIGN KEY constraint failed".to_owned());
    assert_eq!(scene.execute("UPDATE blobs SET state = 'doomed'"), refusal);
    assert_eq!(scene.execute("DELETE FROM blobs"), refusal);
    scene.execute("DELETE FROM files").unwrap();
    scene.execute("UPDATE blobs SET state = 'doomed'").unwrap();
}

#[test]
fn the_database_refuses_to_doom_the_blob_of_an_avatar() {
    let scene = scene_with_a_file();
    scene
        .execute(
            "INSERT INTO avatars (user_id, blob_id, updated_at) SELECT owner, blob_id, 0 FROM files; \
             DELETE FROM files",
        )
        .unwrap();
    let refusal = Err("FOREIGN KEY constraint failed".to_owned());
    assert_eq!(scene.execute("UPDATE blobs SET state = 'doomed'"), refusal);
}

#[test]
fn the_database_refuses_to_refer_to_a_doomed_blob() {
    let scene = scene_with_a_file();
    scene
        .execute(
            "INSERT INTO blobs (sha256, size, store_key, state, created_at) \
             VALUES (zeroblob(32), 1, 'gone', 'doomed', 0)",
        )
        .unwrap();
    let doomed = "(SELECT id FROM blobs WHERE state = 'doomed')";
    let refer = format!("UPDATE files SET blob_id = {doomed}");
    assert_eq!(
        scene.execute(&refer),
        Err("FOREIGN KEY constraint failed".to_owned())
    );
    let lie = format!("UPDATE files SET blob_id = {doomed}, blob_state = 'doomed'");
    assert!(
        scene
            .execute(&lie)
            .unwrap_err()
            .contains("CHECK constraint failed")
    );
    scene.execute(ANOTHER_FILE).unwrap();
}

#[test]
fn a_doomed_blob_stays_doomed_and_leaves_its_digest_free() {
    let scene = scene_with_a_file();
    scene
        .execute("DELETE FROM files; UPDATE blobs SET state = 'doomed'")
        .unwrap();
    let revived = scene
        .execute("UPDATE blobs SET state = 'live'")
        .unwrap_err();
    assert!(revived.contains("never turns live"), "{revived}");
    let files = SqliteFileRepository::new(&scene.db);
    let file = a_file(user_id(1), b"bytes").build();
    let attached = files.attach(&file, &a_blob(b"bytes").build()).unwrap();
    assert_eq!(attached, Attached::Stored);
    assert_eq!(scene.count("blobs"), 2);
}

#[test]
fn a_row_that_the_server_cannot_have_written_is_an_error_that_names_it() {
    let scene = scene();
    let users = SqliteUserRepository::new(&scene.db);
    users.register(&a_user(1)).unwrap();
    scene
        .execute("UPDATE users SET phone = 'not a phone'")
        .unwrap();
    let error = users.find_profile(user_id(1)).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Internal);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("users"), "{cause}");
    assert!(
        cause.contains(&user_id(1).as_uuid().simple().to_string()),
        "{cause}"
    );
}

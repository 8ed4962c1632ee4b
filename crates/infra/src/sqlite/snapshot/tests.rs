use kms_domain::users::UserRepository;
use kms_testkit::builders::a_user;

use super::super::{SqliteConfig, SqliteDatabase, SqliteUserRepository};
use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

fn insert(conn: &mut SqliteConnection, first: u8, state: &str) -> Content {
    let sha256 = Sha256::from_bytes([first; 32]);
    let key = format!("{sha256}-{first:032x}");
    sql_query(format!(
        "INSERT INTO blobs (id, sha256, size, store_key, state, created_at) \
         VALUES ({first}, x'{sha256}', 10, '{key}', '{state}', 0)"
    ))
    .execute(conn)
    .unwrap();
    Content {
        id: first.into(),
        sha256,
        size: 10,
        key: BlobKey::parse(&key).unwrap(),
    }
}

/// A database in which an entry and an avatar refer to two of four contents.
fn database(folder: &Path) -> (PathBuf, [Content; 4]) {
    let path = folder.join("kms.db");
    let db = SqliteDatabase::open(SqliteConfig::new(&path)).unwrap();
    SqliteUserRepository::new(&db).register(&a_user(1)).unwrap();
    drop(db);
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    let contents = [(1, "live"), (2, "live"), (3, "live"), (4, "doomed")]
        .map(|(first, state)| insert(&mut conn, first, state));
    conn.batch_execute(
        "INSERT INTO files (id, owner, title, md5, blob_id, public, created_at)
         SELECT randomblob(16), id, 'a', randomblob(16), 2, 1, 0 FROM users;
         INSERT INTO avatars (user_id, blob_id, updated_at) SELECT id, 1, 0 FROM users;
         INSERT INTO sessions (id, user_id, token_sha256, created_at, last_used_at)
         SELECT randomblob(16), id, randomblob(32), 0, 0 FROM users;",
    )
    .unwrap();
    (path, contents)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(path: &Path, query: &str) -> i64 {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let row: Count = sql_query(format!("SELECT count(*) AS count FROM {query}"))
        .get_result(&mut conn)
        .unwrap();
    row.count
}

#[test]
fn a_saved_state_tells_the_contents_that_rows_refer_to_and_no_others() {
    let temp = tempfile::tempdir().unwrap();
    // What has a meaning in an address.
    let folder = temp.path().join("a%20b?c#d");
    std::fs::create_dir(&folder).unwrap();
    let (path, [first, second, ..]) = database(&folder);
    let mut live = LiveDatabase::open(&path, TIMEOUT).unwrap();
    let copy = folder.join("copy.db");
    live.save_to(&copy).unwrap();
    let mut saved = SavedDatabase::open(&copy).unwrap();
    saved.check().unwrap();
    assert_eq!(saved.totals().unwrap(), (2, 20));
    assert_eq!(
        saved.contents(None, 10).unwrap(),
        [first.clone(), second.clone()]
    );
    assert_eq!(
        saved.contents(None, 1).unwrap(),
        std::slice::from_ref(&first)
    );
    assert_eq!(saved.contents(Some(&first.sha256), 10).unwrap(), [second]);
    drop(saved);
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_str().unwrap().starts_with("copy"))
        .collect();
    assert_eq!(names.pop().unwrap(), "copy.db");
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn saving_waits_for_no_writer_and_no_writer_waits_for_it() {
    let temp = tempfile::tempdir().unwrap();
    let (path, _) = database(temp.path());
    let mut writer = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE files SET title = 'b'")
        .unwrap();
    let copy = temp.path().join("copy.db");
    let mut live = LiveDatabase::open(&path, Duration::ZERO).unwrap();
    live.save_to(&copy).unwrap();
    writer.batch_execute("COMMIT").unwrap();
    assert_eq!(count(&copy, "files WHERE title = 'a'"), 1);
}

#[test]
fn content_is_found_where_it_went() {
    let temp = tempfile::tempdir().unwrap();
    let (path, [first, second, third, doomed]) = database(temp.path());
    let mut live = LiveDatabase::open(&path, TIMEOUT).unwrap();
    assert!(live.keys_of(&first).unwrap().contains(&first.key));
    assert!(live.keys_of(&doomed).unwrap().contains(&doomed.key));
    let moved = format!("{}-{:032x}", second.sha256, 99);
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(&format!(
        "UPDATE blobs SET store_key = '{moved}' WHERE id = 2; DELETE FROM blobs WHERE id = 3"
    ))
    .unwrap();
    assert_eq!(live.keys_of(&second).unwrap()[0].as_str(), moved);
    assert!(live.keys_of(&third).unwrap().is_empty());
}

#[test]
fn a_finished_copy_has_new_keys_and_neither_sessions_nor_content_that_nobody_refers_to() {
    let temp = tempfile::tempdir().unwrap();
    let (path, [first, second, ..]) = database(temp.path());
    let mut copy = SavedDatabase::open_copy(&path).unwrap();
    let key = BlobKey::parse(&format!("{}-{:032x}", first.sha256, 99)).unwrap();
    copy.moved(&first.sha256, &key).unwrap();
    copy.lost(&second.sha256, Timestamp::from_millis(5))
        .unwrap();
    copy.finish().unwrap();
    assert_eq!(count(&path, "sessions"), 0);
    assert_eq!(count(&path, "blobs"), 2);
    let moved = format!("blobs WHERE id = 1 AND store_key = '{key}' AND damaged_at IS NULL");
    assert_eq!(count(&path, &moved), 1);
    assert_eq!(count(&path, "blobs WHERE id = 2 AND damaged_at = 5"), 1);
}

#[test]
fn a_table_that_is_new_counts_as_well() {
    let temp = tempfile::tempdir().unwrap();
    let (path, _) = database(temp.path());
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(
        "CREATE TABLE \"pins \"\"of\"\" people\" (blob INTEGER REFERENCES blobs (id));
         INSERT INTO \"pins \"\"of\"\" people\" VALUES (3)",
    )
    .unwrap();
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut saved = SavedDatabase::open(&path).unwrap();
    assert_eq!(saved.totals().unwrap(), (3, 30));
}

#[test]
fn a_dangling_reference_and_a_missing_file_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let (path, _) = database(temp.path());
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    conn.batch_execute("DELETE FROM blobs WHERE id = 1")
        .unwrap();
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let error = SavedDatabase::open(&path).unwrap().check().unwrap_err();
    assert!(error.to_string().contains("avatars"), "{error}");
    for found in [
        SavedDatabase::open(&temp.path().join("none")).err(),
        LiveDatabase::open(&temp.path().join("none"), TIMEOUT).err(),
    ] {
        assert!(matches!(found, Some(SnapshotError::File(_))), "{found:?}");
    }
    assert!(!temp.path().join("none").exists());
}

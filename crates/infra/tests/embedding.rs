//! The example of embedding does what it says.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::ops::ControlFlow;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use kms_domain::upkeep::CollectionPolicy;
use kms_infra::{Installation, Rules};

#[path = "../examples/embed.rs"]
#[allow(dead_code, reason = "its main is the example's")]
mod embed;

#[test]
fn the_example_stores_a_file_and_reads_it_back_also_in_a_folder_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let read = embed::embed(&folder.path().join("data")).unwrap();
        assert_eq!(read, "hello.txt: Hello, store.");
    }
}

#[test]
fn what_an_embedder_deletes_is_on_disk_until_it_is_purged_and_collected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    embed::embed(&path).unwrap();
    let installation = Installation::open(&path).unwrap();
    let execute = |sql: &str| {
        let file = installation.data.database_path();
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        conn.batch_execute(sql).unwrap();
    };
    execute(
        "INSERT INTO trash (seq, id, owner, title, md5, blob_id, public, created_at, deleted_at) \
         SELECT seq, id, owner, title, md5, blob_id, public, created_at, 0 FROM files; \
         DELETE FROM files",
    );
    let policy = CollectionPolicy {
        grace: 0,
        stray_age: i64::MAX,
        trash_age: i64::MAX,
        exclusive: true,
    };
    let mut go_on = || ControlFlow::Continue(());
    let mut collect = || installation.collector(policy).collect(&mut go_on).removed;
    assert_eq!(collect(), 0, "it is in the trash");
    let purger = installation.purger(&Rules::default());
    let purged = purger.purge(&mut || ControlFlow::Continue(())).unwrap();
    assert_eq!(purged, 1);
    assert_eq!(collect(), 1);
}

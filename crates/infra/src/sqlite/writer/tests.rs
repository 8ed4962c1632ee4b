use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use diesel::connection::Connection;
use diesel::result::DatabaseErrorKind;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use tempfile::TempDir;

use super::super::connection::{Role, set_up};
use super::super::error::During;
use super::super::journal::checkpoint;
use super::*;

struct Scene {
    folder: TempDir,
    writer: Writer,
}

/// Queues a job, whose result arrives at the receiver.
fn submit<T: Send + 'static>(
    writer: &Writer,
    operation: &'static str,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqliteError> + Send + 'static,
) -> Receiver<Result<T, SqliteError>> {
    let (sender, answer) = channel();
    writer.submit(
        Terms::new(operation, Undo::Savepoint),
        work,
        move |result| {
            let _ = sender.send(result);
        },
    );
    answer
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Scene {
    fn new(queue: usize, commit: Commit) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = connect(&folder);
        conn.batch_execute("CREATE TABLE t (n INTEGER NOT NULL UNIQUE) STRICT")
            .unwrap();
        let journal = Journal::start(connect(&folder), None, Duration::ZERO, checkpoint).unwrap();
        let bounds = Bounds { queue, group: 256 };
        let writer = Writer::start(conn, journal, bounds, commit).unwrap();
        Self { folder, writer }
    }

    /// What a fresh connection finds, in order.
    fn stored(&self) -> Vec<i64> {
        let rows: Vec<Number> = sql_query("SELECT n FROM t ORDER BY n")
            .load(&mut connect(&self.folder))
            .unwrap();
        rows.into_iter().map(|row| row.n).collect()
    }

    /// Keeps the writer busy until the answer is dropped or sent to, so that what is submitted
    /// meanwhile is one group.
    fn occupy(&self) -> Sender<()> {
        let (started, wait_for_start) = channel();
        let (release, released) = channel();
        let job = move |_: &mut SqliteConnection| {
            started.send(()).unwrap();
            let _ = released.recv();
            Ok(())
        };
        let _ = submit(&self.writer, "occupy", job);
        wait_for_start.recv().unwrap();
        release
    }

    fn insert(&self, n: i64) -> Result<(), SqliteError> {
        self.writer.run("insert", move |conn| insert(conn, n))
    }
}

fn connect(folder: &TempDir) -> SqliteConnection {
    let path = folder.path().join("test.db");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    set_up(&mut conn, Role::Writer, Duration::ZERO).unwrap();
    conn
}

fn insert(conn: &mut SqliteConnection, n: i64) -> Result<(), SqliteError> {
    sql_query(format!("INSERT INTO t VALUES ({n})"))
        .execute(conn)
        .during("insert")?;
    Ok(())
}

fn refusal(text: &str) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
}

#[test]
fn jobs_that_queued_up_share_one_commit() {
    static COMMITS: AtomicUsize = AtomicUsize::new(0);
    let scene = Scene::new(100, |conn| {
        COMMITS.fetch_add(1, Ordering::SeqCst);
        commit(conn)
    });
    let release = scene.occupy();
    let answers: Vec<_> = (0..50)
        .map(|n| submit(&scene.writer, "insert", move |conn| insert(conn, n)))
        .collect();
    drop(release);
    for answer in answers {
        answer.recv().unwrap().unwrap();
    }
    assert_eq!(COMMITS.load(Ordering::SeqCst), 2);
    assert_eq!(scene.stored(), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_job_that_fails_or_panics_undoes_itself_and_no_neighbour() {
    let scene = Scene::new(10, commit);
    let release = scene.occupy();
    let before = submit(&scene.writer, "before", |conn| insert(conn, 1));
    let failing = submit(&scene.writer, "failing", |conn| {
        insert(conn, 2)?;
        insert(conn, 1)
    });
    let panicking = submit(&scene.writer, "panicking", |conn| {
        insert(conn, 3)?;
        if true {
            panic!("half way");
        }
        Ok(())
    });
    let after = submit(&scene.writer, "after", |conn| insert(conn, 4));
    drop(release);

    before.recv().unwrap().unwrap();
    let error = failing.recv().unwrap().unwrap_err();
    assert!(matches!(error, SqliteError::Query { .. }), "{error:?}");
    let error = panicking.recv().unwrap().unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Internal);
    assert_eq!(error.to_string(), "panicking: the job panicked: half way");
    after.recv().unwrap().unwrap();
    assert_eq!(scene.stored(), [1, 4]);
}

#[test]
fn a_failed_commit_fails_every_job_of_the_group_and_stores_nothing() {
    static COMMITS: AtomicUsize = AtomicUsize::new(0);
    let scene = Scene::new(10, |conn| match COMMITS.fetch_add(1, Ordering::SeqCst) {
        1 => Err(refusal("database or disk is full")),
        _ => commit(conn),
    });
    let release = scene.occupy();
    let answers = [1, 2].map(|n| submit(&scene.writer, "insert", move |conn| insert(conn, n)));
    drop(release);
    for answer in answers {
        let error = answer.recv().unwrap().unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::StorageFull, "{error:?}");
    }
    assert_eq!(scene.stored(), []);
    scene.insert(3).unwrap();
    assert_eq!(scene.stored(), [3]);
}

#[test]
fn after_an_io_error_of_a_commit_no_write_succeeds() {
    static COMMITS: AtomicUsize = AtomicUsize::new(0);
    let scene = Scene::new(10, |conn| match COMMITS.fetch_add(1, Ordering::SeqCst) {
        0 => Err(refusal("disk I/O error")),
        _ => commit(conn),
    });
    let error = scene.insert(1).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Internal);
    for n in 2..5 {
        let error = scene.insert(n).unwrap_err();
        assert!(matches!(error, SqliteError::Poisoned), "{error:?}");
    }
    assert_eq!(COMMITS.load(Ordering::SeqCst), 1);
    assert_eq!(scene.stored(), []);
}

#[test]
fn a_full_disk_is_told_as_such_and_passes() {
    let scene = Scene::new(10, commit);
    let job = |conn: &mut SqliteConnection| {
        conn.batch_execute("CREATE TABLE big (bytes BLOB)")
            .during("")?;
        conn.batch_execute("PRAGMA max_page_count = 10").during("")
    };
    scene.writer.run("limit", job).unwrap();
    let big = |conn: &mut SqliteConnection| {
        conn.batch_execute("INSERT INTO big VALUES (zeroblob(1000000))")
            .during("big")
    };
    let error = scene.writer.run("big", big).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::StorageFull, "{error:?}");
    scene.insert(1).unwrap();
    assert_eq!(scene.stored(), [1]);
}

#[test]
fn when_sqlite_gives_up_the_transaction_all_of_it_fails_and_the_next_one_works() {
    let scene = Scene::new(10, commit);
    let release = scene.occupy();
    let neighbour = submit(&scene.writer, "neighbour", |conn| insert(conn, 1));
    // What SQLite does by itself after some errors.
    let culprit = |conn: &mut SqliteConnection| -> Result<(), SqliteError> {
        conn.batch_execute("ROLLBACK").during("give up")?;
        Err(refusal("database or disk is full")).during("culprit")
    };
    let culprit = submit(&scene.writer, "culprit", culprit);
    let later = submit(&scene.writer, "later", |conn| insert(conn, 2));
    drop(release);
    for answer in [neighbour, culprit, later] {
        let error = answer.recv().unwrap().unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::StorageFull, "{error:?}");
    }
    assert_eq!(scene.stored(), []);
    scene.insert(3).unwrap();
    assert_eq!(scene.stored(), [3]);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let scene = Scene::new(1, commit);
    let release = scene.occupy();
    let queued = submit(&scene.writer, "queued", |conn| insert(conn, 1));
    let error = scene.insert(2).unwrap_err();
    assert!(matches!(error, SqliteError::QueueFull), "{error:?}");
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    drop(release);
    queued.recv().unwrap().unwrap();
    assert_eq!(scene.stored(), [1]);
}

#[test]
fn dropping_the_writer_finishes_what_is_queued() {
    let scene = Scene::new(20, commit);
    let release = scene.occupy();
    let answers: Vec<_> = (0..10)
        .map(|n| submit(&scene.writer, "insert", move |conn| insert(conn, n)))
        .collect();
    drop(release);
    let Scene { folder, writer } = scene;
    drop(writer);
    for answer in answers {
        answer.try_recv().unwrap().unwrap();
    }
    let found: Number = sql_query("SELECT count(*) AS n FROM t")
        .get_result(&mut connect(&folder))
        .unwrap();
    assert_eq!(found.n, 10);
}

#[test]
fn a_lock_held_by_somebody_else_is_busy_and_not_broken() {
    let scene = Scene::new(10, commit);
    let mut other = connect(&scene.folder);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let error = scene.insert(1).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{error:?}");
    other.batch_execute("ROLLBACK").unwrap();
    scene.insert(1).unwrap();
    assert_eq!(scene.stored(), [1]);
}

#[test]
fn a_single_statement_that_meets_a_constraint_undoes_itself_and_no_neighbour() {
    let scene = Scene::new(10, commit);
    scene.insert(2).unwrap();
    let release = scene.occupy();
    let answers: Vec<_> = [1, 2, 3]
        .map(|n| {
            let (sender, answer) = channel();
            let work = move |conn: &mut SqliteConnection| insert(conn, n);
            scene
                .writer
                .submit(Terms::new("insert", Undo::Statement), work, move |result| {
                    sender.send(result).unwrap();
                });
            answer
        })
        .into();
    drop(release);
    let stored: Vec<bool> = answers.iter().map(|a| a.recv().unwrap().is_ok()).collect();
    assert_eq!(stored, [true, false, true]);
    assert_eq!(scene.stored(), [1, 2, 3]);
}

/// Nobody knows what SQLite has rolled back after such a failure.
#[test]
fn a_single_statement_that_fails_otherwise_takes_its_group_along() {
    let scene = Scene::new(10, commit);
    let release = scene.occupy();
    let before = submit(&scene.writer, "before", |conn| insert(conn, 1));
    let (sender, failed) = channel();
    let work = |conn: &mut SqliteConnection| {
        conn.batch_execute("no SQL").during("failing")?;
        Ok(())
    };
    scene.writer.submit(
        Terms::new("failing", Undo::Statement),
        work,
        move |result| {
            sender.send(result).unwrap();
        },
    );
    let after = submit(&scene.writer, "after", |conn| insert(conn, 2));
    drop(release);
    before.recv().unwrap().unwrap_err();
    failed.recv().unwrap().unwrap_err();
    after.recv().unwrap().unwrap_err();
    assert_eq!(scene.stored(), []);
    scene.insert(3).unwrap();
    assert_eq!(scene.stored(), [3]);
}

#[test]
fn a_reply_that_panics_takes_nobody_along() {
    let scene = Scene::new(10, commit);
    let work = |conn: &mut SqliteConnection| insert(conn, 1);
    scene
        .writer
        .submit(Terms::new("insert", Undo::Savepoint), work, |_| {
            panic!("as ordered")
        });
    scene.insert(2).unwrap();
    assert_eq!(scene.stored(), [1, 2]);
}

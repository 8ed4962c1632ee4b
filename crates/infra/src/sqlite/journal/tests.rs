use std::fs;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{Connection, SimpleConnection};
use diesel::result::DatabaseErrorKind;
use diesel::result::Error as DieselError;
use tempfile::TempDir;

use super::super::connection::{Role, set_up};
use super::super::error::{During, SqliteError};
use super::super::writer::{Bounds, Terms, Undo, Writer, commit};
use super::*;

const BUSY: Duration = Duration::from_secs(5);

struct Scene {
    // Dropped first.
    writer: Writer,
    folder: TempDir,
}

impl Scene {
    fn new(checkpoint: Checkpoint) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = connect(&folder, Role::Writer);
        conn.batch_execute("CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
            .unwrap();
        let journal =
            Journal::start(connect(&folder, Role::Writer), None, BUSY, checkpoint).unwrap();
        let bounds = Bounds {
            queue: 64,
            group: 64,
        };
        let writer = Writer::start(conn, journal, bounds, commit).unwrap();
        Self { writer, folder }
    }

    /// Writes some `pages`, a few at a time.
    fn write(&self, pages: usize) -> Result<(), SqliteError> {
        for _ in 0..pages / 10 {
            self.writer.run("write", insert)?;
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        size(&self.folder)
    }

    fn connect(&self) -> SqliteConnection {
        connect(&self.folder, Role::Reader)
    }

    /// Writes until `enough`, at most for some ten thousand pages.
    fn write_until(&self, enough: impl Fn() -> bool) {
        for _ in 0..500 {
            if enough() {
                return;
            }
            self.write(200).unwrap();
        }
        panic!("not in 100,000 pages");
    }
}

/// Ten pages.
fn insert(conn: &mut SqliteConnection) -> Result<(), SqliteError> {
    conn.batch_execute("INSERT INTO t (bytes) VALUES (zeroblob(38000))")
        .during("insert")
}

fn connect(folder: &TempDir, role: Role) -> SqliteConnection {
    let path = folder.path().join("test.db");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    set_up(&mut conn, role, BUSY).unwrap();
    conn
}

fn size(folder: &TempDir) -> u64 {
    fs::metadata(folder.path().join("test.db-wal")).map_or(0, |wal| wal.len())
}

fn refusal(text: &str) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
}

fn count(conn: &mut SqliteConnection) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let row: Count = sql_query("SELECT count(*) AS n FROM t")
        .get_result(conn)
        .unwrap();
    row.n
}

/// However busy the machine is: no reader and no writer ever pauses, and it happens all the same.
#[test]
fn the_journal_is_begun_anew_again_and_again_under_constant_load_with_readers() {
    static PAGES: AtomicI64 = AtomicI64::new(0);
    static BEGUN_ANEW: AtomicUsize = AtomicUsize::new(0);
    fn watched(conn: &mut SqliteConnection, step: Step) -> QueryResult<Progress> {
        let progress = checkpoint(conn, step)?;
        if step == Step::Look && progress.pages < PAGES.swap(progress.pages, Ordering::SeqCst) {
            BEGUN_ANEW.fetch_add(1, Ordering::SeqCst);
        }
        Ok(progress)
    }
    let scene = Scene::new(watched);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut conn = scene.connect();
                while !done.load(Ordering::SeqCst) {
                    conn.batch_execute("SELECT sum(length(bytes)) FROM t WHERE n < 10")
                        .unwrap();
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    scene.write(100).unwrap();
                }
            });
        }
        // Also when it panics, so that the others end.
        let _end = End(&done);
        scene.write_until(|| BEGUN_ANEW.load(Ordering::SeqCst) >= 3);
    });
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_reader_that_takes_long_makes_it_grow_and_its_end_makes_it_shrink() {
    let scene = Scene::new(checkpoint);
    scene.write(10).unwrap();
    let mut reader = scene.connect();
    reader.batch_execute("BEGIN").unwrap();
    assert_eq!(count(&mut reader), 1);
    let large = u64::from(super::super::connection::JOURNAL_SIZE_LIMIT) + 1024 * 1024;
    scene.write_until(|| scene.size() > large);
    assert_eq!(count(&mut reader), 1);
    reader.batch_execute("ROLLBACK").unwrap();
    scene.write_until(|| scene.size() < large);
}

#[test]
fn what_is_in_the_journal_is_in_the_database_after_the_end() {
    let scene = Scene::new(checkpoint);
    scene.write(10_000).unwrap();
    let Scene { writer, folder } = scene;
    drop(writer);
    assert_eq!(size(&folder), 0);
    assert_eq!(count(&mut connect(&folder, Role::Reader)), 1_000);
}

/// A checkpoint fails on the thread, or in the last step: either way nothing is acknowledged from then
/// on, and the journal is left as it is.
#[test]
fn after_an_io_error_of_a_checkpoint_no_write_succeeds() {
    static FAILED: AtomicUsize = AtomicUsize::new(0);
    fn on(name: &str, conn: &mut SqliteConnection, step: Step) -> QueryResult<Progress> {
        if step != Step::Look && thread::current().name() == Some(name) {
            FAILED.fetch_add(1, Ordering::SeqCst);
            return Err(refusal("disk I/O error"));
        }
        checkpoint(conn, step)
    }
    let places: [Checkpoint; 2] = [
        |conn, step| on("sqlite-journal", conn, step),
        |conn, step| on("sqlite-writer", conn, step),
    ];
    for place in places {
        FAILED.store(0, Ordering::SeqCst);
        let scene = Scene::new(place);
        let error = scene.write(100_000).unwrap_err();
        assert!(matches!(error, SqliteError::Poisoned), "{error:?}");
        assert_eq!(error.kind(), PortErrorKind::Internal);
        for _ in 0..100 {
            scene.write(10).unwrap_err();
        }
        assert_eq!(FAILED.load(Ordering::SeqCst), 1);
        let rows = count(&mut scene.connect());
        let Scene { writer, folder } = scene;
        drop(writer);
        assert!(size(&folder) > 0, "the journal is gone");
        assert_eq!(count(&mut connect(&folder, Role::Reader)), rows);
    }
}

#[test]
fn a_lock_or_a_full_disk_is_no_reason_to_stop() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let scene = Scene::new(|conn, step| {
        if step == Step::Look {
            return checkpoint(conn, step);
        }
        match CALLS.fetch_add(1, Ordering::SeqCst) {
            0 => Err(refusal("database is locked")),
            1 => Err(refusal("database or disk is full")),
            _ => checkpoint(conn, step),
        }
    });
    scene.write_until(|| CALLS.load(Ordering::SeqCst) > 3);
    scene.write(10).unwrap();
}

#[test]
fn the_writer_copies_by_itself_when_the_thread_is_gone() {
    let scene = Scene::new(|conn, step| match thread::current().name() {
        Some("sqlite-journal") => panic!("on purpose"),
        _ => checkpoint(conn, step),
    });
    scene.write(40_000).unwrap();
    // Nobody reads, so it never has to be much longer than when it is begun anew.
    let most = 4 * LONG.unsigned_abs() * 4120;
    assert!(scene.size() <= most, "{}", scene.size());
}

#[test]
fn a_commit_that_was_under_way_when_a_checkpoint_failed_is_not_acknowledged() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    let scene = Scene::new(|conn, step| {
        if step != Step::Look {
            BROKEN.store(true, Ordering::SeqCst);
            return Err(refusal("disk I/O error"));
        }
        checkpoint(conn, step)
    });
    let (sender, answers) = channel();
    let mut begun_before = true;
    for _ in 0..2_000 {
        let sender = sender.clone();
        let work = |conn: &mut SqliteConnection| {
            insert(conn)?;
            // As if the sync took this long.
            let patience = Instant::now() + Duration::from_millis(1);
            while Instant::now() < patience {
                thread::yield_now();
            }
            Ok(())
        };
        begun_before &= !BROKEN.load(Ordering::SeqCst);
        scene
            .writer
            .submit(Terms::new("write", Undo::Savepoint), work, move |result| {
                let _ = sender.send(result.is_ok());
            });
        let stored = answers.recv().unwrap();
        if !begun_before {
            assert!(!stored);
            return;
        }
    }
    panic!("the checkpoint never failed");
}

/// How often the thread of the test below has looked.
static LOOKS: AtomicUsize = AtomicUsize::new(0);

fn counted(conn: &mut SqliteConnection, step: Step) -> QueryResult<Progress> {
    let progress = checkpoint(conn, step);
    LOOKS.fetch_add(1, Ordering::SeqCst);
    progress
}

#[test]
fn a_sync_beside_the_writer_that_fails_ends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = connect(&folder, Role::Writer);
    // Nobody can sync that.
    let file = File::open("/dev/null").unwrap();
    assert!(file.sync_data().is_err());
    let own = connect(&folder, Role::Writer);
    let mut journal = Journal::start(own, Some(file), BUSY, counted).unwrap();
    let mut commit_until = |is_synced, is_over: &dyn Fn(&Journal) -> bool| {
        let begun = Instant::now();
        while !is_over(&journal) {
            assert!(begun.elapsed() < BUSY, "the thread does nothing");
            journal.committed(JOBS, is_synced, &mut conn);
            std::thread::yield_now();
        }
        journal.is_broken()
    };
    // It syncs before it looks: nothing, where all was synced.
    assert!(!commit_until(true, &|_| LOOKS.load(Ordering::SeqCst) > 0));
    assert!(commit_until(false, &|journal| journal.is_broken()));
}

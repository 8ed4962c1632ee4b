use std::sync::mpsc::{Receiver, Sender, channel};

use diesel::sql_query;
use diesel::sql_types::BigInt;
use kms_domain::PortErrorKind;
use kms_domain::files::{
    Attached, FileRepository as _, Quota, Settle, Settling, UsageRepository as _,
};
use kms_domain::users::UserRepository as _;
use kms_testkit::builders::{a_blob, a_file, a_user, user_id};
use tempfile::TempDir;

use super::super::{
    SqliteConfig, SqliteFileRepository, SqliteUsageRepository, SqliteUserRepository,
};
use super::*;

const LOG: &str = "log";

struct Scene {
    db: SqliteDatabase,
    files: SqliteFileRepository,
    _folder: TempDir,
}

/// A database with a user, and a log that was begun.
fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let db = SqliteDatabase::open(SqliteConfig::new(folder.path().join("kms.db"))).unwrap();
    SqliteUserRepository::new(&db).register(&a_user(1)).unwrap();
    db.begin(LOG).unwrap();
    Scene {
        files: SqliteFileRepository::new(&db),
        db,
        _folder: folder,
    }
}

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn value(conn: &mut SqliteConnection, sql: &str) -> i64 {
    sql_query(sql).get_result::<Value>(conn).unwrap().value
}

fn noted(log: &str, position: u64) -> Noted {
    Noted {
        mark: RedoMark {
            log: log.to_owned(),
            position,
        },
        settling: Settling::done(),
    }
}

type Answer = Receiver<Result<bool, PortError>>;

impl Scene {
    /// Queues a job that answers whether its group is synced.
    fn ask(&self, noted: Option<Noted>, needs_sync: fn(&bool) -> bool) -> Answer {
        let (sender, answer) = channel();
        let terms = Terms {
            noted,
            needs_sync,
            ..Terms::new("ask", Undo::Statement)
        };
        let ask = |conn: &mut SqliteConnection| {
            let level = "SELECT synchronous AS value FROM pragma_synchronous";
            Ok(value(conn, level) == 2)
        };
        let told = move |answer| sender.send(answer).unwrap();
        self.db.write_then(terms, ask, Box::new(told));
        answer
    }

    /// What [`ask`](Self::ask) says of a noted job by itself.
    fn is_synced(&self, position: u64) -> bool {
        let answer = self.ask(Some(noted(LOG, position)), |_| false);
        answer.recv().unwrap().unwrap()
    }

    /// Keeps the writer busy until the sender is dropped.
    fn occupy(&self) -> Sender<()> {
        let (started, wait_for_start) = channel();
        let (release, released) = channel::<()>();
        let wait = move |_: &mut SqliteConnection| {
            started.send(()).unwrap();
            let _ = released.recv();
            Ok(())
        };
        let terms = Terms::new("occupy", Undo::Statement);
        self.db.write_then(terms, wait, Box::new(|_| {}));
        wait_for_start.recv().unwrap();
        release
    }

    /// How often something was committed for the sync alone.
    fn touched(&self) -> i64 {
        let last = "SELECT seq - (SELECT max(seq) FROM redo_logs) AS value \
                    FROM sqlite_sequence WHERE name = 'redo_logs'";
        self.db.read(|conn| Ok(value(conn, last))).unwrap()
    }

    fn position(&self) -> u64 {
        let logs = self.db.redo_logs().unwrap();
        assert_eq!(logs.len(), 1);
        logs[0].position
    }

    fn attach(&self, bytes: &[u8], position: u64, files: u64) -> Result<Attached, PortError> {
        let mut file = a_file(user_id(1), bytes).build();
        file.quota = Quota {
            files: Some(files),
            ..Quota::NONE
        };
        let blob = a_blob(bytes).noted(LOG, position, Settling::done()).build();
        self.files.attach(&file, &blob)
    }
}

#[test]
fn only_groups_of_noted_jobs_are_not_synced() {
    let scene = scene();
    assert!(!scene.is_synced(1));
    assert!(scene.ask(None, |_| true).recv().unwrap().unwrap());
    assert!(!scene.is_synced(2));
    let release = scene.occupy();
    let mixed = [Some(noted(LOG, 3)), None, Some(noted(LOG, 4))];
    let answers = mixed.map(|noted| scene.ask(noted, |_| false));
    drop(release);
    for answer in answers {
        assert!(answer.recv().unwrap().unwrap());
    }
    assert_eq!(scene.position(), 4);
    assert_eq!(scene.touched(), 0);
}

#[test]
fn what_was_not_plainly_stored_is_synced_before_it_is_answered() {
    let scene = scene();
    assert_eq!(scene.attach(b"x", 1, 9).unwrap(), Attached::Stored);
    assert_eq!(scene.touched(), 0);
    let replaced = scene.attach(b"x", 2, 9).unwrap();
    assert!(matches!(replaced, Attached::Replaced { .. }));
    assert_eq!(scene.touched(), 1);
    assert_eq!(scene.attach(b"y", 3, 2).unwrap(), Attached::OverQuota);
    assert_eq!(scene.touched(), 2);
    // Nobody: refused before anything was changed.
    let nobody = a_file(user_id(2), b"z").build();
    let blob = a_blob(b"z").noted(LOG, 4, Settling::done()).build();
    scene.files.attach(&nobody, &blob).unwrap_err();
    assert_eq!(scene.touched(), 3);
    assert_eq!(scene.position(), 4);
    let unknown = scene.ask(Some(noted("another log", 1)), |_| false);
    unknown.recv().unwrap().unwrap();
    assert_eq!(scene.touched(), 4);
}

#[test]
fn nothing_is_committed_before_its_record_is_durable() {
    let scene = scene();
    let (settle, settling) = Settling::new();
    let file = a_file(user_id(1), b"x").build();
    let blob = a_blob(b"x").noted(LOG, 1, settling).build();
    let (sender, attached) = channel();
    let told = Box::new(move |it| sender.send(it).unwrap());
    scene.files.attach_then(file.clone(), blob, told);
    // The writer waits: a job behind it is not answered.
    let later = scene.ask(None, |_| true);
    assert!(
        attached
            .recv_timeout(std::time::Duration::from_millis(50))
            .is_err()
    );
    let is_there = || {
        scene
            .files
            .find_readable(file.id, user_id(1))
            .unwrap()
            .is_some()
    };
    assert!(!is_there());
    settle.tell(Ok(()));
    assert_eq!(attached.recv().unwrap().unwrap(), Attached::Stored);
    assert!(is_there());
    later.recv().unwrap().unwrap();
}

/// Queues a noted job whose record is going to fail, and tells so when it is dropped.
fn unsettled(scene: &Scene, position: u64) -> (Settle, Answer) {
    let (settle, settling) = Settling::new();
    let noted = Noted {
        settling,
        ..noted(LOG, position)
    };
    (settle, scene.ask(Some(noted), |_| false))
}

#[test]
fn what_is_not_durable_fails_alone_among_others_and_the_next_group_is_synced() {
    let scene = scene();
    let full = Err(PortErrorKind::StorageFull);
    let release = scene.occupy();
    let (settle, failing) = unsettled(&scene, 1);
    let others = [Some(noted(LOG, 2)), None].map(|noted| scene.ask(noted, |_| false));
    settle.tell(full);
    drop(release);
    let error = failing.recv().unwrap().unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::StorageFull);
    for answer in others {
        answer.recv().unwrap().unwrap();
    }
    assert_eq!(scene.position(), 2);

    // Among its like the group is lost, and nothing of it is marked.
    let (settle, failing) = unsettled(&scene, 3);
    settle.tell(full);
    let error = failing.recv().unwrap().unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::StorageFull);
    assert_eq!(scene.position(), 2);
    // What it left undone is not to be done by the next start.
    assert!(scene.is_synced(4));
    assert!(!scene.is_synced(5));
    assert_eq!(scene.position(), 5);
}

#[test]
fn an_entry_of_a_note_is_stored_whatever_the_limits_are_and_once() {
    let scene = scene();
    assert_eq!(scene.attach(b"x", 1, 1).unwrap(), Attached::Stored);
    let mut file = a_file(user_id(1), b"y").build();
    file.quota = Quota {
        files: Some(1),
        bytes: Some(0),
    };
    let redo = |position| {
        let blob = a_blob(b"y").noted(LOG, position, Settling::done()).build();
        scene.db.redo(file.clone(), blob).unwrap()
    };
    assert_eq!(redo(2), Ok(true));
    assert_eq!(redo(3), Ok(false));
    assert_eq!(scene.position(), 3);
    let usage = SqliteUsageRepository::new(&scene.db);
    assert_eq!(usage.find_usage(user_id(1)).unwrap().unwrap().used.files, 2);
    let nobody = a_file(user_id(2), b"z").build();
    let blob = a_blob(b"z").noted(LOG, 4, Settling::done()).build();
    scene.db.redo(nobody, blob).unwrap().unwrap_err();
    assert_eq!(
        scene.files.list_owned(user_id(1), None, 10).unwrap().len(),
        2
    );
}

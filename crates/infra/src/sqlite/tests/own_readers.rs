//! Readers that threads have for themselves, and the states that reads share on them.

use diesel::{QueryDsl, RunQueryDsl};
use kms_domain::OneState;
use kms_domain::users::UserRepository;
use kms_testkit::builders::{a_user, user_id};

use super::super::error::{During, SqliteError};
use super::super::schema;
use super::{SqliteUserRepository, scene};

#[test]
fn a_reader_of_ones_own_that_was_lost_to_a_panic_is_replaced_by_the_pool() {
    let scene = scene();
    scene.db.dedicate_reader().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        scene
            .db
            .snapshot(|_| -> Result<(), SqliteError> { panic!("on purpose") })
    }));
    assert!(panicked.is_err());
    let users = SqliteUserRepository::new(&scene.db);
    assert_eq!(users.find_profile(user_id(1)).unwrap(), None);
}

#[test]
fn a_reader_of_ones_own_reads_no_other_database() {
    let (one, other) = (scene(), scene());
    one.db.dedicate_reader().unwrap();
    SqliteUserRepository::new(&one.db)
        .register(&a_user(1))
        .unwrap();
    let elsewhere = SqliteUserRepository::new(&other.db);
    assert_eq!(elsewhere.find_profile(user_id(1)).unwrap(), None);
}

/// Whether account `n` is there, as the calling thread reads it.
fn is_there(users: &SqliteUserRepository, n: u32) -> bool {
    users.find_profile(user_id(n)).unwrap().is_some()
}

#[test]
fn reads_in_one_state_see_it_from_the_first_on_and_the_newest_afterwards() {
    let scene = scene();
    let users = SqliteUserRepository::new(&scene.db);
    scene.db.dedicate_reader().unwrap();
    users.register(&a_user(1)).unwrap();
    scene.db.during(&mut || {
        // Nothing was read so far.
        users.register(&a_user(2)).unwrap();
        assert!(is_there(&users, 2));
        users.register(&a_user(3)).unwrap();
        assert!(!is_there(&users, 3));
        // Neither a call within nor a snapshot begins or ends a state of its own.
        scene.db.during(&mut || assert!(!is_there(&users, 3)));
        let phones = scene.db.snapshot(|conn| {
            schema::users::table
                .select(schema::users::phone)
                .load::<String>(conn)
                .during("test")
        });
        assert_eq!(phones.unwrap().len(), 2);
        assert!(!is_there(&users, 3));
    });
    assert!(is_there(&users, 3));
    // Another time, another state.
    scene.db.during(&mut || assert!(is_there(&users, 3)));
}

#[test]
fn a_state_ends_with_a_panic_and_keeps_no_journal() {
    let scene = scene();
    let users = SqliteUserRepository::new(&scene.db);
    scene.db.dedicate_reader().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        scene.db.during(&mut || {
            assert!(!is_there(&users, 1));
            panic!("on purpose");
        });
    }));
    assert!(panicked.is_err());
    users.register(&a_user(1)).unwrap();
    assert!(is_there(&users, 1));
    // The reader is still there, and holds no state: a journal can be begun anew.
    let own = scene.db.read(|conn| {
        diesel::sql_query("BEGIN")
            .execute(conn)
            .during("no transaction is open")?;
        diesel::sql_query("COMMIT").execute(conn).during("test")
    });
    own.unwrap();
}

#[test]
fn a_thread_without_a_reader_of_its_own_has_no_one_state() {
    let scene = scene();
    let users = SqliteUserRepository::new(&scene.db);
    scene.db.during(&mut || {
        assert!(!is_there(&users, 1));
        users.register(&a_user(1)).unwrap();
        assert!(is_there(&users, 1));
    });
}

//! Changing an account.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::users::PasswordHash;

/// A repository whose stored hash is the next of `hashes` at each look (the last one stays), and
/// which answers the next of `answers` to each update. What it was asked to write is kept.
pub(super) struct Modifying {
    hashes: Vec<Option<PasswordHash>>,
    answers: Vec<Updated>,
    pub(super) written: Arc<Mutex<Vec<AccountUpdate>>>,
    pub(super) log: RecordingLog,
}

impl Modifying {
    pub(super) fn new(hashes: &[&str], answers: &[Updated]) -> Self {
        Self {
            hashes: hashes.iter().map(|text| Some(hash_of(text))).collect(),
            answers: answers.to_vec(),
            written: Arc::default(),
            log: RecordingLog::default(),
        }
    }

    pub(super) fn service(&self, script: &Script) -> AccountService {
        let mut users = MockUserRepository::new();
        let hashes = Mutex::new(VecDeque::from(self.hashes.clone()));
        let on_look = script.clone();
        users.expect_find_password_hash().returning(move |id| {
            assert_eq!(id, user());
            on_look.call("users.find_password_hash")?;
            Ok(hashes.lock().unwrap().pop_front().unwrap())
        });
        let answers = Mutex::new(VecDeque::from(self.answers.clone()));
        let written = Arc::clone(&self.written);
        let on_update = script.clone();
        users.expect_update().returning(move |update| {
            assert_eq!((update.user, update.by), (user(), actor().session()));
            written.lock().unwrap().push(update.clone());
            on_update.call("users.update")?;
            Ok(answers.lock().unwrap().pop_front().unwrap())
        });
        recording_service(&self.log, script, users)
    }

    /// The hash seen and the new one of each update that changes the password.
    pub(super) fn password_changes(&self) -> Vec<Option<(PasswordHash, PasswordHash)>> {
        let written = self.written.lock().unwrap();
        written
            .iter()
            .map(|update| update.password.clone().map(|c| (c.seen, c.new)))
            .collect()
    }
}

pub(super) fn name() -> Modify {
    Modify {
        name: Some(DisplayName::parse("李四").unwrap()),
        ..Modify::default()
    }
}

pub(super) fn new_password() -> Modify {
    Modify {
        password: Some(password("new")),
        ..Modify::default()
    }
}

fn moved(times: usize) -> Vec<Updated> {
    let mut answers = vec![Updated::PasswordMoved; times];
    answers.push(Updated::Changed);
    answers
}

#[test]
fn nothing_asked_for_is_no_change_and_asks_nobody() {
    let script = Script::default();
    let outcome = Modifying::new(&[], &[]).service(&script).modify(
        &actor(),
        Modify::default(),
        &Origin::default(),
    );
    assert_eq!(outcome.unwrap(), Modified::Unchanged);
    assert_eq!(script.notes(), [""; 0]);
}

#[test]
fn each_field_alone_reaches_the_repository_without_a_hash() {
    let birth = Modify {
        birth: Some(Birth::new(5)),
        ..Modify::default()
    };
    for change in [name(), birth] {
        let script = Script::default();
        let world = Modifying::new(&[], &[Updated::Changed]);
        let outcome = world
            .service(&script)
            .modify(&actor(), change.clone(), &Origin::default());
        assert_eq!(outcome.unwrap(), Modified::Changed);
        assert_eq!(script.notes(), ["users.update"]);
        let written = world.written.lock().unwrap();
        assert_eq!(
            (&written[0].name, written[0].birth),
            (&change.name, change.birth)
        );
        assert!(written[0].password.is_none());
    }
}

#[test]
fn the_repositorys_answer_is_the_outcome() {
    for (answer, outcome) in [
        (Updated::Changed, Modified::Changed),
        (Updated::Unchanged, Modified::Unchanged),
        (Updated::SessionEnded, Modified::SessionEnded),
    ] {
        for change in [name(), new_password()] {
            let world = Modifying::new(&["old"], &[answer]);
            let found =
                world
                    .service(&Script::default())
                    .modify(&actor(), change, &Origin::default());
            assert_eq!(found.unwrap(), outcome);
            assert_eq!(world.written.lock().unwrap().len(), 1);
        }
    }
}

#[test]
fn a_new_password_is_hashed_and_bound_to_the_hash_that_was_seen() {
    let script = Script::default();
    let world = Modifying::new(&["old"], &[Updated::Changed]);
    let outcome = world
        .service(&script)
        .modify(&actor(), new_password(), &Origin::default());
    assert_eq!(outcome.unwrap(), Modified::Changed);
    assert_eq!(
        world.password_changes(),
        [Some((hash_of("old"), hash_of("new")))]
    );
    let order = [
        "users.find_password_hash",
        "hasher.verify",
        "hasher.hash",
        "users.update",
    ];
    assert_eq!(script.notes(), order);
}

#[test]
fn the_old_password_is_no_password_change_and_costs_no_second_hash() {
    let script = Script::default();
    let world = Modifying::new(&["new"], &[Updated::Unchanged]);
    let outcome = world
        .service(&script)
        .modify(&actor(), new_password(), &Origin::default());
    assert_eq!(outcome.unwrap(), Modified::Unchanged);
    assert_eq!(world.password_changes(), [None]);
    assert_eq!(script.count("hasher.hash"), 0);
}

#[test]
fn the_old_password_beside_a_new_name_changes_the_name_alone() {
    let world = Modifying::new(&["new"], &[Updated::Changed]);
    let change = Modify {
        name: name().name,
        ..new_password()
    };
    let outcome = world
        .service(&Script::default())
        .modify(&actor(), change, &Origin::default());
    assert_eq!(outcome.unwrap(), Modified::Changed);
    assert_eq!(world.password_changes(), [None]);
    assert_eq!(world.written.lock().unwrap()[0].name, name().name);
}

#[test]
fn a_password_that_moves_is_looked_at_afresh() {
    let world = Modifying::new(&["old", "other"], &moved(1));
    let outcome =
        world
            .service(&Script::default())
            .modify(&actor(), new_password(), &Origin::default());
    assert_eq!(outcome.unwrap(), Modified::Changed);
    assert_eq!(
        world.password_changes(),
        [
            Some((hash_of("old"), hash_of("new"))),
            Some((hash_of("other"), hash_of("new")))
        ]
    );
}

#[test]
fn a_password_that_moves_to_the_wanted_one_is_no_change_any_more() {
    let world = Modifying::new(
        &["old", "new"],
        &[Updated::PasswordMoved, Updated::Unchanged],
    );
    let outcome =
        world
            .service(&Script::default())
            .modify(&actor(), new_password(), &Origin::default());
    assert_eq!(outcome.unwrap(), Modified::Unchanged);
    assert_eq!(world.password_changes()[1], None);
}

#[test]
fn the_last_round_still_counts_and_no_round_comes_after_it() {
    let in_time = Modifying::new(&["old"; 4], &moved(MODIFY_ROUNDS - 1));
    let outcome =
        in_time
            .service(&Script::default())
            .modify(&actor(), new_password(), &Origin::default());
    assert_eq!(outcome.unwrap(), Modified::Changed);

    let script = Script::default();
    let too_late = Modifying::new(&["old"; 4], &moved(MODIFY_ROUNDS));
    let outcome = too_late
        .service(&script)
        .modify(&actor(), new_password(), &Origin::default());
    assert_eq!(outcome.unwrap_err().code(), Code::Busy);
    assert_eq!(script.count("users.update"), 4);
}

#[test]
fn an_account_without_a_hash_has_vanished_and_nothing_is_written() {
    let world = Modifying {
        hashes: vec![None],
        ..Modifying::new(&[], &[])
    };
    let outcome =
        world
            .service(&Script::default())
            .modify(&actor(), new_password(), &Origin::default());
    assert!(matches!(outcome, Err(AccountError::Vanished(id)) if id == user()));
    assert!(world.written.lock().unwrap().is_empty());
}

#[test]
fn every_failing_port_ends_a_change() {
    fail_every_call(
        &[],
        |script| {
            Modifying::new(&["old", "other"], &moved(1))
                .service(script)
                .modify(&actor(), new_password(), &Origin::default())
                .map_err(|error| error.code())
        },
        |outcome| *outcome == Modified::Changed,
    );
}

#[test]
fn a_password_change_brings_its_event_along() {
    let world = Modifying::new(&["old"], &[Updated::Changed]);
    let origin = Origin {
        network: None,
        request: Some("run-7".to_owned()),
    };
    let service = world.service(&Script::default());
    service.modify(&actor(), new_password(), &origin).unwrap();
    let written = world.written.lock().unwrap();
    let event = &written[0].password.as_ref().unwrap().event;
    let detail = format!("by session {}; the others ended", actor().session());
    let kind = AuditKind::PasswordChanged;
    let expected = AuditEvent::new(NOW, kind, Some(user()), &origin, &detail);
    assert_eq!(*event, expected);
}

//! Changing an account with the old password named. A17.

use super::modify::{Modifying, name, new_password};
use super::*;

fn with_old(change: Modify, old: &str) -> Modify {
    Modify {
        old_password: Some(password(old)),
        ..change
    }
}

fn modify(world: &Modifying, script: &Script, change: Modify) -> Modified {
    let service = world.service(script);
    service
        .modify(&actor(), change, &Origin::default())
        .unwrap()
}

/// A17: whatever else was asked for, and it is recorded as a refusal.
#[test]
fn a_wrong_old_password_changes_nothing() {
    for change in [new_password(), name(), Modify::default()] {
        let world = Modifying::new(&["old"], &[]);
        let outcome = modify(&world, &Script::default(), with_old(change, "Old"));
        assert_eq!(outcome, Modified::WrongOldPassword);
        assert_eq!(outcome.code(), Code::WrongPassword);
        assert!(world.written.lock().unwrap().is_empty());
        let events = world.log.taken();
        assert_eq!(events.len(), 1);
        let event = (events[0].kind, events[0].user);
        assert_eq!(event, (AuditKind::LoginFailed, Some(user())));
    }
}

/// A17
#[test]
fn the_right_old_password_lets_the_change_through() {
    let world = Modifying::new(&["old"], &[Updated::Changed]);
    let script = Script::default();
    let outcome = modify(&world, &script, with_old(new_password(), "old"));
    assert_eq!(outcome, Modified::Changed);
    assert_eq!(
        world.password_changes(),
        [Some((hash_of("old"), hash_of("new")))]
    );
    assert_eq!(script.count("hasher.verify"), 2);
    assert_eq!(world.log.taken(), []);
}

/// The change of somebody else who was faster makes the old password wrong.
#[test]
fn an_old_password_is_compared_anew_when_the_hash_moves() {
    let world = Modifying::new(&["old", "other"], &[Updated::PasswordMoved]);
    let outcome = modify(&world, &Script::default(), with_old(new_password(), "old"));
    assert_eq!(outcome, Modified::WrongOldPassword);
}

/// A17: before the new password is compared with the account's, which would tell whether it is it.
#[test]
fn where_it_is_required_a_new_password_without_it_is_refused_unseen() {
    let world = Modifying::new(&["old"], &[Updated::Changed, Updated::Changed]);
    let script = Script::default();
    let service = AccountService {
        require_old_password: true,
        ..world.service(&script)
    };
    let modify = |change| {
        let outcome = service.modify(&actor(), change, &Origin::default());
        outcome.unwrap()
    };
    let refused = modify(new_password());
    assert_eq!(refused, Modified::OldPasswordMissing);
    assert_eq!(refused.code(), Code::BadFormat);
    assert_eq!(script.notes(), [""; 0]);
    assert_eq!(modify(name()), Modified::Changed);
    assert_eq!(modify(with_old(new_password(), "old")), Modified::Changed);
}

//! [`UserRepository`](kms_domain::users::UserRepository): accounts change. The list of promises
//! stands in [`users`](super::users).

use kms_domain::users::{AccountUpdate, Birth, DisplayName, NewLogin, Profile, Updated, UserId};

use super::Repositories;
use super::support::{
    RACERS, a_login, a_password_change, a_reset, an_update, count, log_in, open, open_sessions,
    race, register,
};
use crate::builders::{UserBuilder, password_hash, session_id, user_id};

fn profile(on: &Repositories, user: UserId) -> Profile {
    on.users.find_profile(user).unwrap().unwrap()
}

fn name(raw: &str) -> Option<DisplayName> {
    Some(DisplayName::parse(raw).unwrap())
}

/// An update that would be seen: another name and another birth.
fn a_visible_update(on: &Repositories, user: UserId, by: u32) -> AccountUpdate {
    assert_ne!(Some(profile(on, user).name), name("Eve"));
    AccountUpdate {
        name: name("Eve"),
        birth: Some(Birth::new(666)),
        ..an_update(user, session_id(by))
    }
}

/// Absent fields stay, and so do other accounts.
pub fn an_update_changes_what_it_names_and_nothing_else(on: &Repositories) {
    let user = UserBuilder::new(1).email("a@example.com").birth(1).build();
    on.users.register(&user).unwrap();
    let other = register(on, 2);
    let (mut expected, bystander) = (profile(on, user.id), profile(on, other));
    let by = log_in(on, user.id, 1);
    let bare = an_update(user.id, by);

    let renamed = AccountUpdate {
        name: name(" Ada"),
        ..bare.clone()
    };
    assert_eq!(on.users.update(&renamed).unwrap(), Updated::Changed);
    expected.name = DisplayName::parse(" Ada").unwrap();
    assert_eq!(profile(on, user.id), expected);

    for birth in [i64::MIN, 0, i64::MAX] {
        let reborn = AccountUpdate {
            birth: Some(Birth::new(birth)),
            ..bare.clone()
        };
        assert_eq!(on.users.update(&reborn).unwrap(), Updated::Changed);
        expected.birth = Some(Birth::new(birth));
        assert_eq!(profile(on, user.id), expected);
    }

    let seen = on.users.find_password_hash(user.id).unwrap();
    assert_eq!(seen, Some(password_hash("secret")));
    let moved = AccountUpdate {
        password: a_password_change("secret", "new"),
        ..bare
    };
    assert_eq!(on.users.update(&moved).unwrap(), Updated::Changed);
    assert_eq!(profile(on, user.id), expected);
    let hash = on.users.find_password_hash(user.id).unwrap();
    assert_eq!(hash, Some(password_hash("new")));

    assert_eq!(profile(on, other), bystander);
    let hash = on.users.find_password_hash(other).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
}

/// The same values are no change, and neither is nothing at all. A first birth is one, even 0.
pub fn an_update_with_the_same_values_is_none(on: &Repositories) {
    let user = register(on, 1);
    let by = log_in(on, user, 1);
    assert_eq!(
        on.users.update(&an_update(user, by)).unwrap(),
        Updated::Unchanged
    );
    let update = AccountUpdate {
        name: Some(profile(on, user).name),
        ..an_update(user, by)
    };
    assert_eq!(on.users.update(&update).unwrap(), Updated::Unchanged);
    let update = AccountUpdate {
        birth: Some(Birth::new(0)),
        ..update
    };
    assert_eq!(on.users.update(&update).unwrap(), Updated::Changed);
    assert_eq!(on.users.update(&update).unwrap(), Updated::Unchanged);
}

/// It needs one field, whichever it is; letters differ by case.
pub fn one_new_value_among_old_ones_is_a_change(on: &Repositories) {
    let user = UserBuilder::new(1).name("ada").birth(1).build();
    on.users.register(&user).unwrap();
    let by = log_in(on, user.id, 1);
    for (new_name, birth) in [("Ada", 1), ("Ada", 2), ("ada", 2)] {
        let update = AccountUpdate {
            name: name(new_name),
            birth: Some(Birth::new(birth)),
            ..an_update(user.id, by)
        };
        assert_eq!(on.users.update(&update).unwrap(), Updated::Changed);
        let found = profile(on, user.id);
        assert_eq!((Some(found.name), found.birth), (update.name, update.birth));
    }
}

/// A stored hash that is another one by now: no field is written, no session ends.
pub fn a_password_moves_only_from_the_hash_that_was_seen(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 0);
    log_in(on, user, 1);
    let before = profile(on, user);
    let update = AccountUpdate {
        password: a_password_change("outdated", "new"),
        ..a_visible_update(on, user, 1)
    };
    assert_eq!(on.users.update(&update).unwrap(), Updated::PasswordMoved);
    assert_eq!(profile(on, user), before);
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
    assert_eq!(open_sessions(on, 3), [0, 1]);
}

/// Whether older or younger than the asking one; and nobody else's.
pub fn a_password_change_ends_every_session_but_the_asking_one(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    for (owner, n) in [(user, 0), (user, 1), (user, 2), (other, 3)] {
        log_in(on, owner, n);
    }
    let update = AccountUpdate {
        password: a_password_change("secret", "new"),
        ..an_update(user, session_id(1))
    };
    assert_eq!(on.users.update(&update).unwrap(), Updated::Changed);
    assert_eq!(open_sessions(on, 5), [1, 3]);
}

/// A new name signs nobody out.
pub fn other_changes_end_no_session(on: &Repositories) {
    let user = register(on, 1);
    for n in 0..3 {
        log_in(on, user, n);
    }
    let update = a_visible_update(on, user, 1);
    assert_eq!(on.users.update(&update).unwrap(), Updated::Changed);
    assert_eq!(open_sessions(on, 4), [0, 1, 2]);
}

/// Whether it was ended by a reset or never there, and even when there is nothing to change.
pub fn an_ended_session_changes_nothing(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 1);
    assert!(
        on.users
            .reset_password(user, &password_hash("reset"), &a_reset(user))
            .unwrap()
    );
    let again = NewLogin {
        verified: password_hash("reset"),
        ..a_login(user, 2)
    };
    open(on, &again);
    let before = profile(on, user);
    for by in [1, 9] {
        let update = AccountUpdate {
            password: a_password_change("reset", "new"),
            ..a_visible_update(on, user, by)
        };
        assert_eq!(on.users.update(&update).unwrap(), Updated::SessionEnded);
        let nothing = an_update(user, session_id(by));
        assert_eq!(on.users.update(&nothing).unwrap(), Updated::SessionEnded);
    }
    assert_eq!(profile(on, user), before);
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("reset")));
    assert_eq!(open_sessions(on, 10), [2]);
}

/// An open session is not enough: it must be the account's own.
pub fn a_session_of_somebody_else_changes_nothing(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    log_in(on, user, 1);
    log_in(on, other, 2);
    let before = profile(on, user);
    let update = AccountUpdate {
        password: a_password_change("secret", "new"),
        ..a_visible_update(on, user, 2)
    };
    assert_eq!(on.users.update(&update).unwrap(), Updated::SessionEnded);
    assert_eq!(profile(on, user), before);
    assert_eq!(open_sessions(on, 3), [1, 2]);
}

/// All of them saw the same hash, so all but one look again; the stored hash is the winner's.
pub fn one_of_simultaneous_password_changes_wins(on: &Repositories) {
    let user = register(on, 1);
    let by = log_in(on, user, 1);
    let answers = race(RACERS, |n| {
        let update = AccountUpdate {
            password: a_password_change("secret", &format!("new {n}")),
            ..an_update(user, by)
        };
        on.users.update(&update).unwrap()
    });
    assert_eq!(count(&answers, &Updated::Changed), 1);
    assert_eq!(
        count(&answers, &Updated::PasswordMoved),
        RACERS as usize - 1
    );
    let winner = answers.iter().position(|a| *a == Updated::Changed).unwrap();
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash(&format!("new {winner}"))));
}

/// Of this account and no other.
pub fn a_reset_sets_the_password_and_ends_every_session(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    for (owner, n) in [(user, 0), (user, 1), (other, 2)] {
        log_in(on, owner, n);
    }
    let before = profile(on, user);
    assert!(
        on.users
            .reset_password(user, &password_hash("reset"), &a_reset(user))
            .unwrap()
    );
    let found = on.users.find_credentials(&before.phone).unwrap().unwrap();
    assert_eq!((found.user, found.password), (user, password_hash("reset")));
    assert_eq!(profile(on, user), before);
    let hash = on.users.find_password_hash(other).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
    assert_eq!(open_sessions(on, 4), [2]);
}

/// It changes nobody else either.
pub fn a_reset_of_an_unknown_account_is_false(on: &Repositories) {
    let user = register(on, 1);
    log_in(on, user, 1);
    assert!(
        !on.users
            .reset_password(user_id(9), &password_hash("reset"), &a_reset(user_id(9)))
            .unwrap()
    );
    let hash = on.users.find_password_hash(user).unwrap();
    assert_eq!(hash, Some(password_hash("secret")));
    assert_eq!(open_sessions(on, 2), [1]);
}

//! [`UserRepository`](kms_domain::users::UserRepository): accounts come in and are found.

use kms_domain::users::{Birth, Inserted, NewUser, Profile};

use super::Repositories;
use super::support::{RACERS, count, race, register};
use crate::builders::{UserBuilder, a_user, password_hash, phone, user_id};

/// The suite of the accounts, over `fn() -> Repositories`; its other half is in
/// [`accounts`](super::accounts).
#[macro_export]
macro_rules! user_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { user_repository, $fresh,
            users: [
                a_registered_account_comes_back_as_it_was_given,
                absent_fields_come_back_absent,
                texts_are_kept_to_the_letter,
                an_account_is_found_by_its_phone_alone,
                a_taken_phone_creates_nothing,
                only_the_phone_is_unique,
                a_registration_that_fails_stores_nothing,
                simultaneous_registrations_of_one_phone_create_one_account,
                simultaneous_registrations_of_different_phones_all_create,
                profiles_are_listed_in_the_order_of_their_ids,
                a_list_begins_behind_its_position,
            ]
            accounts: [
                an_update_changes_what_it_names_and_nothing_else,
                an_update_with_the_same_values_is_none,
                one_new_value_among_old_ones_is_a_change,
                a_password_moves_only_from_the_hash_that_was_seen,
                a_password_change_ends_every_session_but_the_asking_one,
                other_changes_end_no_session,
                an_ended_session_changes_nothing,
                a_session_of_somebody_else_changes_nothing,
                one_of_simultaneous_password_changes_wins,
                a_reset_sets_the_password_and_ends_every_session,
                a_reset_of_an_unknown_account_is_false,
            ]
        }
    };
}

fn profile_of(user: &NewUser) -> Profile {
    Profile {
        user: user.id,
        phone: user.phone.clone(),
        name: user.name.clone(),
        email: user.email.clone(),
        birth: user.birth,
        created_at: user.created_at,
    }
}

/// Every field of an account is stored and read again.
pub fn a_registered_account_comes_back_as_it_was_given(on: &Repositories) {
    for (n, birth) in [(1, i64::MIN), (2, -1), (3, 0), (4, i64::MAX)] {
        let user = UserBuilder::new(n)
            .name("Ada")
            .email("ada@example.com")
            .birth(birth)
            .at(-86_400_000)
            .build();
        assert_eq!(on.users.register(&user).unwrap(), Inserted::Created);
        let found = on.users.find_profile(user.id).unwrap().unwrap();
        assert_eq!(found, profile_of(&user));
        assert_eq!(found.birth, Some(Birth::new(birth)));
    }
}

/// No address and no birth are not an empty address and zero.
pub fn absent_fields_come_back_absent(on: &Repositories) {
    let user = register(on, 1);
    let found = on.users.find_profile(user).unwrap().unwrap();
    assert_eq!((found.email, found.birth), (None, None));
}

/// Nothing is trimmed, folded, normalised or taken for SQL.
pub fn texts_are_kept_to_the_letter(on: &Repositories) {
    for (n, name) in [
        " a ",
        "A",
        "a",
        "e\u{301}",
        "é",
        "'; --",
        "%_\\",
        "👨\u{200d}👩\u{200d}👧",
    ]
    .into_iter()
    .enumerate()
    {
        let user = UserBuilder::new(n as u32)
            .name(name)
            .email("\"a b\"@例子.example")
            .build();
        on.users.register(&user).unwrap();
        assert_eq!(
            on.users.find_profile(user.id).unwrap(),
            Some(profile_of(&user))
        );
    }
}

/// A phone, its account and its hash belong together; unknown ones have none of them.
pub fn an_account_is_found_by_its_phone_alone(on: &Repositories) {
    let one = UserBuilder::new(1).password(password_hash("one")).build();
    let two = UserBuilder::new(2)
        .phone("+4915112345678")
        .password(password_hash("two"))
        .build();
    on.users.register(&one).unwrap();
    on.users.register(&two).unwrap();
    for user in [&one, &two] {
        assert!(on.users.is_registered(&user.phone).unwrap());
        let found = on.users.find_credentials(&user.phone).unwrap().unwrap();
        assert_eq!((found.user, &found.password), (user.id, &user.password));
        let hash = on.users.find_password_hash(user.id).unwrap();
        assert_eq!(hash.as_ref(), Some(&user.password));
    }
    assert!(!on.users.is_registered(&phone(3)).unwrap());
    assert_eq!(on.users.find_credentials(&phone(3)).unwrap(), None);
    assert_eq!(on.users.find_password_hash(user_id(3)).unwrap(), None);
    assert_eq!(on.users.find_profile(user_id(3)).unwrap(), None);
}

/// The second account is not stored, and the first is not touched.
pub fn a_taken_phone_creates_nothing(on: &Repositories) {
    let first = a_user(1);
    on.users.register(&first).unwrap();
    let second = UserBuilder::new(2)
        .phone(&format!("+86{}", first.phone.as_str()))
        .name("thief")
        .password(password_hash("thief"))
        .build();
    assert_eq!(on.users.register(&second).unwrap(), Inserted::PhoneTaken);
    assert_eq!(on.users.find_profile(second.id).unwrap(), None);
    assert_eq!(on.users.list(None, 10).unwrap(), [profile_of(&first)]);
    let found = on.users.find_credentials(&first.phone).unwrap().unwrap();
    assert_eq!((found.user, found.password), (first.id, first.password));
}

/// Two people may share a name, an address, a birth and even a hash.
pub fn only_the_phone_is_unique(on: &Repositories) {
    for n in 1..=2 {
        let user = UserBuilder::new(n)
            .name("Ada")
            .email("ada@example.com")
            .birth(5)
            .build();
        assert_eq!(on.users.register(&user).unwrap(), Inserted::Created);
    }
}

/// An id that is taken is an error, no second account and no change of the first.
pub fn a_registration_that_fails_stores_nothing(on: &Repositories) {
    let first = a_user(1);
    on.users.register(&first).unwrap();
    let second = UserBuilder::new(2).id(first.id).name("thief").build();
    assert!(on.users.register(&second).is_err());
    assert!(!on.users.is_registered(&second.phone).unwrap());
    assert_eq!(on.users.list(None, 10).unwrap(), [profile_of(&first)]);
}

/// A constraint decides, not a look before the write.
pub fn simultaneous_registrations_of_one_phone_create_one_account(on: &Repositories) {
    let answers = race(RACERS, |n| {
        let user = UserBuilder::new(n).phone("13900000000").build();
        on.users.register(&user).unwrap()
    });
    assert_eq!(count(&answers, &Inserted::Created), 1);
    let winner = answers.iter().position(|a| *a == Inserted::Created);
    let listed = on.users.list(None, 100).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        winner,
        Some(listed[0].user.as_uuid().as_u128() as u32 as usize)
    );
}

/// Nobody is turned away because others register at the same time.
pub fn simultaneous_registrations_of_different_phones_all_create(on: &Repositories) {
    let answers = race(RACERS, |n| on.users.register(&a_user(n)).unwrap());
    assert_eq!(count(&answers, &Inserted::Created), RACERS as usize);
    assert_eq!(on.users.list(None, 100).unwrap().len(), RACERS as usize);
}

/// Whatever the order in which they came; and a limit cuts the end off.
pub fn profiles_are_listed_in_the_order_of_their_ids(on: &Repositories) {
    assert!(on.users.list(None, 10).unwrap().is_empty());
    for n in [300, 2, 70_000, 1, 200] {
        register(on, n);
    }
    let all: Vec<_> = [1, 2, 200, 300, 70_000]
        .map(|n| profile_of(&a_user(n)))
        .into();
    assert_eq!(on.users.list(None, usize::MAX).unwrap(), all);
    assert_eq!(on.users.list(None, 2).unwrap(), all[..2]);
    assert!(on.users.list(None, 0).unwrap().is_empty());
}

/// Pages of any size meet without gap or double, also behind an id that nobody has.
pub fn a_list_begins_behind_its_position(on: &Repositories) {
    for n in [5, 3, 1, 4, 2] {
        register(on, n);
    }
    for size in 1..=6 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = on.users.list(after, size).unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.user);
            all.extend(page.into_iter().map(|profile| profile.user));
            assert!(all.len() <= 5, "a page was answered twice");
        }
        assert_eq!(all, [1, 2, 3, 4, 5].map(user_id), "pages of {size}");
    }
    assert!(on.users.list(Some(user_id(6)), 10).unwrap().is_empty());
    assert_eq!(on.users.list(Some(user_id(0)), 10).unwrap().len(), 5);
}

//! [`AvatarRepository`](kms_domain::users::AvatarRepository).

use kms_domain::files::{Attached, BlobRef, ClaimCandidates};
use kms_domain::users::UserId;

use super::Repositories;
use super::support::{
    RACERS, assert_replaced, attach, claimable, count, damage, offered, race, register, stored,
};
use crate::builders::{a_blob, a_file, at, sha256_of, user_id};

/// The suite of the avatars, over `fn() -> Repositories`.
#[macro_export]
macro_rules! avatar_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { avatar_repository, $fresh,
            avatars: [
                an_account_begins_without_avatar,
                an_avatar_is_the_account_s_own,
                a_new_avatar_takes_the_place_of_the_old_one,
                the_same_avatar_again_is_kept_once_in_its_fresh_copy,
                an_avatar_takes_the_place_of_the_one_that_is_named_and_of_no_other,
                an_avatar_shares_its_copy_with_entries_and_other_avatars,
                a_damaged_avatar_says_so_and_is_healed_by_the_next_one,
                an_avatar_is_no_entry,
                an_avatar_of_nobody_is_an_error_and_leaves_nothing,
                of_simultaneous_avatars_in_the_place_of_one_a_single_one_is_set,
                of_simultaneous_avatars_with_the_same_bytes_one_is_stored,
            ]
        }
    };
}

fn set(on: &Repositories, user: UserId, bytes: &[u8]) -> Attached {
    let blob = a_blob(bytes).build();
    on.avatars.set_avatar(user, &blob, at(1)).unwrap()
}

fn avatar(on: &Repositories, user: UserId) -> BlobRef {
    on.avatars.find_avatar(user).unwrap().expect("an avatar")
}

/// And somebody who is not there has none either.
pub fn an_account_begins_without_avatar(on: &Repositories) {
    let user = register(on, 1);
    assert_eq!(on.avatars.find_avatar(user).unwrap(), None);
    assert_eq!(on.avatars.find_avatar(user_id(9)).unwrap(), None);
}

/// It comes back as it was given, and nobody else gets it.
pub fn an_avatar_is_the_account_s_own(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    let blob = a_blob(b"face").build();
    let answer = on.avatars.set_avatar(user, &blob, at(1)).unwrap();
    assert_eq!(answer, Attached::Stored);
    let found = avatar(on, user);
    assert_eq!((found.sha256, found.size), (sha256_of(b"face"), 4));
    assert_eq!((found.key, found.damaged), (blob.key, false));
    assert_eq!(on.avatars.find_avatar(other).unwrap(), None);
}

/// Also when the clock went back meanwhile; other accounts keep theirs.
pub fn a_new_avatar_takes_the_place_of_the_old_one(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    set(on, user, b"old");
    set(on, other, b"old");
    let blob = a_blob(b"new").build();
    let answer = on.avatars.set_avatar(user, &blob, at(-9)).unwrap();
    assert_eq!(answer, Attached::Stored);
    assert_eq!(avatar(on, user).sha256, sha256_of(b"new"));
    assert_eq!(avatar(on, other).sha256, sha256_of(b"old"));
}

/// The older copy is surplus.
pub fn the_same_avatar_again_is_kept_once_in_its_fresh_copy(on: &Repositories) {
    let user = register(on, 1);
    assert_eq!(set(on, user, b"face"), Attached::Stored);
    let before = avatar(on, user);
    let surplus = before.key.clone();
    assert_eq!(set(on, user, b"face"), Attached::Replaced { surplus });
    let after = avatar(on, user);
    assert_ne!(after.key, before.key);
    assert_eq!(after.id, before.id);
}

/// None is one that can be named, too. What is refused leaves nothing.
pub fn an_avatar_takes_the_place_of_the_one_that_is_named_and_of_no_other(on: &Repositories) {
    let user = register(on, 1);
    let put = |before: Option<&[u8]>, bytes: &[u8]| {
        let (before, blob) = (before.map(sha256_of), a_blob(bytes).build());
        on.avatars
            .replace_avatar(user, before, &blob, at(1))
            .unwrap()
    };
    assert_eq!(put(Some(b"old"), b"new"), None);
    assert_eq!(on.avatars.find_avatar(user).unwrap(), None);
    assert_eq!(put(None, b"old"), Some(Attached::Stored));
    let old = avatar(on, user);
    assert_eq!(put(None, b"new"), None);
    assert_eq!(put(Some(b"another"), b"new"), None);
    assert_eq!(put(Some(b"another"), b"old"), None);
    assert_eq!(avatar(on, user), old);
    assert_eq!(put(Some(b"old"), b"new"), Some(Attached::Stored));
    assert_eq!(avatar(on, user).sha256, sha256_of(b"new"));
    let again = put(Some(b"new"), b"new");
    assert_replaced(&again.unwrap());
}

/// Whoever comes later finds another one.
pub fn of_simultaneous_avatars_in_the_place_of_one_a_single_one_is_set(on: &Repositories) {
    let user = register(on, 1);
    set(on, user, b"old");
    let answers = race(RACERS, |n| {
        let (before, blob) = (Some(sha256_of(b"old")), a_blob(&n.to_le_bytes()).build());
        on.avatars
            .replace_avatar(user, before, &blob, at(1))
            .unwrap()
    });
    assert_eq!(count(&answers, &Some(Attached::Stored)), 1);
    assert_eq!(count(&answers, &None), answers.len() - 1);
}

/// There is one copy of the bytes, whichever way they came in first.
pub fn an_avatar_shares_its_copy_with_entries_and_other_avatars(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    let first = a_file(user, b"a").build();
    attach(on, &first, b"a");
    assert_replaced(&set(on, user, b"a"));
    assert_eq!(avatar(on, user), stored(on, &first).blob);

    assert_eq!(set(on, other, b"b"), Attached::Stored);
    let second = a_file(user, b"b").build();
    assert_replaced(&attach(on, &second, b"b"));
    assert_eq!(stored(on, &second).blob, avatar(on, other));

    assert_replaced(&set(on, user, b"b"));
    assert_eq!(avatar(on, user), avatar(on, other));
}

/// For everybody who has the content, and in both directions.
pub fn a_damaged_avatar_says_so_and_is_healed_by_the_next_one(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    let file = a_file(user, b"x").build();
    attach(on, &file, b"x");
    set(on, user, b"x");
    let broken = damage(on, &file);
    assert!(avatar(on, user).damaged);

    let blob = a_blob(b"x").build();
    let answer = on.avatars.set_avatar(other, &blob, at(2)).unwrap();
    let surplus = broken.key.clone();
    assert_eq!(answer, Attached::Replaced { surplus });
    let healed = BlobRef {
        key: blob.key,
        ..broken
    };
    assert_eq!(avatar(on, user), healed);
    assert_eq!(avatar(on, other), healed);
    assert_eq!(stored(on, &file).blob, healed);

    on.blobs.flag_damaged(healed.id, &healed.key).unwrap();
    let answer = attach(on, &a_file(user, b"x").build(), b"x");
    assert_eq!(
        answer,
        Attached::Replaced {
            surplus: healed.key
        }
    );
    assert!(!avatar(on, other).damaged);
}

/// It appears in no list and gives nobody a right to claim.
pub fn an_avatar_is_no_entry(on: &Repositories) {
    let (user, other) = (register(on, 1), register(on, 2));
    set(on, user, b"face");
    for asker in [user, other] {
        assert!(on.files.list_owned(asker, None, 10).unwrap().is_empty());
        assert!(offered(on, asker, 10).is_empty());
        assert_eq!(claimable(on, asker, b"face"), ClaimCandidates::None);
    }
}

/// Neither the avatar nor its bytes are known afterwards.
pub fn an_avatar_of_nobody_is_an_error_and_leaves_nothing(on: &Repositories) {
    let user = register(on, 1);
    let blob = a_blob(b"face").build();
    assert!(on.avatars.set_avatar(user_id(9), &blob, at(1)).is_err());
    assert_eq!(on.avatars.find_avatar(user_id(9)).unwrap(), None);
    assert_eq!(set(on, user, b"face"), Attached::Stored);
}

/// Among accounts, and between avatars and entries.
pub fn of_simultaneous_avatars_with_the_same_bytes_one_is_stored(on: &Repositories) {
    for n in 0..RACERS {
        register(on, n);
    }
    let answers = race(RACERS, |n| {
        if n % 2 == 0 {
            set(on, user_id(n), b"face")
        } else {
            attach(on, &a_file(user_id(n), b"face").build(), b"face")
        }
    });
    assert_eq!(count(&answers, &Attached::Stored), 1);
    let copy = avatar(on, user_id(0));
    for n in (0..RACERS).step_by(2) {
        assert_eq!(avatar(on, user_id(n)), copy);
    }
}

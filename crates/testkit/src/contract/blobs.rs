//! [`BlobRepository`](kms_domain::files::BlobRepository).

use kms_domain::files::{Attached, BlobId, BlobRef, ClaimCandidates};

use super::Repositories;
use super::support::{RACERS, attach, claimable, damage, race, register, stored};
use crate::builders::{a_blob, a_file, at, file_id, fresh_key, sha256_of};

/// The suite of the content's rows, over `fn() -> Repositories`.
#[macro_export]
macro_rules! blob_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { blob_repository, $fresh,
            blobs: [
                content_is_found_by_its_sha256_whoever_has_it,
                unknown_content_is_not_found,
                damaged_content_is_found_and_says_so,
                healed_content_is_found_under_its_new_key,
                a_flag_marks_one_content_for_all_its_entries,
                a_flag_is_idempotent,
                a_flag_under_another_key_is_left_alone,
                a_late_flag_does_not_damage_what_was_healed,
                a_flag_on_content_that_is_gone_is_left_alone,
                healed_content_can_be_damaged_and_healed_again,
                simultaneous_flags_are_one_flag,
                a_flag_that_is_taken_back_is_gone_for_all_entries,
                a_flag_is_taken_back_under_its_own_key_alone,
                taking_back_what_is_not_there_changes_nothing,
            ]
        }
    };
}

fn find(on: &Repositories, bytes: &[u8]) -> Option<BlobRef> {
    on.blobs.find_live(&sha256_of(bytes)).unwrap()
}

/// Under a public entry, a private one or an avatar.
pub fn content_is_found_by_its_sha256_whoever_has_it(on: &Repositories) {
    let owner = register(on, 1);
    let public = a_file(owner, b"public").build();
    let private = a_file(owner, b"private").private().build();
    attach(on, &public, b"public");
    attach(on, &private, b"private");
    let face = a_blob(b"face").build();
    on.avatars.set_avatar(owner, &face, at(1)).unwrap();
    assert_eq!(find(on, b"public"), Some(stored(on, &public).blob));
    assert_eq!(find(on, b"private"), Some(stored(on, &private).blob));
    assert_eq!(find(on, b"face"), on.avatars.find_avatar(owner).unwrap());
    assert_eq!(find(on, b"face").unwrap().key, face.key);
}

/// Nor what shares an MD5 with what is known, nor what could not be stored.
pub fn unknown_content_is_not_found(on: &Repositories) {
    let owner = register(on, 1);
    assert_eq!(find(on, b"x"), None);
    let twin = a_file(owner, b"x").id(file_id(1)).build();
    attach(on, &twin, b"twin of x");
    assert!(on.files.attach(&twin, &a_blob(b"x").build()).is_err());
    assert_eq!(find(on, b"x"), None);
}

/// Who sends the same bytes has to know that they are wanted.
pub fn damaged_content_is_found_and_says_so(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let mut expected = damage(on, &file);
    expected.damaged = true;
    assert_eq!(find(on, b"x"), Some(expected));
}

/// And without the flag.
pub fn healed_content_is_found_under_its_new_key(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let broken = damage(on, &file);
    let blob = a_blob(b"x").build();
    on.files
        .attach(&a_file(owner, b"x").build(), &blob)
        .unwrap();
    let healed = BlobRef {
        key: blob.key,
        ..broken
    };
    assert_eq!(find(on, b"x"), Some(healed));
}

/// Key, size and identity stay; other content is untouched.
pub fn a_flag_marks_one_content_for_all_its_entries(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let (first, second) = (a_file(one, b"x").build(), a_file(two, b"x").build());
    let bystander = a_file(one, b"y").build();
    attach(on, &first, b"x");
    attach(on, &second, b"x");
    attach(on, &bystander, b"y");
    let mut expected = damage(on, &first);
    expected.damaged = true;
    assert_eq!(stored(on, &first).blob, expected);
    assert_eq!(stored(on, &second).blob, expected);
    assert!(!stored(on, &bystander).blob.damaged);
}

/// The second of two readers who found the same thing is told nothing else.
pub fn a_flag_is_idempotent(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    damage(on, &file);
    let once = stored(on, &file);
    damage(on, &file);
    assert_eq!(stored(on, &file), once);
    assert!(once.blob.damaged);
}

/// What was read was not what the row stands for.
pub fn a_flag_under_another_key_is_left_alone(on: &Repositories) {
    let owner = register(on, 1);
    let (file, other) = (a_file(owner, b"x").build(), a_file(owner, b"y").build());
    attach(on, &file, b"x");
    attach(on, &other, b"y");
    let (blob, elsewhere) = (stored(on, &file).blob, stored(on, &other).blob);
    let unknown = fresh_key(&sha256_of(b"x"));
    on.blobs.flag_damaged(blob.id, &unknown).unwrap();
    on.blobs.flag_damaged(blob.id, &elsewhere.key).unwrap();
    assert_eq!(stored(on, &file).blob, blob);
    assert_eq!(stored(on, &other).blob, elsewhere);
    damage(on, &file);
    on.blobs.flag_damaged(blob.id, &unknown).unwrap();
    assert!(stored(on, &file).blob.damaged, "the flag was taken back");
}

/// A reader that opened the old copy says nothing about the new one.
pub fn a_late_flag_does_not_damage_what_was_healed(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let broken = damage(on, &file);
    attach(on, &a_file(owner, b"x").build(), b"x");
    let healed = stored(on, &file).blob;
    on.blobs.flag_damaged(broken.id, &broken.key).unwrap();
    assert_eq!(stored(on, &file).blob, healed);
    assert!(!healed.damaged);
}

/// That is no error.
pub fn a_flag_on_content_that_is_gone_is_left_alone(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let blob = stored(on, &file).blob;
    for id in [i64::MIN, -1, 0, blob.id.as_i64() + 1, i64::MAX] {
        on.blobs
            .flag_damaged(BlobId::from_i64(id), &blob.key)
            .unwrap();
    }
    assert_eq!(stored(on, &file).blob, blob);
}

/// Each round replaces the copy of the round before.
pub fn healed_content_can_be_damaged_and_healed_again(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    for _ in 0..3 {
        let surplus = damage(on, &file).key;
        let answer = attach(on, &a_file(owner, b"x").build(), b"x");
        assert_eq!(answer, Attached::Replaced { surplus });
        assert!(!stored(on, &file).blob.damaged);
    }
}

/// And one upload heals what they all found.
pub fn simultaneous_flags_are_one_flag(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let blob = stored(on, &file).blob;
    race(RACERS, |_| {
        on.blobs.flag_damaged(blob.id, &blob.key).unwrap();
    });
    assert!(stored(on, &file).blob.damaged);
    attach(on, &a_file(owner, b"x").build(), b"x");
    assert!(!stored(on, &file).blob.damaged);
}

/// Content can be claimed again, and damaged again.
pub fn a_flag_that_is_taken_back_is_gone_for_all_entries(on: &Repositories) {
    let owner = register(on, 1);
    let (file, other) = (a_file(owner, b"x").build(), a_file(owner, b"y").build());
    attach(on, &file, b"x");
    attach(on, &other, b"y");
    let sound = damage(on, &file);
    let elsewhere = damage(on, &other);
    on.blobs.unflag_damaged(sound.id, &sound.key).unwrap();
    assert_eq!(stored(on, &file).blob, sound);
    assert_eq!(find(on, b"x"), Some(sound.clone()));
    assert_eq!(claimable(on, owner, b"x"), ClaimCandidates::One(sound));
    let still = on.upkeep.find_live_by_id(elsewhere.id).unwrap().unwrap();
    assert!(still.damaged, "the flag of other content was taken back");
    damage(on, &file);
    assert!(stored(on, &file).blob.damaged);
}

/// Who has read another copy knows nothing about the one that was flagged.
pub fn a_flag_is_taken_back_under_its_own_key_alone(on: &Repositories) {
    let owner = register(on, 1);
    let (file, other) = (a_file(owner, b"x").build(), a_file(owner, b"y").build());
    attach(on, &file, b"x");
    attach(on, &other, b"y");
    let old = damage(on, &file);
    attach(on, &a_file(owner, b"x").build(), b"x");
    let healed = damage(on, &file);
    let elsewhere = damage(on, &other);
    for key in [&old.key, &elsewhere.key, &fresh_key(&sha256_of(b"x"))] {
        on.blobs.unflag_damaged(healed.id, key).unwrap();
        assert!(stored(on, &file).blob.damaged, "{key}");
    }
    assert!(stored(on, &other).blob.damaged);
}

/// Be it the flag or the content; and that is no error.
pub fn taking_back_what_is_not_there_changes_nothing(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let blob = stored(on, &file).blob;
    on.blobs.unflag_damaged(blob.id, &blob.key).unwrap();
    assert_eq!(stored(on, &file).blob, blob);
    damage(on, &file);
    for id in [i64::MIN, -1, 0, blob.id.as_i64() + 1, i64::MAX] {
        let id = BlobId::from_i64(id);
        on.blobs.unflag_damaged(id, &blob.key).unwrap();
    }
    assert!(stored(on, &file).blob.damaged);
}

//! [`FileRepository`](kms_domain::files::FileRepository): entries are stored over content and read.

use std::collections::HashSet;

use kms_domain::PortErrorKind;
use kms_domain::files::{Attached, BlobKey, BlobRef, Settling, StoredFile};

use super::Repositories;
use super::support::{RACERS, assert_replaced, attach, count, damage, race, register, stored};
use crate::builders::{a_blob, a_file, file_id, md5_of, sha256_of, user_id};

/// The suite of the entries, over `fn() -> Repositories`; its other parts are in
/// [`claims`](super::claims), [`removals`](super::removals), [`lists`](super::lists) and
/// [`sorted`](super::sorted).
#[macro_export]
macro_rules! file_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { file_repository, $fresh,
            entries: [
                an_entry_over_new_bytes_comes_back_as_it_was_given,
                a_second_entry_over_the_same_bytes_shares_one_copy_the_fresh_one,
                content_is_told_apart_by_sha256_and_not_by_md5,
                one_owner_may_have_many_entries_over_one_content,
                an_upload_over_damaged_content_heals_it_for_everybody,
                an_entry_that_cannot_be_stored_leaves_no_content_behind,
                an_entry_that_cannot_be_stored_heals_nothing,
                a_noted_entry_is_stored_only_if_its_note_becomes_durable,
                an_entry_without_owner_is_an_error_and_leaves_nothing,
                of_simultaneous_uploads_of_the_same_bytes_one_is_stored,
                of_simultaneous_uploads_over_damaged_content_one_copy_is_left,
                simultaneous_uploads_of_different_bytes_are_all_stored,
                a_private_entry_is_read_by_its_owner_alone,
                a_public_entry_is_read_by_everybody,
                an_unknown_entry_is_read_by_nobody,
            ]
            claims: [
                an_own_entry_can_be_claimed_public_or_private,
                an_own_entry_is_in_scope_without_the_public_ones,
                a_public_entry_of_somebody_else_needs_the_public_scope,
                a_private_entry_of_somebody_else_is_never_in_scope,
                an_unknown_md5_fits_nothing,
                several_entries_over_one_content_are_one_candidate,
                two_own_contents_with_one_md5_are_ambiguous,
                two_public_contents_with_one_md5_are_ambiguous,
                an_own_and_a_public_content_with_one_md5_are_ambiguous,
                private_content_of_others_makes_nothing_ambiguous,
                a_sha256_narrows_the_scope_to_one_content,
                a_sha256_without_its_md5_fits_nothing,
                damaged_content_stays_in_scope_and_says_so,
                a_claim_stores_an_entry_over_the_known_copy,
                a_claimed_entry_is_a_right_of_its_own,
                a_claim_outside_of_the_scope_stores_nothing,
                a_claim_of_damaged_content_stores_nothing,
                a_claim_that_became_ambiguous_stores_nothing,
                a_claim_of_another_content_than_the_one_in_scope_stores_nothing,
                a_claim_that_fails_stores_nothing,
                simultaneous_claims_are_all_linked,
            ]
            removals: [
                a_removed_entry_is_gone_for_everybody,
                an_entry_of_somebody_else_is_not_removed,
                a_removal_takes_one_entry_and_nothing_else,
                content_outlives_its_last_entry,
                of_simultaneous_removals_one_removes,
                what_went_while_it_was_private_leaves_nothing_to_remove_without_favourites,
            ]
            edits: [
                an_entry_is_changed_and_what_is_not_named_stays,
                what_is_so_already_is_no_change,
                an_entry_that_is_not_as_it_was_taken_to_be_stays_as_it_is,
                of_simultaneous_changes_of_one_state_a_single_one_is_made,
                an_entry_of_somebody_else_is_not_changed,
                a_label_is_told_to_its_owner_alone,
                what_is_published_is_read_by_everybody_and_what_is_withdrawn_by_nobody,
            ]
            lists: [
                own_entries_come_newest_first,
                of_one_millisecond_the_later_stored_comes_first,
                an_own_list_holds_nobody_elses_entries,
                pages_of_an_own_list_meet_without_gap_or_double,
                pages_stay_in_place_when_newer_entries_arrive,
                a_summary_says_what_the_entry_says,
                public_entries_of_others_come_newest_first,
                private_entries_of_others_are_not_listed,
                content_that_one_has_is_not_recommended,
                of_several_entries_over_one_content_the_newest_is_listed,
                a_private_entry_does_not_stand_in_for_a_public_one,
                the_limit_counts_contents_and_not_entries,
            ]
            sorted: [
                own_entries_come_in_the_order_that_is_asked_for,
                names_are_ordered_by_their_code_points,
                identity_orders_what_is_alike,
                pages_of_every_order_meet_without_gap_or_double,
                a_place_outlives_its_entry,
                a_filter_lets_pass_what_it_says,
                a_listed_entry_says_what_it_is_and_how_large,
                what_is_in_the_trash_is_in_no_order,
            ]
        }
    };
}

/// Every field of the entry and of the content under it.
pub fn an_entry_over_new_bytes_comes_back_as_it_was_given(on: &Repositories) {
    for (n, size) in [0, 1, 1 << 40, i64::MAX as u64].into_iter().enumerate() {
        // The last one is all that an account can ever hold.
        let owner = register(on, n as u32);
        let bytes = [n as u8; 3];
        let file = a_file(owner, &bytes).title(" 报告/../'%.pdf ").private();
        let file = file.at(-5 - n as i64).build();
        let blob = a_blob(&bytes).size(size).build();
        assert_eq!(on.files.attach(&file, &blob).unwrap(), Attached::Stored);
        let found = stored(on, &file);
        let expected = StoredFile {
            id: file.id,
            owner,
            title: file.title,
            label: None,
            md5: md5_of(&bytes),
            visibility: file.visibility,
            created_at: file.created_at,
            blob: BlobRef {
                id: found.blob.id,
                sha256: sha256_of(&bytes),
                size,
                key: blob.key,
                damaged: false,
            },
        };
        assert_eq!(found, expected);
    }
}

/// No row refers to the first copy any more: who offers bytes cannot know whether those that are
/// there are still sound.
pub fn a_second_entry_over_the_same_bytes_shares_one_copy_the_fresh_one(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    for bytes in [b"x".as_slice(), b""] {
        let (first, second) = (
            a_file(one, bytes).build(),
            a_file(two, bytes).private().build(),
        );
        assert_eq!(attach(on, &first, bytes), Attached::Stored);
        let old = stored(on, &first).blob;
        let blob = a_blob(bytes).build();
        let surplus = old.key.clone();
        let answer = on.files.attach(&second, &blob).unwrap();
        assert_eq!(answer, Attached::Replaced { surplus });
        let fresh = BlobRef {
            key: blob.key,
            ..old
        };
        assert_eq!(stored(on, &second).blob, fresh);
        assert_eq!(stored(on, &first).blob, fresh);
    }
}

/// A collision of MD5 mixes nothing up, and the same bytes under another MD5 are the same bytes.
pub fn content_is_told_apart_by_sha256_and_not_by_md5(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"good").build();
    let twin = a_file(owner, b"evil").md5(md5_of(b"good")).build();
    let alias = a_file(owner, b"good").md5(md5_of(b"alias")).build();
    assert_eq!(attach(on, &file, b"good"), Attached::Stored);
    assert_eq!(attach(on, &twin, b"evil"), Attached::Stored);
    assert_replaced(&attach(on, &alias, b"good"));
    let (file, twin, alias) = (stored(on, &file), stored(on, &twin), stored(on, &alias));
    assert_ne!(file.blob.id, twin.blob.id);
    assert_eq!(twin.blob.sha256, sha256_of(b"evil"));
    assert_eq!(file.blob, alias.blob);
    assert_eq!((file.md5, twin.md5), (md5_of(b"good"), md5_of(b"good")));
    assert_eq!(alias.md5, md5_of(b"alias"));
}

/// Each with its own title, date and visibility.
pub fn one_owner_may_have_many_entries_over_one_content(on: &Repositories) {
    let owner = register(on, 1);
    let files = ["a", "b", "b"].map(|title| a_file(owner, b"x").title(title).build());
    for file in &files {
        attach(on, file, b"x");
    }
    for file in &files {
        assert_eq!(stored(on, file).title, file.title);
    }
    assert_eq!(on.files.list_owned(owner, None, 10).unwrap().len(), 3);
}

/// The row keeps its identity, takes over the new key and loses the flag.
pub fn an_upload_over_damaged_content_heals_it_for_everybody(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let (first, second) = (a_file(one, b"x").build(), a_file(two, b"x").build());
    attach(on, &first, b"x");
    let broken = damage(on, &first);
    let blob = a_blob(b"x").build();
    let answer = on.files.attach(&second, &blob).unwrap();
    let surplus = broken.key.clone();
    assert_eq!(answer, Attached::Replaced { surplus });
    let healed = BlobRef {
        key: blob.key,
        ..broken
    };
    assert!(!healed.damaged);
    assert_eq!(stored(on, &first).blob, healed);
    assert_eq!(stored(on, &second).blob, healed);
}

/// All or nothing: bytes whose entry clashes are still unknown afterwards.
pub fn an_entry_that_cannot_be_stored_leaves_no_content_behind(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let first = a_file(one, b"x").id(file_id(1)).build();
    attach(on, &first, b"x");
    let before = stored(on, &first);
    let clash = a_file(two, b"y").id(file_id(1)).title("thief").build();
    assert!(on.files.attach(&clash, &a_blob(b"y").build()).is_err());
    assert_eq!(stored(on, &first), before);
    assert!(on.files.list_owned(two, None, 10).unwrap().is_empty());
    assert_eq!(
        attach(on, &a_file(two, b"y").build(), b"y"),
        Attached::Stored
    );
}

/// The failure is that of the note, and nothing is left of it.
pub fn a_noted_entry_is_stored_only_if_its_note_becomes_durable(on: &Repositories) {
    let owner = register(on, 1);
    for (position, outcome) in [(1, Err(PortErrorKind::StorageFull)), (2, Ok(()))] {
        let (settle, settling) = Settling::new();
        settle.tell(outcome);
        let file = a_file(owner, b"x").build();
        let blob = a_blob(b"x").noted("log", position, settling).build();
        let attached = on.files.attach(&file, &blob);
        assert_eq!(
            attached.map_err(|error| error.kind()),
            outcome.map(|()| Attached::Stored)
        );
        let found = on.files.find_readable(file.id, owner).unwrap();
        assert_eq!(found.is_some(), outcome.is_ok());
    }
}

/// All or nothing: the row still points at the damaged copy, and the offered one is surplus.
pub fn an_entry_that_cannot_be_stored_heals_nothing(on: &Repositories) {
    let owner = register(on, 1);
    let first = a_file(owner, b"x").id(file_id(1)).build();
    attach(on, &first, b"x");
    let broken = damage(on, &first);
    assert!(on.files.attach(&first, &a_blob(b"x").build()).is_err());
    let found = stored(on, &first).blob;
    assert_eq!((found.key, found.damaged), (broken.key, true));
}

/// Nobody's entry is not stored, and neither are its bytes.
pub fn an_entry_without_owner_is_an_error_and_leaves_nothing(on: &Repositories) {
    let orphan = a_file(user_id(9), b"x").build();
    assert!(on.files.attach(&orphan, &a_blob(b"x").build()).is_err());
    let owner = register(on, 1);
    assert_eq!(on.files.find_readable(orphan.id, owner).unwrap(), None);
    assert_eq!(
        attach(on, &a_file(owner, b"x").build(), b"x"),
        Attached::Stored
    );
}

/// The others replace each other's copies: all but one are surplus, each is named once, and the one
/// that is left is where the row says. No entry is lost.
pub fn of_simultaneous_uploads_of_the_same_bytes_one_is_stored(on: &Repositories) {
    let owners: Vec<_> = (0..4).map(|n| register(on, n)).collect();
    let files: Vec<_> = (0..RACERS)
        .map(|n| a_file(owners[n as usize % 4], b"x").build())
        .collect();
    let keys = race(RACERS, |n| {
        let blob = a_blob(b"x").build();
        let answer = on.files.attach(&files[n as usize], &blob).unwrap();
        (answer, blob.key)
    });
    let (answers, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    assert_eq!(count(&answers, &Attached::Stored), 1);
    let kept = only_left(&answers, keys);
    for file in &files {
        assert_eq!(stored(on, file).blob.key, kept);
    }
}

/// One of the fresh copies is left; the damaged one is surplus.
pub fn of_simultaneous_uploads_over_damaged_content_one_copy_is_left(on: &Repositories) {
    let owner = register(on, 1);
    let first = a_file(owner, b"x").build();
    attach(on, &first, b"x");
    let broken = damage(on, &first);
    let answers = race(RACERS, |_| {
        let blob = a_blob(b"x").build();
        let answer = on.files.attach(&a_file(owner, b"x").build(), &blob);
        (answer.unwrap(), blob.key)
    });
    let (answers, mut keys): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    keys.push(broken.key.clone());
    let kept = only_left(&answers, keys);
    assert_ne!(kept, broken.key);
    let found = stored(on, &first).blob;
    assert_eq!((found.key, found.damaged), (kept, false));
}

/// Of `keys`, the one that no answer calls surplus.
fn only_left(answers: &[Attached], keys: Vec<BlobKey>) -> BlobKey {
    let mut left: HashSet<_> = keys.into_iter().collect();
    for answer in answers {
        if let Attached::Replaced { surplus } = answer {
            assert!(left.remove(surplus), "{surplus} is surplus twice");
        }
    }
    assert_eq!(left.len(), 1);
    left.into_iter().next().unwrap()
}

/// They do not stand in each other's way.
pub fn simultaneous_uploads_of_different_bytes_are_all_stored(on: &Repositories) {
    let owner = register(on, 1);
    let answers = race(RACERS, |n| {
        let bytes = n.to_le_bytes();
        attach(on, &a_file(owner, &bytes).build(), &bytes)
    });
    assert_eq!(count(&answers, &Attached::Stored), RACERS as usize);
    let listed = on.files.list_owned(owner, None, 100).unwrap();
    assert_eq!(listed.len(), RACERS as usize);
}

/// To everybody else it is not there, not even to one who has the same bytes.
pub fn a_private_entry_is_read_by_its_owner_alone(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let secret = a_file(owner, b"x").private().build();
    attach(on, &secret, b"x");
    attach(on, &a_file(other, b"x").build(), b"x");
    assert!(on.files.find_readable(secret.id, owner).unwrap().is_some());
    assert_eq!(on.files.find_readable(secret.id, other).unwrap(), None);
    assert_eq!(on.files.find_readable(secret.id, user_id(9)).unwrap(), None);
}

/// With the same answer for each of them.
pub fn a_public_entry_is_read_by_everybody(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let found = on.files.find_readable(file.id, other).unwrap();
    assert_eq!(found, Some(stored(on, &file)));
}

/// Not even by one who has others.
pub fn an_unknown_entry_is_read_by_nobody(on: &Repositories) {
    let owner = register(on, 1);
    assert_eq!(on.files.find_readable(file_id(1), owner).unwrap(), None);
    attach(on, &a_file(owner, b"x").build(), b"x");
    assert_eq!(on.files.find_readable(file_id(1), owner).unwrap(), None);
}

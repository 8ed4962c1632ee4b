//! [`TrashRepository`](kms_domain::files::TrashRepository): entries are deleted, brought back and removed.

use kms_domain::files::{Attached, ClaimCandidates, Detached, Edited, FileId, Limit, NewFile};
use kms_domain::users::UserId;

use super::Repositories;
use super::edits::labelled;
use super::support::{RACERS, attach, claimable, count, offered, race, register, stored};
use super::usage::{own, used};
use crate::builders::{a_blob, a_file, at, file_id, sha256_of, user_id};

/// The suite of the trash, over `fn() -> Repositories`.
#[macro_export]
macro_rules! trash_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { trash_repository, $fresh,
            discards: [
                a_discarded_entry_is_in_no_answer,
                an_entry_of_somebody_else_is_neither_discarded_nor_restored_nor_purged,
                a_restored_entry_is_as_it_was,
                a_discard_and_a_restore_change_no_usage_and_a_purge_gives_the_room_back,
                content_in_the_trash_is_not_doomed,
                a_purge_takes_one_entry_for_good,
                the_trash_is_listed_the_last_deleted_first,
                pages_of_the_trash_meet_without_gap_or_double,
                what_was_deleted_before_a_moment_is_purged_the_oldest_first,
                of_simultaneous_restores_one_restores,
                of_a_restore_and_a_purge_at_once_one_wins,
                an_entry_whose_owner_is_full_is_restored,
            ]
        }
    };
}

fn put(on: &Repositories, owner: UserId, bytes: &[u8]) -> NewFile {
    let file = a_file(owner, bytes).build();
    attach(on, &file, bytes);
    file
}

fn discard(on: &Repositories, file: &NewFile, millis: i64) {
    let discarded = on.trash.discard(file.owner, file.id, at(millis)).unwrap();
    assert_eq!(discarded, Detached::Removed);
}

fn trashed(on: &Repositories, owner: UserId) -> Vec<FileId> {
    let list = on.trash.list(owner, None, 100).unwrap();
    list.into_iter().map(|it| it.file.id).collect()
}

/// Not read, listed, claimed, changed or removed; also not discarded again.
pub fn a_discarded_entry_is_in_no_answer(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = put(on, owner, b"x");
    discard(on, &file, 5);
    for asker in [owner, other] {
        assert_eq!(on.files.find_readable(file.id, asker).unwrap(), None);
        assert_eq!(claimable(on, asker, b"x"), ClaimCandidates::None);
    }
    assert!(on.files.list_owned(owner, None, 9).unwrap().is_empty());
    assert!(offered(on, other, 9).is_empty());
    assert_eq!(on.files.detach(owner, file.id).unwrap(), Detached::NotFound);
    let change = labelled(Some("a"));
    let edited = on.files.update(owner, file.id, &change).unwrap();
    assert_eq!(edited, Edited::NotFound);
    let again = on.trash.discard(owner, file.id, at(6)).unwrap();
    assert_eq!(again, Detached::NotFound);
    assert_eq!(trashed(on, owner), [file.id]);
    assert!(trashed(on, other).is_empty());
}

/// Nor one that there never was.
pub fn an_entry_of_somebody_else_is_neither_discarded_nor_restored_nor_purged(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let (kept, gone) = (put(on, owner, b"x"), put(on, owner, b"y"));
    discard(on, &gone, 0);
    for id in [kept.id, gone.id, file_id(77)] {
        for who in [other, user_id(99)] {
            assert_eq!(
                on.trash.discard(who, id, at(1)).unwrap(),
                Detached::NotFound
            );
            assert!(!on.trash.restore(who, id).unwrap());
            assert_eq!(on.trash.purge(who, id).unwrap(), Detached::NotFound);
        }
    }
    assert_eq!(stored(on, &kept).id, kept.id);
    assert_eq!(trashed(on, owner), [gone.id]);
    // Nor is one that is not in the trash purged or restored from there.
    assert_eq!(on.trash.purge(owner, kept.id).unwrap(), Detached::NotFound);
    assert!(!on.trash.restore(owner, kept.id).unwrap());
}

/// Every field, its place in the own list, and what others may do with it.
pub fn a_restored_entry_is_as_it_was(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let (first, file, last) = (
        put(on, owner, b"a"),
        put(on, owner, b"b"),
        put(on, owner, b"c"),
    );
    let private = a_file(owner, b"d").private().at(-1).build();
    attach(on, &private, b"d");
    on.files
        .update(owner, file.id, &labelled(Some("合同")))
        .unwrap();
    let before = (stored(on, &file), stored(on, &private));
    let list = on.files.list_owned(owner, None, 9).unwrap();
    for file in [&file, &private] {
        discard(on, file, 9);
        assert!(on.trash.restore(owner, file.id).unwrap());
        assert!(!on.trash.restore(owner, file.id).unwrap());
    }
    assert_eq!((stored(on, &file), stored(on, &private)), before);
    assert_eq!(on.files.list_owned(owner, None, 9).unwrap(), list);
    let ids: Vec<_> = list.iter().map(|it| it.id).collect();
    assert_eq!(ids, [last.id, file.id, first.id, private.id]);
    assert!(on.files.find_readable(file.id, other).unwrap().is_some());
    assert_eq!(on.files.find_readable(private.id, other).unwrap(), None);
    assert!(trashed(on, owner).is_empty());
    // A new entry comes behind those that were there before.
    let newer = put(on, owner, b"e");
    let list = on.files.list_owned(owner, None, 1).unwrap();
    assert_eq!(list[0].id, newer.id);
}

/// I14: the trash counts.
pub fn a_discard_and_a_restore_change_no_usage_and_a_purge_gives_the_room_back(on: &Repositories) {
    let owner = register(on, 1);
    let (file, kept) = (put(on, owner, b"12345"), put(on, owner, b"123"));
    let (before, left) = (used(on, owner), used(on, owner).bytes - 5);
    discard(on, &file, 0);
    assert_eq!(used(on, owner), before);
    on.trash.restore(owner, file.id).unwrap();
    assert_eq!(used(on, owner), before);
    discard(on, &file, 0);
    on.trash.purge(owner, file.id).unwrap();
    assert_eq!((used(on, owner).bytes, used(on, owner).files), (left, 1));
    discard(on, &kept, 0);
    assert_eq!(on.trash.purge_before(at(1), 9).unwrap(), 1);
    assert_eq!((used(on, owner).bytes, used(on, owner).files), (0, 0));
}

/// It may be brought back.
pub fn content_in_the_trash_is_not_doomed(on: &Repositories) {
    let owner = register(on, 1);
    let file = put(on, owner, b"x");
    let blob = stored(on, &file).blob;
    discard(on, &file, 0);
    let window = on.upkeep.list_unreferenced(None, at(99), 9).unwrap();
    assert!(window.blobs.is_empty());
    assert_eq!(on.upkeep.doom(&[blob.id], at(99)).unwrap(), 0);
    assert!(on.trash.restore(owner, file.id).unwrap());
    assert_eq!(stored(on, &file).blob, blob);
    discard(on, &file, 0);
    on.trash.purge(owner, file.id).unwrap();
    assert_eq!(on.upkeep.doom(&[blob.id], at(99)).unwrap(), 1);
}

/// Its neighbours stay, and its content until it is collected.
pub fn a_purge_takes_one_entry_for_good(on: &Repositories) {
    let owner = register(on, 1);
    let (gone, stays) = (put(on, owner, b"x"), put(on, owner, b"x"));
    discard(on, &gone, 0);
    discard(on, &stays, 1);
    assert_eq!(on.trash.purge(owner, gone.id).unwrap(), Detached::Removed);
    assert_eq!(on.trash.purge(owner, gone.id).unwrap(), Detached::NotFound);
    assert!(!on.trash.restore(owner, gone.id).unwrap());
    assert_eq!(trashed(on, owner), [stays.id]);
    assert!(on.blobs.find_live(&sha256_of(b"x")).unwrap().is_some());
}

/// With what they were, their sizes and the times of their deletion.
pub fn the_trash_is_listed_the_last_deleted_first(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let (a, b, c) = (
        put(on, owner, b"a"),
        put(on, owner, b"bb"),
        put(on, owner, b"ccc"),
    );
    let before = on.files.list_owned(owner, None, 9).unwrap();
    discard(on, &b, 7);
    discard(on, &a, 9);
    discard(on, &c, 7);
    discard(on, &put(on, other, b"z"), 8);
    let list = on.trash.list(owner, None, 9).unwrap();
    let seen: Vec<_> = list
        .iter()
        .map(|it| (it.file.id, it.size, it.deleted_at))
        .collect();
    let mut alike = [(b.id, 2, at(7)), (c.id, 3, at(7))];
    // Of one millisecond, the greater identity first.
    alike.sort_unstable_by_key(|(id, ..)| std::cmp::Reverse(*id));
    assert_eq!(seen, [&[(a.id, 1, at(9))], &alike[..]].concat());
    for it in &list {
        assert_eq!(
            before.iter().find(|was| was.id == it.file.id),
            Some(&it.file)
        );
    }
    assert_eq!(on.trash.list(owner, None, 1).unwrap(), list[..1]);
    assert!(on.trash.list(owner, None, 0).unwrap().is_empty());
}

/// Whatever their size, and also where several entries share a millisecond.
pub fn pages_of_the_trash_meet_without_gap_or_double(on: &Repositories) {
    let owner = register(on, 1);
    for (n, millis) in [5, 5, 9, 5, 1, 9, 5].into_iter().enumerate() {
        discard(on, &put(on, owner, &[n as u8]), millis);
    }
    let whole = on.trash.list(owner, None, 100).unwrap();
    assert_eq!(whole.len(), 7);
    for size in 1..=8 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = on.trash.list(owner, after, size).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            all.extend(page);
            assert!(all.len() <= whole.len(), "an entry was listed twice");
        }
        assert_eq!(all, whole, "pages of {size}");
    }
}

/// Of everybody; what was deleted in that very millisecond stays.
pub fn what_was_deleted_before_a_moment_is_purged_the_oldest_first(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let files: Vec<_> = [(one, 3), (two, 1), (one, 2), (two, 4), (one, 5)]
        .into_iter()
        .enumerate()
        .map(|(n, (owner, millis))| {
            let file = put(on, owner, &[n as u8]);
            discard(on, &file, millis);
            file
        })
        .collect();
    assert_eq!(on.trash.purge_before(at(1), 9).unwrap(), 0);
    assert_eq!(on.trash.purge_before(at(5), 0).unwrap(), 0);
    assert_eq!(on.trash.purge_before(at(5), 2).unwrap(), 2);
    assert_eq!(trashed(on, one), [files[4].id, files[0].id]);
    assert_eq!(trashed(on, two), [files[3].id]);
    assert_eq!(on.trash.purge_before(at(5), 9).unwrap(), 2);
    assert_eq!(trashed(on, one), [files[4].id]);
    assert!(trashed(on, two).is_empty());
}

/// One of them is told that it was the one.
pub fn of_simultaneous_restores_one_restores(on: &Repositories) {
    let owner = register(on, 1);
    let file = put(on, owner, b"x");
    discard(on, &file, 0);
    let answers = race(RACERS, |_| on.trash.restore(owner, file.id).unwrap());
    assert_eq!(count(&answers, &true), 1);
    assert_eq!(on.files.list_owned(owner, None, 9).unwrap().len(), 1);
}

/// And what the winner was told is so.
pub fn of_a_restore_and_a_purge_at_once_one_wins(on: &Repositories) {
    let owner = register(on, 1);
    for n in 0..8_u8 {
        let file = put(on, owner, &[n]);
        discard(on, &file, 0);
        let answers = race(2, |i| match i {
            0 => on.trash.restore(owner, file.id).unwrap(),
            _ => on.trash.purge(owner, file.id).unwrap() == Detached::Removed,
        });
        assert_eq!(count(&answers, &true), 1);
        let found = on.files.find_readable(file.id, owner).unwrap();
        assert_eq!(found.is_some(), answers[0]);
    }
}

/// Its room was never given back.
pub fn an_entry_whose_owner_is_full_is_restored(on: &Repositories) {
    let owner = register(on, 1);
    let file = put(on, owner, b"x");
    discard(on, &file, 0);
    let none = own(Limit::AtMost(0), Limit::AtMost(0));
    on.usage.set_quota(owner, none).unwrap();
    let refused = a_file(owner, b"y").build();
    let answer = on.files.attach(&refused, &a_blob(b"y").build()).unwrap();
    assert_eq!(answer, Attached::OverQuota);
    assert!(on.trash.restore(owner, file.id).unwrap());
    assert_eq!(used(on, owner).files, 1);
}

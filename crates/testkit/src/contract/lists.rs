//! [`FileRepository`](kms_domain::files::FileRepository): what the lists hold, and in which order.
//! The list of promises stands in [`entries`](super::entries).

use kms_domain::files::{FileId, FileSummary, NewFile, PublicFile};
use kms_domain::users::UserId;

use super::Repositories;
use super::support::{attach, register};
use crate::builders::{a_blob, a_favourite, a_file, a_user, at};

/// Stores a public entry of `owner` over `bytes`, uploaded `millis` after noon.
fn put(on: &Repositories, owner: UserId, bytes: &[u8], millis: i64) -> FileId {
    put_file(on, &a_file(owner, bytes).at(millis).build(), bytes)
}

fn put_file(on: &Repositories, file: &NewFile, bytes: &[u8]) -> FileId {
    attach(on, file, bytes);
    file.id
}

fn public_ids(list: Vec<PublicFile>) -> Vec<FileId> {
    list.into_iter().map(|entry| entry.id).collect()
}

fn ids(list: Vec<FileSummary>) -> Vec<FileId> {
    list.into_iter().map(|entry| entry.id).collect()
}

fn owned(on: &Repositories, owner: UserId, limit: usize) -> Vec<FileId> {
    ids(on.files.list_owned(owner, None, limit).unwrap())
}

fn public(on: &Repositories, asker: UserId, limit: usize) -> Vec<FileId> {
    public_ids(on.files.list_public_of_others(asker, limit).unwrap())
}

/// By the time of upload, not in the order of storing; and a limit cuts the end off.
pub fn own_entries_come_newest_first(on: &Repositories) {
    let owner = register(on, 1);
    assert!(owned(on, owner, 10).is_empty());
    let middle = put(on, owner, b"b", 20);
    let newest = put(on, owner, b"c", 30);
    let oldest = put(on, owner, b"a", -10);
    assert_eq!(owned(on, owner, usize::MAX), [newest, middle, oldest]);
    assert_eq!(owned(on, owner, 2), [newest, middle]);
    assert!(owned(on, owner, 0).is_empty());
}

/// Ids are random, so only the order of storing can decide.
pub fn of_one_millisecond_the_later_stored_comes_first(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let mut expected: Vec<_> = (0..8_u8).map(|n| put(on, owner, &[n], 5)).collect();
    let blob = a_blob(&[0]).build();
    // The last one links to content that is older than all the others'.
    let last = a_file(owner, &[0]).at(5).build();
    on.files.attach(&last, &blob).unwrap();
    expected.push(last.id);
    expected.reverse();
    assert_eq!(owned(on, owner, 100), expected);
    expected.pop();
    // Of the two entries over the content [0], the later one is listed.
    assert_eq!(public(on, other, 100), expected);
}

/// Public or private, over the same content or another.
pub fn an_own_list_holds_nobody_elses_entries(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    put(on, other, b"x", 1);
    put_file(on, &a_file(other, b"y").private().build(), b"y");
    assert!(owned(on, owner, 10).is_empty());
    let mine = put(on, owner, b"x", 1);
    let secret = put_file(on, &a_file(owner, b"z").private().build(), b"z");
    assert_eq!(owned(on, owner, 10), [mine, secret]);
}

/// Whatever their size, and also where several entries share a millisecond.
pub fn pages_of_an_own_list_meet_without_gap_or_double(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    for (n, millis) in [5, 5, 9, 5, 1, 9, 5, 1, 5].into_iter().enumerate() {
        put(on, owner, &[n as u8], millis);
        put(on, other, &[n as u8], millis);
    }
    let whole = owned(on, owner, 100);
    assert_eq!(whole.len(), 9);
    for size in 1..=10 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = on.files.list_owned(owner, after, size).unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.position);
            all.extend(ids(page));
            assert!(all.len() <= whole.len(), "an entry was listed twice");
        }
        assert_eq!(all, whole, "pages of {size}");
    }
}

/// A position is a place in the order, not a number of entries to skip.
pub fn pages_stay_in_place_when_newer_entries_arrive(on: &Repositories) {
    let owner = register(on, 1);
    let (a, b, c) = (
        put(on, owner, b"a", 1),
        put(on, owner, b"b", 2),
        put(on, owner, b"c", 3),
    );
    let first = on.files.list_owned(owner, None, 1).unwrap();
    put(on, owner, b"d", 3);
    put(on, owner, b"e", 4);
    let rest = on
        .files
        .list_owned(owner, Some(first[0].position), 10)
        .unwrap();
    assert_eq!(ids(first), [c]);
    assert_eq!(ids(rest), [b, a]);
}

/// Title, visibility and date, in both lists alike.
pub fn a_summary_says_what_the_entry_says(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let open = a_file(owner, b"x").title("open.txt").at(-7).build();
    let secret = a_file(owner, b"y").title(" '秘密").private().at(-8).build();
    put_file(on, &open, b"x");
    put_file(on, &secret, b"y");
    let listed = on.files.list_owned(owner, None, 10).unwrap();
    assert_eq!(listed.len(), 2);
    for (entry, file) in listed.iter().zip([&open, &secret]) {
        assert_eq!((entry.id, &entry.title), (file.id, &file.title));
        assert_eq!(entry.visibility, file.visibility);
        assert_eq!(entry.position.created_at, file.created_at);
    }
    assert_eq!(listed[0].position.created_at, at(-7));
    let seen = on.files.list_public_of_others(other, 10).unwrap();
    let expected = PublicFile {
        id: open.id,
        title: open.title,
        owner,
        owner_name: a_user(1).name,
        position: listed[0].position,
    };
    assert_eq!(seen, [expected]);
}

/// From all others together; the asker's own are not among them.
pub fn public_entries_of_others_come_newest_first(on: &Repositories) {
    let (asker, one, two) = (register(on, 1), register(on, 2), register(on, 3));
    assert!(public(on, asker, 10).is_empty());
    put(on, asker, b"mine", 99);
    let b = put(on, one, b"b", 2);
    let d = put(on, one, b"d", 4);
    let a = put(on, two, b"a", -1);
    let c = put(on, two, b"c", 3);
    assert_eq!(public(on, asker, usize::MAX), [d, c, b, a]);
    assert_eq!(public(on, asker, 3), [d, c, b]);
    assert!(public(on, asker, 0).is_empty());
}

/// To the asker they do not exist.
pub fn private_entries_of_others_are_not_listed(on: &Repositories) {
    let (asker, other) = (register(on, 1), register(on, 2));
    put_file(on, &a_file(other, b"x").private().build(), b"x");
    assert!(public(on, asker, 10).is_empty());
}

/// An own entry over the content is enough, private or with another MD5, or a favourite. An avatar is no
/// entry.
pub fn content_that_one_has_is_not_recommended(on: &Repositories) {
    let (asker, other) = (register(on, 1), register(on, 2));
    put(on, other, b"x", 1);
    put(on, other, b"y", 2);
    let kept = put(on, other, b"z", 3);
    let loved = put(on, other, b"w", 4);
    assert_eq!(public(on, asker, 10).len(), 4);
    on.favourites.add(&a_favourite(asker, loved)).unwrap();
    put_file(on, &a_file(asker, b"x").private().build(), b"x");
    let alias = a_file(asker, b"y")
        .md5(crate::builders::md5_of(b"alias"))
        .build();
    put_file(on, &alias, b"y");
    let portrait = a_blob(b"z").build();
    on.avatars.set_avatar(asker, &portrait, at(4)).unwrap();
    assert_eq!(public(on, asker, 10), [kept]);
}

/// Whoever uploaded it, and whatever the order of storing.
pub fn of_several_entries_over_one_content_the_newest_is_listed(on: &Repositories) {
    let (asker, one, two) = (register(on, 1), register(on, 2), register(on, 3));
    put(on, one, b"x", 1);
    let newest = put(on, two, b"x", 9);
    put(on, one, b"x", 3);
    let between = put(on, one, b"y", 5);
    assert_eq!(public(on, asker, 10), [newest, between]);
}

/// A newer private entry over the same content neither shows nor hides the public one.
pub fn a_private_entry_does_not_stand_in_for_a_public_one(on: &Repositories) {
    let (asker, one, two) = (register(on, 1), register(on, 2), register(on, 3));
    let shown = put(on, one, b"x", 1);
    put_file(on, &a_file(two, b"x").private().at(9).build(), b"x");
    put_file(on, &a_file(one, b"x").private().at(8).build(), b"x");
    assert_eq!(public(on, asker, 10), [shown]);
}

/// Doubles and own content do not use up places.
pub fn the_limit_counts_contents_and_not_entries(on: &Repositories) {
    let (asker, other) = (register(on, 1), register(on, 2));
    let b = put(on, other, b"b", 1);
    let mut a = put(on, other, b"a", 2);
    for millis in 3..10 {
        a = put(on, other, b"a", millis);
        put(on, other, b"had", millis);
    }
    put(on, asker, b"had", 20);
    assert_eq!(public(on, asker, 2), [a, b]);
    assert_eq!(public(on, asker, 1), [a]);
}

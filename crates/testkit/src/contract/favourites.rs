//! [`FavouriteRepository`](kms_domain::files::FavouriteRepository): entries of one's own over the bytes of
//! others' entries.

use kms_domain::files::{
    Edited, EntryChange, EntryState, Favoured, Favourite, FileId, Limit, NewFile, StoredFile,
    Visibility,
};
use kms_domain::users::UserId;

use super::Repositories;
use super::edits::{label, labelled, shown, titled};
use super::support::{RACERS, attach, count, race, register, stored};
use super::usage::{own, used};
use super::withheld::tidy_up;
use crate::builders::{a_favourite, a_file, a_user, at, file_id};

/// The suite of the favourites, over `fn() -> Repositories`.
#[macro_export]
macro_rules! favourite_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { favourite_repository, $fresh,
            favourites: [
                a_favourite_is_an_entry_of_ones_own_over_the_same_content,
                a_favourite_is_read_by_its_owner_alone,
                what_one_may_not_read_is_no_favourite,
                a_second_favourite_of_one_entry_is_the_first,
                a_favourite_is_charged_and_its_room_given_back,
                a_favourite_beyond_the_quota_is_not_stored,
                a_favourite_goes_by_its_own_id_or_by_that_of_its_source,
                a_favourite_outlives_the_deletion_of_its_source,
                content_of_a_favourite_is_not_doomed,
                a_favourite_has_a_title_and_a_label_of_its_own,
                a_favourite_that_is_not_as_it_was_taken_to_be_stays_as_it_is,
                favourites_come_the_last_added_first_in_pages_that_meet,
                of_simultaneous_favourites_of_one_entry_one_is_added,
            ]
            withheld: [
                a_favourite_is_withheld_while_its_source_is_private,
                what_was_private_when_it_was_removed_is_withheld_for_ever,
                what_is_withheld_can_be_given_up_by_its_own_id,
                every_lost_source_is_found_whatever_the_window,
                nobody_is_withheld_a_favourite_of_an_own_entry,
            ]
        }
    };
}

/// A public entry of `owner`.
pub(super) fn put(on: &Repositories, owner: UserId, bytes: &[u8]) -> NewFile {
    let file = a_file(owner, bytes).title("theirs.txt").build();
    attach(on, &file, bytes);
    file
}

/// Makes a favourite and answers its identity.
pub(super) fn add(on: &Repositories, owner: UserId, source: FileId) -> FileId {
    let favourite = a_favourite(owner, source);
    assert_eq!(on.favourites.add(&favourite).unwrap(), Favoured::Added);
    favourite.id
}

pub(super) fn list(on: &Repositories, owner: UserId) -> Vec<Favourite> {
    on.favourites.list(owner, None, 100).unwrap()
}

pub(super) fn read(on: &Repositories, asker: UserId, id: FileId) -> Option<StoredFile> {
    on.files.find_readable(id, asker).unwrap()
}

pub(super) fn show(on: &Repositories, file: &NewFile, visibility: Visibility) {
    let edited = on.files.update(file.owner, file.id, &shown(visibility));
    assert_eq!(edited.unwrap(), Edited::Changed);
}

/// With the title of its source, and no label whatever the source has.
pub fn a_favourite_is_an_entry_of_ones_own_over_the_same_content(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let file = put(on, author, b"x");
    on.files
        .update(author, file.id, &labelled(Some("secret")))
        .unwrap();
    let mut favourite = a_favourite(fan, file.id);
    favourite.created_at = at(7);
    assert_eq!(on.favourites.add(&favourite).unwrap(), Favoured::Added);
    let expected = StoredFile {
        id: favourite.id,
        owner: fan,
        label: None,
        visibility: Visibility::Private,
        created_at: at(7),
        ..stored(on, &file)
    };
    assert_eq!(read(on, fan, favourite.id), Some(expected));
    let all = list(on, fan);
    assert_eq!(all.len(), 1);
    let listed = &all[0];
    assert_eq!((listed.id, listed.source), (favourite.id, file.id));
    assert_eq!((&listed.title, &listed.label), (&file.title, &None));
    assert_eq!((listed.size, listed.created_at), (1, at(7)));
    assert_eq!(listed.source_owner, author);
    assert_eq!(listed.source_owner_name, a_user(1).name);
    assert!(on.files.list_owned(fan, None, 9).unwrap().is_empty());
}

/// Its source's owner is somebody else to it.
pub fn a_favourite_is_read_by_its_owner_alone(on: &Repositories) {
    let (author, fan, other) = (register(on, 1), register(on, 2), register(on, 3));
    let favourite = add(on, fan, put(on, author, b"x").id);
    for asker in [author, other] {
        assert_eq!(read(on, asker, favourite), None);
        assert!(list(on, asker).is_empty());
        let again = a_favourite(asker, favourite);
        assert_eq!(on.favourites.add(&again).unwrap(), Favoured::NotFound);
        assert!(!on.favourites.remove(asker, favourite).unwrap());
        let edited = on.favourites.update(asker, favourite, &titled("mine"));
        assert_eq!(edited.unwrap(), Edited::NotFound);
    }
    assert_eq!(list(on, fan).len(), 1);
}

/// Private, deleted, or never there; nothing is charged for it.
pub fn what_one_may_not_read_is_no_favourite(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let (gone, private) = (
        put(on, author, b"x"),
        a_file(author, b"y").private().build(),
    );
    attach(on, &private, b"y");
    on.trash.discard(author, gone.id, at(0)).unwrap();
    for id in [gone.id, private.id, file_id(77)] {
        let answer = on.favourites.add(&a_favourite(fan, id)).unwrap();
        assert_eq!(answer, Favoured::NotFound);
    }
    assert!(list(on, fan).is_empty());
    assert_eq!(used(on, fan).files, 0);
}

/// Also when it is asked for by the identity of the favourite. After a removal it can be made again.
pub fn a_second_favourite_of_one_entry_is_the_first(on: &Repositories) {
    let (author, fan, other) = (register(on, 1), register(on, 2), register(on, 3));
    let file = put(on, author, b"x");
    let first = add(on, fan, file.id);
    for source in [file.id, first] {
        let answer = on.favourites.add(&a_favourite(fan, source)).unwrap();
        assert_eq!(answer, Favoured::Already(first));
    }
    add(on, other, file.id);
    assert_eq!(list(on, fan).len(), 1);
    assert!(on.favourites.remove(fan, first).unwrap());
    add(on, fan, file.id);
}

/// I14: by the full size of its content.
pub fn a_favourite_is_charged_and_its_room_given_back(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let before = used(on, author);
    let file = put(on, author, b"12345");
    let favourite = add(on, fan, file.id);
    assert_eq!((used(on, fan).bytes, used(on, fan).files), (5, 1));
    on.favourites.remove(fan, favourite).unwrap();
    assert_eq!((used(on, fan).bytes, used(on, fan).files), (0, 0));
    on.files.detach(author, file.id).unwrap();
    assert_eq!(used(on, author), before);
}

/// The last byte fits, and no more.
pub fn a_favourite_beyond_the_quota_is_not_stored(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let (five, one) = (put(on, author, b"12345"), put(on, author, b"1"));
    let limit = own(Limit::AtMost(5), Limit::Default);
    on.usage.set_quota(fan, limit).unwrap();
    add(on, fan, five.id);
    let answer = on.favourites.add(&a_favourite(fan, one.id)).unwrap();
    assert_eq!(answer, Favoured::OverQuota);
    assert_eq!((list(on, fan).len(), used(on, fan).files), (1, 1));
}

/// The source stays, and other people's favourites of it.
pub fn a_favourite_goes_by_its_own_id_or_by_that_of_its_source(on: &Repositories) {
    let (author, fan, other) = (register(on, 1), register(on, 2), register(on, 3));
    let (a, b) = (put(on, author, b"a"), put(on, author, b"b"));
    let (of_a, of_b) = (add(on, fan, a.id), add(on, fan, b.id));
    let theirs = add(on, other, a.id);
    assert!(!on.favourites.remove(fan, file_id(77)).unwrap());
    assert!(!on.favourites.remove(fan, theirs).unwrap());
    assert!(on.favourites.remove(fan, a.id).unwrap());
    assert_eq!(read(on, fan, of_a), None);
    assert!(!on.favourites.remove(fan, a.id).unwrap());
    assert!(on.favourites.remove(fan, of_b).unwrap());
    assert!(list(on, fan).is_empty());
    assert_eq!(list(on, other).len(), 1);
    assert_eq!(stored(on, &a).id, a.id);
}

/// Whether it went to the trash, from there for good, or at once for good.
pub fn a_favourite_outlives_the_deletion_of_its_source(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let (trashed, purged, detached) = (
        put(on, author, b"a"),
        put(on, author, b"b"),
        put(on, author, b"c"),
    );
    let favourites = [&trashed, &purged, &detached].map(|file| add(on, fan, file.id));
    on.trash.discard(author, trashed.id, at(0)).unwrap();
    on.trash.discard(author, purged.id, at(0)).unwrap();
    on.trash.purge(author, purged.id).unwrap();
    on.files.detach(author, detached.id).unwrap();
    tidy_up(on, 1, 1);
    for favourite in favourites {
        assert!(read(on, fan, favourite).is_some());
    }
    assert_eq!(list(on, fan).len(), 3);
    // It is still the favourite of that entry.
    let again = on.favourites.add(&a_favourite(fan, trashed.id)).unwrap();
    assert_eq!(again, Favoured::Already(favourites[0]));
}

/// It is the last that holds it.
pub fn content_of_a_favourite_is_not_doomed(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let file = put(on, author, b"x");
    let blob = stored(on, &file).blob;
    let favourite = add(on, fan, file.id);
    on.files.detach(author, file.id).unwrap();
    let window = on.upkeep.list_unreferenced(None, at(99), 9).unwrap();
    assert!(window.blobs.is_empty());
    assert_eq!(on.upkeep.doom(&[blob.id], at(99)).unwrap(), 0);
    on.favourites.remove(fan, favourite).unwrap();
    assert_eq!(on.upkeep.doom(&[blob.id], at(99)).unwrap(), 1);
}

/// The source keeps its own.
pub fn a_favourite_has_a_title_and_a_label_of_its_own(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let file = put(on, author, b"x");
    let before = stored(on, &file);
    let favourite = add(on, fan, file.id);
    let by_source = on.favourites.update(fan, file.id, &titled("b")).unwrap();
    assert_eq!(by_source, Edited::NotFound);
    for change in [titled("b"), labelled(Some("合同"))] {
        let update = || on.favourites.update(fan, favourite, &change).unwrap();
        assert_eq!((update(), update()), (Edited::Changed, Edited::Unchanged));
    }
    let found = read(on, fan, favourite).unwrap();
    assert_eq!(found.title.as_str(), "b");
    assert_eq!(found.label, Some(label("合同")));
    let listed = &list(on, fan)[0];
    assert_eq!((&listed.title, &listed.label), (&found.title, &found.label));
    assert_eq!(stored(on, &file), before);
}

/// As with entries.
pub fn a_favourite_that_is_not_as_it_was_taken_to_be_stays_as_it_is(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let favourite = add(on, fan, put(on, author, b"x").id);
    let before = EntryState::from(&read(on, fan, favourite).unwrap());
    for (change, expected) in [
        (titled("b"), Edited::Changed),
        (labelled(Some("work")), Edited::Moved),
        (titled("b"), Edited::Moved),
    ] {
        let change = EntryChange {
            given: Some(before.clone()),
            ..change
        };
        let edited = on.favourites.update(fan, favourite, &change).unwrap();
        assert_eq!(edited, expected);
    }
    let after = read(on, fan, favourite).unwrap();
    assert_eq!((after.title.as_str(), after.label), ("b", None));
}

/// Whatever the size of the pages, with withheld ones between them.
pub fn favourites_come_the_last_added_first_in_pages_that_meet(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let mut hidden = Vec::new();
    for (n, millis) in [5, 5, 9, 5, 1, 9, 5].into_iter().enumerate() {
        let file = put(on, author, &[n as u8]);
        let mut favourite = a_favourite(fan, file.id);
        favourite.created_at = at(millis);
        on.favourites.add(&favourite).unwrap();
        if n % 3 == 1 {
            hidden.push(file);
        }
    }
    for file in hidden {
        show(on, &file, Visibility::Private);
    }
    let whole = list(on, fan);
    assert_eq!(whole.len(), 5);
    assert!(whole.is_sorted_by(|a, b| a.place() > b.place()));
    for size in 1..=6 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = on.favourites.list(fan, after, size).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            all.extend(page);
            assert!(all.len() <= whole.len(), "a favourite was listed twice");
        }
        assert_eq!(all, whole, "pages of {size}");
    }
}

/// The others are told which.
pub fn of_simultaneous_favourites_of_one_entry_one_is_added(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let file = put(on, author, b"x");
    let answers = race(RACERS, |_| {
        on.favourites.add(&a_favourite(fan, file.id)).unwrap()
    });
    assert_eq!(count(&answers, &Favoured::Added), 1);
    let first = list(on, fan)[0].id;
    let told = count(&answers, &Favoured::Already(first));
    assert_eq!(told + 1, answers.len());
    assert_eq!(used(on, fan).files, 1);
}

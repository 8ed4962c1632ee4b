//! [`FavouriteRepository`](kms_domain::files::FavouriteRepository): favourites whose sources are private. The list of
//! promises stands in [`favourites`](super::favourites).

use kms_domain::files::{Detached, Edited, Favoured, Visibility};

use super::Repositories;
use super::edits::{labelled, titled};
use super::favourites::{add, list, put, read, show};
use super::support::{attach, register};
use super::usage::used;
use crate::builders::{a_favourite, a_file, at};

/// Removes what is withheld for ever, in the steps of whoever looks after it.
pub(super) fn tidy_up(on: &Repositories, window: usize, limit: usize) {
    let (mut after, mut steps) = (None, 0);
    loop {
        let lost = on.favourites.find_lost(after, window).unwrap();
        if let Some(source) = lost.found {
            while on.favourites.remove_withheld(source, limit).unwrap() {}
        }
        after = lost.next;
        steps += 1;
        assert!(steps < 99, "it never ends");
        if after.is_none() {
            return;
        }
    }
}

/// In no answer, and back as it was when the source is published again. It counts all the while.
pub fn a_favourite_is_withheld_while_its_source_is_private(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let (file, beside) = (put(on, author, b"x"), put(on, author, b"y"));
    let favourite = add(on, fan, file.id);
    let stays = add(on, fan, beside.id);
    let change = labelled(Some("b"));
    on.favourites.update(fan, favourite, &change).unwrap();
    let before = (read(on, fan, favourite), list(on, fan), used(on, fan));
    show(on, &file, Visibility::Private);
    assert_eq!(read(on, fan, favourite), None);
    let seen: Vec<_> = list(on, fan).iter().map(|it| it.id).collect();
    assert_eq!(seen, [stays]);
    assert!(!on.favourites.remove(fan, file.id).unwrap());
    for id in [favourite, file.id] {
        let again = on.favourites.add(&a_favourite(fan, id)).unwrap();
        assert_eq!(again, Favoured::NotFound);
    }
    let edited = on.favourites.update(fan, favourite, &titled("b")).unwrap();
    assert_eq!(edited, Edited::NotFound);
    tidy_up(on, 9, 9);
    assert_eq!(used(on, fan).files, 2, "it may come back");
    // A deletion and a return change nothing in that.
    on.trash.discard(author, file.id, at(0)).unwrap();
    assert_eq!(read(on, fan, favourite), None);
    tidy_up(on, 9, 9);
    assert_eq!(used(on, fan).files, 2, "it may come back");
    assert!(on.trash.restore(author, file.id).unwrap());
    assert_eq!(read(on, fan, favourite), None);
    show(on, &file, Visibility::Public);
    let after = (read(on, fan, favourite), list(on, fan), used(on, fan));
    assert_eq!(after, before);
}

/// Nobody could publish it again, so it is removed and its room given back.
pub fn what_was_private_when_it_was_removed_is_withheld_for_ever(on: &Repositories) {
    let (author, fans) = (register(on, 1), [2, 3, 4].map(|n| register(on, n)));
    for (n, from_trash) in [(0_u8, true), (1, false)] {
        let file = put(on, author, &[n]);
        let favourites = fans.map(|fan| add(on, fan, file.id));
        show(on, &file, Visibility::Private);
        if from_trash {
            on.trash.discard(author, file.id, at(0)).unwrap();
            assert_eq!(on.trash.purge_before(at(1), 9).unwrap(), 1);
        } else {
            let detached = on.files.detach(author, file.id).unwrap();
            assert_eq!(detached, Detached::Removed);
        }
        for (fan, favourite) in fans.into_iter().zip(favourites) {
            assert_eq!(read(on, fan, favourite), None);
            assert_eq!(used(on, fan).files, 1);
        }
        tidy_up(on, 1, 2);
        for (fan, favourite) in fans.into_iter().zip(favourites) {
            assert_eq!(read(on, fan, favourite), None);
            assert_eq!(used(on, fan).files, 0);
        }
    }
}

/// It counts in its owner's usage, so its owner can make an end of that.
pub fn what_is_withheld_can_be_given_up_by_its_own_id(on: &Repositories) {
    let (author, fan, other) = (register(on, 1), register(on, 2), register(on, 3));
    let file = put(on, author, b"x");
    let favourite = add(on, fan, file.id);
    show(on, &file, Visibility::Private);
    assert!(!on.favourites.remove(other, favourite).unwrap());
    assert!(on.favourites.remove(fan, favourite).unwrap());
    assert!(!on.favourites.remove(fan, favourite).unwrap());
    assert_eq!(used(on, fan).files, 0);
    show(on, &file, Visibility::Public);
    assert!(list(on, fan).is_empty());
}

/// Between others that may come back, and each once.
pub fn every_lost_source_is_found_whatever_the_window(on: &Repositories) {
    let (author, fan) = (register(on, 1), register(on, 2));
    let mut lost = Vec::new();
    for n in 0..7_u8 {
        let file = put(on, author, &[n]);
        add(on, fan, file.id);
        show(on, &file, Visibility::Private);
        if n % 2 == 0 {
            on.files.detach(author, file.id).unwrap();
            lost.push(file.id);
        }
    }
    lost.sort_unstable();
    for window in 1..9 {
        let (mut found, mut after, mut steps) = (Vec::new(), None, 0);
        loop {
            let step = on.favourites.find_lost(after, window).unwrap();
            found.extend(step.found);
            after = step.next;
            steps += 1;
            assert!(steps < 20, "it never ends");
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, lost, "windows of {window}");
    }
    // One that may come back loses nothing, whoever asks for it.
    for source in lost {
        assert!(!on.favourites.remove_withheld(source, 9).unwrap());
    }
    assert_eq!(used(on, fan).files, 3);
}

/// The right to an own entry does not end.
pub fn nobody_is_withheld_a_favourite_of_an_own_entry(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").private().build();
    attach(on, &file, b"x");
    let favourite = add(on, owner, file.id);
    show(on, &file, Visibility::Public);
    show(on, &file, Visibility::Private);
    assert!(read(on, owner, favourite).is_some());
    on.files.detach(owner, file.id).unwrap();
    tidy_up(on, 9, 9);
    assert!(read(on, owner, favourite).is_some());
    assert_eq!(list(on, owner).len(), 1);
}

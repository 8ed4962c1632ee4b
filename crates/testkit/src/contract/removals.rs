//! [`FileRepository::detach`](kms_domain::files::FileRepository::detach): entries go.

use kms_domain::files::{Attached, Detached, Visibility};

use super::Repositories;
use super::edits::show;
use super::support::{RACERS, attach, count, offered, race, register, stored};
use crate::builders::{a_blob, a_file, a_scope, file_id, sha256_of, user_id};

/// It is read, listed and claimed no more.
pub fn a_removed_entry_is_gone_for_everybody(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    assert_eq!(on.files.detach(owner, file.id).unwrap(), Detached::Removed);
    for asker in [owner, other] {
        assert_eq!(on.files.find_readable(file.id, asker).unwrap(), None);
        let scope = a_scope(asker, b"x");
        let candidates = on.files.find_claimable(&scope).unwrap();
        assert_eq!(candidates, kms_domain::files::ClaimCandidates::None);
    }
    assert!(on.files.list_owned(owner, None, 9).unwrap().is_empty());
    assert!(offered(on, other, 9).is_empty());
    assert_eq!(on.files.detach(owner, file.id).unwrap(), Detached::NotFound);
}

/// Public or private, of somebody else or of nobody.
pub fn an_entry_of_somebody_else_is_not_removed(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let public = a_file(owner, b"x").build();
    let private = a_file(owner, b"y").private().build();
    attach(on, &public, b"x");
    attach(on, &private, b"y");
    for id in [public.id, private.id, file_id(77)] {
        for who in [other, user_id(99)] {
            assert_eq!(on.files.detach(who, id).unwrap(), Detached::NotFound);
        }
    }
    assert_eq!(stored(on, &public).id, public.id);
    assert_eq!(stored(on, &private).id, private.id);
}

/// Of the same owner or of another, and an avatar.
pub fn a_removal_takes_one_entry_and_nothing_else(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let (gone, stays) = (a_file(owner, b"x").build(), a_file(owner, b"x").build());
    let theirs = a_file(other, b"x").private().build();
    for file in [&gone, &stays, &theirs] {
        attach(on, file, b"x");
    }
    on.avatars
        .set_avatar(owner, &a_blob(b"x").build(), stays.created_at)
        .unwrap();
    let before = (stored(on, &stays), stored(on, &theirs));
    assert_eq!(on.files.detach(owner, gone.id).unwrap(), Detached::Removed);
    assert_eq!((stored(on, &stays), stored(on, &theirs)), before);
    assert_eq!(on.avatars.find_avatar(owner).unwrap(), Some(before.0.blob));
}

/// It waits for a collection, and meanwhile an upload of the same bytes brings it back.
pub fn content_outlives_its_last_entry(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let blob = stored(on, &file).blob;
    on.files.detach(owner, file.id).unwrap();
    let found = on.blobs.find_live(&sha256_of(b"x")).unwrap();
    assert_eq!(found, Some(blob.clone()));
    let again = a_file(owner, b"x").build();
    let attached = on.files.attach(&again, &a_blob(b"x").build()).unwrap();
    assert_eq!(attached, Attached::Replaced { surplus: blob.key });
    assert_eq!(stored(on, &again).blob.id, blob.id);
}

/// One of them is told that it was the one.
pub fn of_simultaneous_removals_one_removes(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let answers = race(RACERS, |_| on.files.detach(owner, file.id).unwrap());
    assert_eq!(count(&answers, &Detached::Removed), 1);
}

/// There is nothing that could be withheld from anybody.
pub fn what_went_while_it_was_private_leaves_nothing_to_remove_without_favourites(
    on: &Repositories,
) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    show(on, &file, Visibility::Private);
    assert_eq!(on.files.detach(owner, file.id).unwrap(), Detached::Removed);
    assert_eq!(on.favourites.find_lost(None, 9).unwrap().found, None);
}

//! [`UpkeepRepository`](kms_domain::upkeep::UpkeepRepository).

use kms_domain::Timestamp;
use kms_domain::files::{Attached, BlobId, BlobRef, ClaimCandidates, Claimed, NewFile};

use super::Repositories;
use super::support::{RACERS, attach, count, damage, race, register, stored};
use crate::builders::{a_blob, a_file, a_scope, at, fresh_key, sha256_of};

/// The suite of the content's rows as the collector, fsck and the scrubber see them, over
/// `fn() -> Repositories`.
#[macro_export]
macro_rules! upkeep_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { upkeep_repository, $fresh,
            upkeep: [
                live_content_is_listed_in_pages_and_found_by_its_id,
                only_what_nothing_refers_to_is_unreferenced,
                content_is_unreferenced_only_when_it_is_old_enough,
                windows_meet_without_gap_or_double,
                content_that_something_refers_to_is_not_doomed,
                young_content_is_not_doomed,
                doomed_content_is_found_by_nobody,
                doomed_content_is_listed_in_pages_until_it_is_forgotten,
                live_content_is_not_forgotten,
                an_upload_after_the_doom_makes_new_content,
                a_claim_after_the_doom_stores_nothing,
                of_an_upload_and_a_doom_at_once_the_upload_keeps_its_content,
                of_a_claim_and_a_doom_at_once_one_wins,
                of_simultaneous_dooms_one_dooms,
                keys_of_live_and_doomed_content_are_named,
                sound_rows_pass_the_check,
            ]
        }
    };
}

/// Later than everything.
const LATER: Timestamp = at(1_000_000_000);

fn listed(on: &Repositories) -> Vec<BlobRef> {
    on.upkeep.list_live(None, usize::MAX).unwrap()
}

fn unreferenced(on: &Repositories) -> Vec<BlobRef> {
    let found = on.upkeep.list_unreferenced(None, LATER, 1000).unwrap();
    assert_eq!(found.next, None);
    found.blobs
}

fn doomed(on: &Repositories) -> Vec<BlobRef> {
    on.upkeep.list_doomed(None, 1000).unwrap()
}

/// An entry over these bytes that is gone again.
fn orphan(on: &Repositories, n: u32, bytes: &[u8]) -> (NewFile, BlobRef) {
    let owner = crate::builders::user_id(n);
    let file = a_file(owner, bytes).build();
    attach(on, &file, bytes);
    let blob = stored(on, &file).blob;
    on.files.detach(owner, file.id).unwrap();
    (file, blob)
}

/// Flagged or not, referred to or not; a limit of nothing is legal.
pub fn live_content_is_listed_in_pages_and_found_by_its_id(on: &Repositories) {
    let owner = register(on, 1);
    assert!(listed(on).is_empty());
    let file = a_file(owner, b"a").build();
    attach(on, &file, b"a");
    damage(on, &file);
    orphan(on, 1, b"b");
    on.avatars
        .set_avatar(owner, &a_blob(b"c").build(), at(0))
        .unwrap();
    let all = listed(on);
    let digests: Vec<_> = all.iter().map(|blob| blob.sha256).collect();
    assert_eq!(digests, [b"a", b"b", b"c"].map(|it| sha256_of(it)));
    assert!(all[0].damaged && !all[1].damaged);
    let mut paged = Vec::new();
    while let [blob] = &on
        .upkeep
        .list_live(paged.last().map(|blob: &BlobRef| blob.id), 1)
        .unwrap()[..]
    {
        paged.push(blob.clone());
    }
    assert_eq!(paged, all);
    assert!(on.upkeep.list_live(None, 0).unwrap().is_empty());
    for blob in all {
        assert_eq!(on.upkeep.find_live_by_id(blob.id).unwrap(), Some(blob));
    }
    let unknown = BlobId::from_i64(i64::MAX);
    assert_eq!(on.upkeep.find_live_by_id(unknown).unwrap(), None);
}

/// Neither what an entry refers to, public or private, nor an avatar.
pub fn only_what_nothing_refers_to_is_unreferenced(on: &Repositories) {
    let owner = register(on, 1);
    attach(on, &a_file(owner, b"public").build(), b"public");
    attach(on, &a_file(owner, b"hidden").private().build(), b"hidden");
    for face in [b"old face", b"new face"] {
        let blob = a_blob(face).build();
        on.avatars.set_avatar(owner, &blob, at(0)).unwrap();
    }
    let (_, gone) = orphan(on, 1, b"gone");
    let found: Vec<_> = unreferenced(on).iter().map(|it| it.sha256).collect();
    assert_eq!(found, [sha256_of(b"old face"), gone.sha256]);
}

/// To the millisecond.
pub fn content_is_unreferenced_only_when_it_is_old_enough(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    let blob = a_blob(b"x").build();
    on.files.attach(&file, &blob).unwrap();
    on.files.detach(owner, file.id).unwrap();
    let made = blob.created_at;
    let found = |before| {
        let found = on.upkeep.list_unreferenced(None, before, 9).unwrap();
        found.blobs.len()
    };
    assert_eq!(found(made), 0);
    assert_eq!(found(made.minus_millis(-1)), 1);
}

/// Also where a window holds nothing.
pub fn windows_meet_without_gap_or_double(on: &Repositories) {
    let owner = register(on, 1);
    for n in 0..10_u8 {
        if n % 3 == 0 {
            orphan(on, 1, &[n]);
        } else {
            attach(on, &a_file(owner, &[n]).build(), &[n]);
        }
    }
    let all = unreferenced(on);
    assert_eq!(all.len(), 4);
    for window in 1..=11 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = on.upkeep.list_unreferenced(after, LATER, window).unwrap();
            found.extend(page.blobs);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, all, "{window}");
    }
}

/// It is refused, and others of the same call are doomed all the same.
pub fn content_that_something_refers_to_is_not_doomed(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").private().build();
    attach(on, &file, b"x");
    on.avatars
        .set_avatar(owner, &a_blob(b"face").build(), at(0))
        .unwrap();
    let (_, gone) = orphan(on, 1, b"gone");
    let all: Vec<_> = listed(on).iter().map(|blob| blob.id).collect();
    assert_eq!(on.upkeep.doom(&all, LATER).unwrap(), 1);
    let keys: Vec<_> = doomed(on).into_iter().map(|blob| blob.key).collect();
    assert_eq!(keys, [gone.key]);
    assert_eq!(listed(on).len(), 2);
    stored(on, &file);
}

/// Whatever the caller has seen before.
pub fn young_content_is_not_doomed(on: &Repositories) {
    register(on, 1);
    let (_, blob) = orphan(on, 1, b"x");
    let made = a_blob(b"x").build().created_at;
    assert_eq!(on.upkeep.doom(&[blob.id], made).unwrap(), 0);
    assert_eq!(listed(on), [blob]);
}

/// Nor flagged, nor doomed again.
pub fn doomed_content_is_found_by_nobody(on: &Repositories) {
    register(on, 1);
    let (_, blob) = orphan(on, 1, b"x");
    assert_eq!(on.upkeep.doom(&[blob.id], LATER).unwrap(), 1);
    assert_eq!(on.upkeep.doom(&[blob.id], LATER).unwrap(), 0);
    assert_eq!(on.blobs.find_live(&blob.sha256).unwrap(), None);
    assert_eq!(on.upkeep.find_live_by_id(blob.id).unwrap(), None);
    on.blobs.flag_damaged(blob.id, &blob.key).unwrap();
    assert!(listed(on).is_empty() && unreferenced(on).is_empty());
}

/// To say once more that it is doomed changes nothing of that.
pub fn doomed_content_is_listed_in_pages_until_it_is_forgotten(on: &Repositories) {
    register(on, 1);
    let ids: Vec<_> = (0..5_u8).map(|n| orphan(on, 1, &[n]).1.id).collect();
    assert_eq!(on.upkeep.doom(&ids, LATER).unwrap(), 5);
    for _ in 0..2 {
        on.upkeep.confirm_doomed(&ids).unwrap();
    }
    let all: Vec<_> = doomed(on).into_iter().map(|blob| blob.key).collect();
    assert!(all.is_sorted_by_key(ToString::to_string) && all.len() == 5);
    let mut paged: Vec<kms_domain::files::BlobKey> = Vec::new();
    loop {
        let page = on.upkeep.list_doomed(paged.last().cloned(), 2).unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page.into_iter().map(|blob| blob.key));
    }
    assert_eq!(paged, all);
    on.upkeep.forget_doomed(&ids[..2]).unwrap();
    assert_eq!(doomed(on).len(), 3);
    on.upkeep.forget_doomed(&ids).unwrap();
    on.upkeep.forget_doomed(&ids).unwrap();
    assert!(doomed(on).is_empty());
}

/// Though nothing refers to it.
pub fn live_content_is_not_forgotten(on: &Repositories) {
    register(on, 1);
    let (_, blob) = orphan(on, 1, b"x");
    on.upkeep.confirm_doomed(&[blob.id]).unwrap();
    on.upkeep.forget_doomed(&[blob.id]).unwrap();
    assert_eq!(listed(on), [blob]);
    assert!(doomed(on).is_empty());
}

/// Another row with another copy; what is doomed stays so.
pub fn an_upload_after_the_doom_makes_new_content(on: &Repositories) {
    let owner = register(on, 1);
    let (_, old) = orphan(on, 1, b"x");
    on.upkeep.doom(&[old.id], LATER).unwrap();
    let file = a_file(owner, b"x").build();
    let attached = on.files.attach(&file, &a_blob(b"x").build()).unwrap();
    assert_eq!(attached, Attached::Stored);
    let new = stored(on, &file).blob;
    assert_ne!((new.id, &new.key), (old.id, &old.key));
    on.upkeep.forget_doomed(&[old.id, new.id]).unwrap();
    assert_eq!(stored(on, &file).blob, new);
}

/// The right to claim ended with the entry, and what was looked up before counts no more.
pub fn a_claim_after_the_doom_stores_nothing(on: &Repositories) {
    let owner = register(on, 1);
    let (_, blob) = orphan(on, 1, b"x");
    on.upkeep.doom(&[blob.id], LATER).unwrap();
    let (claim, scope) = (a_file(owner, b"x").build(), a_scope(owner, b"x"));
    let answer = on.files.claim(&claim, &scope, blob.id).unwrap();
    assert_eq!(answer, Claimed::NotEligible);
    let found = on.files.find_claimable(&scope).unwrap();
    assert_eq!(found, ClaimCandidates::None);
}

/// Whoever comes first: the entry refers to live content.
pub fn of_an_upload_and_a_doom_at_once_the_upload_keeps_its_content(on: &Repositories) {
    let owner = register(on, 1);
    let (_, old) = orphan(on, 1, b"x");
    let files: Vec<_> = (0..RACERS).map(|_| a_file(owner, b"x").build()).collect();
    race(RACERS, |n| {
        if n % 2 == 0 {
            on.upkeep.doom(&[old.id], LATER).unwrap();
        } else {
            let blob = a_blob(b"x").build();
            on.files.attach(&files[n as usize], &blob).unwrap();
        }
    });
    let live = listed(on);
    assert_eq!(live.len(), 1);
    for n in (1..RACERS as usize).step_by(2) {
        assert_eq!(stored(on, &files[n]).blob, live[0]);
    }
}

/// Either the claim keeps the content alive, or it stores nothing.
pub fn of_a_claim_and_a_doom_at_once_one_wins(on: &Repositories) {
    let owner = register(on, 1);
    for n in 0..10_u8 {
        let file = a_file(owner, &[n]).build();
        attach(on, &file, &[n]);
        let blob = stored(on, &file).blob;
        let (claim, scope) = (a_file(owner, &[n]).build(), a_scope(owner, &[n]));
        race(3, |racer| match racer {
            0 => {
                on.files.detach(owner, file.id).unwrap();
            }
            1 => {
                on.upkeep.doom(&[blob.id], LATER).unwrap();
            }
            _ => {
                on.files.claim(&claim, &scope, blob.id).unwrap();
            }
        });
        let claimed = on.files.find_readable(claim.id, owner).unwrap();
        let is_live = on.upkeep.find_live_by_id(blob.id).unwrap().is_some();
        assert!(claimed.is_none() || is_live, "{n}");
    }
}

/// One of them is told that it was the one.
pub fn of_simultaneous_dooms_one_dooms(on: &Repositories) {
    register(on, 1);
    let (_, blob) = orphan(on, 1, b"x");
    let answers = race(RACERS, |_| on.upkeep.doom(&[blob.id], LATER).unwrap());
    assert_eq!(count(&answers, &1), 1);
    assert_eq!(doomed(on).len(), 1);
}

/// A copy that was replaced is named no more, nor one that nobody ever named, also not under a digest
/// that is known.
pub fn keys_of_live_and_doomed_content_are_named(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    let replaced = stored(on, &file).blob.key;
    attach(on, &a_file(owner, b"x").build(), b"x");
    let live = stored(on, &file).blob.key;
    let (_, gone) = orphan(on, 1, b"gone");
    on.upkeep.doom(&[gone.id], LATER).unwrap();
    let stray = fresh_key(&sha256_of(b"x"));
    let unknown = fresh_key(&sha256_of(b"unknown"));
    let keys = [live, replaced, gone.key, stray, unknown];
    let named = on.upkeep.are_named(&keys).unwrap();
    assert_eq!(named, [true, false, true, false, false]);
    on.upkeep.forget_doomed(&[gone.id]).unwrap();
    assert_eq!(on.upkeep.are_named(&keys[2..3]).unwrap(), [false]);
    assert!(on.upkeep.are_named(&[]).unwrap().is_empty());
}

/// With entries, avatars, damage and doom.
pub fn sound_rows_pass_the_check(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    damage(on, &file);
    let (_, gone) = orphan(on, 1, b"gone");
    on.upkeep.doom(&[gone.id], LATER).unwrap();
    assert_eq!(on.upkeep.check().unwrap(), Vec::<String>::new());
}

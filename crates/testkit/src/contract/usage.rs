//! [`UsageRepository`](kms_domain::files::UsageRepository), and what
//! [`FileRepository`](kms_domain::files::FileRepository) promises about quotas. What chance finds is in
//! [`usage_model`](super::usage_model).

use kms_domain::files::{
    Attached, Claimed, Detached, Limit, NewFile, OwnQuota, Quota, Usage, Used,
};
use kms_domain::users::UserId;

use super::Repositories;
use super::support::{attach, count, damage, race, register, stored};
use crate::builders::{a_blob, a_file, a_scope, at, file_id, sha256_of, user_id};

/// The suite of what accounts hold, over `fn() -> Repositories`.
#[macro_export]
macro_rules! usage_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { usage_repository, $fresh,
            usage: [
                an_account_begins_with_nothing_and_no_decision,
                nobody_who_is_no_account_has_usage,
                every_entry_counts_with_the_full_size_of_its_content,
                an_avatar_counts_nothing,
                what_others_do_changes_nothing,
                the_last_byte_fits_and_no_more_whether_or_not_the_content_is_known,
                the_last_entry_fits_and_no_more,
                what_was_decided_about_an_account_counts_more_than_what_holds_for_everybody,
                a_lowered_limit_takes_nothing_away,
                an_upload_beyond_the_limit_changes_nothing,
                a_claim_beyond_the_limit_stores_nothing_and_needs_the_right_all_the_same,
                an_entry_that_fails_is_not_charged,
                of_simultaneous_entries_exactly_as_many_are_stored_as_fit,
                counters_are_compared_with_rows_account_by_account,
            ]
            usage_model: [usage_is_the_sum_of_the_own_rows]
        }
    };
}

/// Claims and uploads at once.
const CROWD: u32 = 64;

pub(super) fn used(on: &Repositories, user: UserId) -> Used {
    on.usage.find_usage(user).unwrap().expect("an account").used
}

fn bytes_of(on: &Repositories, user: UserId) -> u64 {
    used(on, user).bytes
}

fn quota(bytes: Option<u64>, files: Option<u64>) -> Quota {
    Quota { bytes, files }
}

pub(super) fn own(bytes: Limit, files: Limit) -> OwnQuota {
    OwnQuota { bytes, files }
}

fn within(quota: Quota, mut file: NewFile) -> NewFile {
    file.quota = quota;
    file
}

/// An upload whose owner has `quota` unless something was decided.
fn try_attach(on: &Repositories, owner: UserId, bytes: &[u8], quota: Quota) -> Attached {
    let file = within(quota, a_file(owner, bytes).build());
    on.files.attach(&file, &a_blob(bytes).build()).unwrap()
}

/// A claim of what is public, by MD5 alone or by SHA-256 as well.
fn try_claim(
    on: &Repositories,
    owner: UserId,
    bytes: &[u8],
    quota: Quota,
    is_named: bool,
) -> Claimed {
    let Some(blob) = on.blobs.find_live(&sha256_of(bytes)).unwrap() else {
        return Claimed::NotEligible;
    };
    let mut scope = a_scope(owner, bytes);
    scope.sha256 = is_named.then(|| sha256_of(bytes));
    let file = within(quota, a_file(owner, bytes).build());
    on.files.claim(&file, &scope, blob.id).unwrap()
}

/// Until the operator decides, nothing is decided.
pub fn an_account_begins_with_nothing_and_no_decision(on: &Repositories) {
    let user = register(on, 1);
    let usage = on.usage.find_usage(user).unwrap().unwrap();
    assert_eq!(usage, Usage::default());
}

/// Nor can anything be decided about it.
pub fn nobody_who_is_no_account_has_usage(on: &Repositories) {
    register(on, 1);
    assert_eq!(on.usage.find_usage(user_id(9)).unwrap(), None);
    let decided = on.usage.set_quota(user_id(9), OwnQuota::default());
    assert!(!decided.unwrap());
}

/// Known or new, uploaded or claimed, one's own once more; and gone when it goes.
pub fn every_entry_counts_with_the_full_size_of_its_content(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let first = a_file(one, b"12345").build();
    attach(on, &first, b"12345");
    attach(on, &a_file(one, b"12345").private().build(), b"12345");
    try_attach(on, two, b"12345", Quota::NONE);
    for is_named in [false, true] {
        let claimed = try_claim(on, two, b"12345", Quota::NONE, is_named);
        assert_eq!(claimed, Claimed::Linked);
    }
    let expected = |bytes, files| Used { bytes, files };
    assert_eq!(used(on, one), expected(10, 2));
    assert_eq!(used(on, two), expected(15, 3));
    on.files.detach(one, first.id).unwrap();
    assert_eq!(used(on, one), expected(5, 1));
    assert_eq!(
        on.files.detach(one, first.id).unwrap(),
        Detached::NotFound,
        "once is enough"
    );
    assert_eq!(used(on, one), expected(5, 1));
}

/// Neither a first one nor one in its place, whatever the limit.
pub fn an_avatar_counts_nothing(on: &Repositories) {
    let user = register(on, 1);
    let nothing = own(Limit::AtMost(0), Limit::AtMost(0));
    assert!(on.usage.set_quota(user, nothing).unwrap());
    for face in [b"old", b"new"] {
        let set = on.avatars.set_avatar(user, &a_blob(face).build(), at(0));
        assert_eq!(set.unwrap(), Attached::Stored);
    }
    assert_eq!(used(on, user), Used::default());
}

/// They upload the same bytes, heal them, and delete their entries.
pub fn what_others_do_changes_nothing(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let mine = a_file(one, b"x").build();
    attach(on, &mine, b"x");
    damage(on, &mine);
    let theirs = a_file(two, b"x").build();
    attach(on, &theirs, b"x");
    on.files.detach(two, mine.id).unwrap();
    on.files.detach(two, theirs.id).unwrap();
    assert_eq!(used(on, one), Used { bytes: 1, files: 1 });
    assert_eq!(used(on, two), Used::default());
}

/// To the byte, and nobody learns from the answer whether somebody has the content.
pub fn the_last_byte_fits_and_no_more_whether_or_not_the_content_is_known(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    attach(on, &a_file(one, b"known").private().build(), b"known");
    attach(on, &a_file(one, b"shown").build(), b"shown");
    let ten = quota(Some(10), None);
    let nine = quota(Some(9), None);
    try_attach(on, two, b"first", ten);
    for bytes in [b"known", b"fresh"] {
        assert_eq!(try_attach(on, two, bytes, nine), Attached::OverQuota);
    }
    for is_named in [false, true] {
        let claimed = try_claim(on, two, b"shown", nine, is_named);
        assert_eq!(claimed, Claimed::OverQuota);
    }
    assert_eq!(bytes_of(on, two), 5);
    assert_ne!(try_attach(on, two, b"known", ten), Attached::OverQuota);
    assert_eq!(bytes_of(on, two), 10);
    assert_eq!(try_attach(on, two, b"!", ten), Attached::OverQuota);
}

/// However small it is.
pub fn the_last_entry_fits_and_no_more(on: &Repositories) {
    let user = register(on, 1);
    let two = quota(None, Some(2));
    assert_eq!(try_attach(on, user, b"a", two), Attached::Stored);
    assert_eq!(try_claim(on, user, b"a", two, false), Claimed::Linked);
    assert_eq!(try_claim(on, user, b"a", two, false), Claimed::OverQuota);
    assert_eq!(try_claim(on, user, b"a", two, true), Claimed::OverQuota);
    assert_eq!(try_attach(on, user, b"b", two), Attached::OverQuota);
    assert_eq!(used(on, user), Used { bytes: 2, files: 2 });
}

/// More, less or no limit, each by itself, and back again.
pub fn what_was_decided_about_an_account_counts_more_than_what_holds_for_everybody(
    on: &Repositories,
) {
    let user = register(on, 1);
    let default = quota(Some(4), Some(9));
    let tries = [
        (own(Limit::Default, Limit::Default), 4),
        (own(Limit::AtMost(2), Limit::Default), 2),
        (own(Limit::AtMost(0), Limit::Default), 0),
        (own(Limit::AtMost(6), Limit::Default), 6),
        (own(Limit::Unlimited, Limit::Default), 9),
        (own(Limit::Unlimited, Limit::AtMost(3)), 3),
        (own(Limit::AtMost(u64::MAX), Limit::Unlimited), 20),
        (OwnQuota::default(), 4),
    ];
    for (decided, fit) in tries {
        assert!(on.usage.set_quota(user, decided).unwrap());
        let files: Vec<_> = (0..20).map(|_| a_file(user, b"1").build()).collect();
        let attached = files.iter().map(|file| {
            let file = within(default, file.clone());
            on.files.attach(&file, &a_blob(b"1").build()).unwrap()
        });
        let stored = attached.filter(|it| *it != Attached::OverQuota).count();
        assert_eq!(stored, fit, "{decided:?}");
        assert_eq!(bytes_of(on, user), fit as u64);
        for file in files {
            on.files.detach(user, file.id).unwrap();
        }
    }
    let seen = on.usage.find_usage(user).unwrap().unwrap();
    assert_eq!(seen.own, OwnQuota::default());
}

/// What is there stays, can be read, and goes when its owner says so.
pub fn a_lowered_limit_takes_nothing_away(on: &Repositories) {
    let user = register(on, 1);
    let file = a_file(user, b"12345").build();
    attach(on, &file, b"12345");
    let lowered = own(Limit::AtMost(1), Limit::Default);
    on.usage.set_quota(user, lowered).unwrap();
    assert_eq!(try_attach(on, user, b"x", Quota::NONE), Attached::OverQuota);
    assert_eq!(stored(on, &file).id, file.id);
    on.files.detach(user, file.id).unwrap();
    assert_eq!(try_attach(on, user, b"x", Quota::NONE), Attached::Stored);
}

/// New content does not become known, and known content keeps its copy and its flag.
pub fn an_upload_beyond_the_limit_changes_nothing(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let file = a_file(one, b"known").build();
    attach(on, &file, b"known");
    damage(on, &file);
    let before = stored(on, &file);
    for bytes in [b"known", b"fresh"] {
        let answer = try_attach(on, two, bytes, quota(Some(4), None));
        assert_eq!(answer, Attached::OverQuota);
    }
    assert_eq!(stored(on, &file), before);
    assert_eq!(on.blobs.find_live(&sha256_of(b"fresh")).unwrap(), None);
    assert!(on.files.list_owned(two, None, 9).unwrap().is_empty());
    assert_eq!(used(on, two), Used::default());
}

/// Who has no right to the content is not told that there is no room either.
pub fn a_claim_beyond_the_limit_stores_nothing_and_needs_the_right_all_the_same(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    attach(on, &a_file(one, b"mine!").private().build(), b"mine!");
    attach(on, &a_file(one, b"shown").build(), b"shown");
    let four = quota(Some(4), None);
    for is_named in [false, true] {
        let claim = |bytes: &[u8]| try_claim(on, two, bytes, four, is_named);
        assert_eq!(claim(b"mine!"), Claimed::NotEligible);
        assert_eq!(claim(b"shown"), Claimed::OverQuota);
    }
    assert!(on.files.list_owned(two, None, 9).unwrap().is_empty());
    assert_eq!(used(on, two), Used::default());
}

/// Because its id is taken.
pub fn an_entry_that_fails_is_not_charged(on: &Repositories) {
    let user = register(on, 1);
    let first = a_file(user, b"x").id(file_id(1)).build();
    attach(on, &first, b"x");
    let blob = stored(on, &first).blob.id;
    let clash = a_file(user, b"x").id(file_id(1)).build();
    assert!(on.files.attach(&clash, &a_blob(b"new").build()).is_err());
    for sha256 in [None, Some(sha256_of(b"x"))] {
        let mut scope = a_scope(user, b"x");
        scope.sha256 = sha256;
        assert!(on.files.claim(&clash, &scope, blob).is_err());
    }
    assert_eq!(used(on, user), Used { bytes: 1, files: 1 });
}

/// Uploads and claims of both kinds, at the last free bytes.
pub fn of_simultaneous_entries_exactly_as_many_are_stored_as_fit(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    attach(on, &a_file(one, b"abc").build(), b"abc");
    for (fit, quota) in [(21, quota(Some(64), None)), (1, quota(Some(5), Some(9)))] {
        let answers = race(CROWD, |n| match n % 3 {
            0 => try_attach(on, two, b"abc", quota) != Attached::OverQuota,
            1 => try_claim(on, two, b"abc", quota, false) == Claimed::Linked,
            _ => try_claim(on, two, b"abc", quota, true) == Claimed::Linked,
        });
        assert_eq!(count(&answers, &true), fit);
        assert_eq!(bytes_of(on, two), 3 * fit as u64);
        for entry in on.files.list_owned(two, None, 100).unwrap() {
            on.files.detach(two, entry.id).unwrap();
        }
    }
}

/// In the order of their ids, and a recount leaves what was decided alone.
pub fn counters_are_compared_with_rows_account_by_account(on: &Repositories) {
    assert_eq!(on.usage.count_next(None).unwrap(), None);
    let users = [register(on, 1), register(on, 2), register(on, 3)];
    attach(on, &a_file(users[1], b"12345").build(), b"12345");
    let decided = own(Limit::AtMost(7), Limit::Unlimited);
    on.usage.set_quota(users[1], decided).unwrap();
    on.usage.recount(users[1]).unwrap();
    let mut after = None;
    for (user, bytes) in users.into_iter().zip([0, 5, 0]) {
        let counted = on.usage.count_next(after).unwrap().unwrap();
        let expected = Used {
            bytes,
            files: bytes / 5,
        };
        assert_eq!((counted.user, counted.rows), (user, expected));
        assert_eq!(counted.kept, Some(expected));
        after = Some(user);
    }
    assert_eq!(on.usage.count_next(after).unwrap(), None);
    let seen = on.usage.find_usage(users[1]).unwrap().unwrap();
    assert_eq!((seen.own, seen.used.bytes), (decided, 5));
}

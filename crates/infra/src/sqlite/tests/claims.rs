//! Claims among contents that were made to share an MD5.

use std::ops::Range;

use kms_domain::files::{
    Attached, ClaimCandidates, ClaimScope, Claimed, Detached, FileRepository, Quota,
    TrashRepository, UsageRepository,
};
use kms_domain::users::{AvatarRepository, UserId, UserRepository};
use kms_testkit::builders::{a_blob, a_file, a_scope, a_user, at, md5_of, user_id};

use super::super::{
    SqliteAvatarRepository, SqliteFileRepository, SqliteTrashRepository, SqliteUsageRepository,
    SqliteUserRepository,
};
use super::{Scene, scene};

const X: &[u8] = b"x";

fn register(scene: &Scene) -> (SqliteFileRepository, UserId, UserId) {
    let users = SqliteUserRepository::new(&scene.db);
    for n in [1, 2] {
        users.register(&a_user(n)).unwrap();
    }
    (SqliteFileRepository::new(&scene.db), user_id(1), user_id(2))
}

/// Own entries with the MD5 of [`X`] alone.
fn own_scope(owner: UserId) -> ClaimScope {
    ClaimScope {
        include_public: false,
        ..a_scope(owner, X)
    }
}

/// Stores private contents of `owner` with the MD5 of [`X`].
fn hide_twins(files: &SqliteFileRepository, owner: UserId, which: Range<u8>) {
    for n in which {
        let bytes = [n, b't'];
        let file = a_file(owner, &bytes).md5(md5_of(X)).private().build();
        let attached = files.attach(&file, &a_blob(&bytes).build()).unwrap();
        assert_eq!(attached, Attached::Stored);
    }
}

/// Entries whose flag is not that of their content.
fn wrong_flags(scene: &Scene) -> i64 {
    scene.count("files AS f JOIN blobs AS b ON b.id = f.blob_id WHERE f.twin <> b.twin")
}

#[test]
fn private_twins_of_others_change_no_answer_however_many_there_are() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let file = a_file(one, X).build();
    files.attach(&file, &a_blob(X).build()).unwrap();
    let blob = files.find_readable(file.id, one).unwrap().unwrap().blob;
    let (both, own) = (a_scope(two, X), own_scope(two));
    for twins in [0..0, 0..1, 1..40, 40..250] {
        hide_twins(&files, one, twins);
        let found = files.find_claimable(&both).unwrap();
        assert_eq!(found, ClaimCandidates::One(blob.clone()));
        assert_eq!(files.find_claimable(&own).unwrap(), ClaimCandidates::None);
        let claim = a_file(two, X).private().build();
        let refused = files.claim(&claim, &own, blob.id).unwrap();
        assert_eq!(refused, Claimed::NotEligible);
        let linked = files.claim(&claim, &both, blob.id).unwrap();
        assert_eq!(linked, Claimed::Linked);
        let found = files.find_claimable(&own).unwrap();
        assert_eq!(found, ClaimCandidates::One(blob.clone()));
        assert_eq!(files.detach(two, claim.id).unwrap(), Detached::Removed);
        assert_eq!(wrong_flags(&scene), 0);
    }
    // Nor do they make an answer where there was none.
    assert_eq!(files.detach(one, file.id).unwrap(), Detached::Removed);
    assert_eq!(files.find_claimable(&both).unwrap(), ClaimCandidates::None);
}

#[test]
fn own_twins_are_ambiguous_however_many_there_are_unless_one_is_named() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let file = a_file(one, X).build();
    files.attach(&file, &a_blob(X).build()).unwrap();
    let blob = files.find_readable(file.id, one).unwrap().unwrap().blob;
    let scope = a_scope(two, X);
    let named = ClaimScope {
        sha256: Some(blob.sha256),
        ..scope
    };
    let claim = |scope| files.claim(&a_file(two, X).build(), scope, blob.id);
    for twins in [0..1, 1..40] {
        hide_twins(&files, two, twins);
        let found = files.find_claimable(&scope).unwrap();
        assert_eq!(found, ClaimCandidates::Ambiguous);
        assert_eq!(claim(&scope).unwrap(), Claimed::NotEligible);
        let found = files.find_claimable(&named).unwrap();
        assert_eq!(found, ClaimCandidates::One(blob.clone()));
        assert_eq!(claim(&named).unwrap(), Claimed::Linked);
        assert_eq!(wrong_flags(&scene), 0);
    }
}

#[test]
fn entries_from_before_their_content_had_a_twin_are_seen() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let file = a_file(two, X).private().build();
    files.attach(&file, &a_blob(X).build()).unwrap();
    let blob = files.find_readable(file.id, two).unwrap().unwrap().blob;
    assert_eq!(scene.count("files WHERE twin = 1"), 0);
    hide_twins(&files, one, 0..1);
    assert_eq!(scene.count("files WHERE twin = 1"), 2);
    let found = files.find_claimable(&own_scope(two)).unwrap();
    assert_eq!(found, ClaimCandidates::One(blob));
    hide_twins(&files, two, 1..2);
    let found = files.find_claimable(&own_scope(two)).unwrap();
    assert_eq!(found, ClaimCandidates::Ambiguous);
    assert_eq!(wrong_flags(&scene), 0);
}

#[test]
fn what_is_in_the_trash_is_no_candidate_and_is_one_again_when_it_is_back() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let trash = SqliteTrashRepository::new(&scene.db);
    let file = a_file(two, X).build();
    files.attach(&file, &a_blob(X).build()).unwrap();
    let blob = files.find_readable(file.id, two).unwrap().unwrap().blob;
    trash.discard(two, file.id, at(0)).unwrap();
    // The twin comes while it is there.
    hide_twins(&files, one, 0..1);
    for (scope, back) in [
        (own_scope(two), ClaimCandidates::One(blob)),
        (a_scope(one, X), ClaimCandidates::Ambiguous),
    ] {
        let without = files.find_claimable(&scope).unwrap();
        assert_ne!(without, back);
        assert!(trash.restore(two, file.id).unwrap());
        assert_eq!(files.find_claimable(&scope).unwrap(), back);
        assert_eq!(wrong_flags(&scene), 0);
        trash.discard(two, file.id, at(0)).unwrap();
        assert_eq!(files.find_claimable(&scope).unwrap(), without);
    }
}

#[test]
fn a_claim_among_contents_with_one_md5_is_within_the_quota_and_charged_once() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let file = a_file(one, X).build();
    files.attach(&file, &a_blob(X).build()).unwrap();
    let blob = files.find_readable(file.id, one).unwrap().unwrap().blob;
    hide_twins(&files, one, 0..1);
    let usage = SqliteUsageRepository::new(&scene.db);
    let claim = |most| {
        let mut file = a_file(two, X).build();
        file.quota = Quota {
            files: Some(most),
            ..Quota::NONE
        };
        let answer = files.claim(&file, &a_scope(two, X), blob.id).unwrap();
        (answer, usage.find_usage(two).unwrap().unwrap().used.files)
    };
    assert_eq!(claim(0), (Claimed::OverQuota, 0));
    assert_eq!(claim(1), (Claimed::Linked, 1));
    assert_eq!(claim(1), (Claimed::OverQuota, 1));
}

#[test]
fn content_that_was_an_avatar_alone_can_be_claimed_once_it_is_uploaded() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let avatars = SqliteAvatarRepository::new(&scene.db);
    let shown = a_blob(X).build();
    avatars.set_avatar(one, &shown, at(0)).unwrap();
    let scope = a_scope(two, X);
    let none = files.find_claimable(&scope).unwrap();
    assert_eq!(none, ClaimCandidates::None);
    files
        .attach(&a_file(one, X).build(), &a_blob(X).build())
        .unwrap();
    let found = files.find_claimable(&scope).unwrap();
    assert!(matches!(found, ClaimCandidates::One(_)), "{found:?}");
}

#[test]
fn content_that_was_an_avatar_alone_may_turn_out_to_be_a_twin() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let avatars = SqliteAvatarRepository::new(&scene.db);
    avatars
        .set_avatar(one, &a_blob(&[0, b't']).build(), at(0))
        .unwrap();
    files
        .attach(&a_file(two, X).build(), &a_blob(X).build())
        .unwrap();
    assert_eq!(scene.count("blobs WHERE twin = 1"), 0);
    let twin = a_file(one, &[0, b't']).md5(md5_of(X)).private().build();
    let replaced = files.attach(&twin, &a_blob(&[0, b't']).build()).unwrap();
    assert!(matches!(replaced, Attached::Replaced { .. }));
    assert_eq!(scene.count("files WHERE twin = 1"), 2);
    let found = |owner| files.find_claimable(&a_scope(owner, X)).unwrap();
    assert_eq!(found(one), ClaimCandidates::Ambiguous);
    assert!(matches!(found(two), ClaimCandidates::One(_)));
}

//! Claims among contents that were made to share an MD5.

use std::ops::Range;

use kms_domain::files::{
    Attached, ClaimCandidates, Claimed, FileRepository, Quota, UsageRepository,
};
use kms_domain::users::{AvatarRepository, UserId, UserRepository};
use kms_testkit::builders::{a_blob, a_file, a_scope, a_user, at, md5_of, user_id};

use super::super::{
    SqliteAvatarRepository, SqliteFileRepository, SqliteUsageRepository, SqliteUserRepository,
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

/// Stores private contents of `owner` with the MD5 of [`X`].
fn hide_twins(files: &SqliteFileRepository, owner: UserId, which: Range<u8>) {
    for n in which {
        let bytes = [n, b't'];
        let file = a_file(owner, &bytes).md5(md5_of(X)).private().build();
        let attached = files.attach(&file, &a_blob(&bytes).build()).unwrap();
        assert_eq!(attached, Attached::Stored);
    }
}

#[test]
fn the_right_is_looked_up_for_sixteen_contents_with_one_md5_and_for_none_beyond() {
    let scene = scene();
    let (files, one, two) = register(&scene);
    let file = a_file(one, X).build();
    files.attach(&file, &a_blob(X).build()).unwrap();
    let blob = files.find_readable(file.id, one).unwrap().unwrap().blob;
    hide_twins(&files, one, 0..15);
    let scope = a_scope(two, X);
    assert_eq!(
        files.find_claimable(&scope).unwrap(),
        ClaimCandidates::One(blob.clone())
    );
    let claim = |n| files.claim(&a_file(two, X).at(n).build(), &scope, blob.id);
    assert_eq!(claim(1).unwrap(), Claimed::Linked);
    hide_twins(&files, two, 15..16);
    assert_eq!(
        files.find_claimable(&scope).unwrap(),
        ClaimCandidates::Ambiguous
    );
    assert_eq!(claim(2).unwrap(), Claimed::NotEligible);
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

//! [`FileRepository`](kms_domain::files::FileRepository): who may have bytes by naming them. The
//! list of promises stands in [`entries`](super::entries).

use kms_domain::files::{BlobId, BlobRef, ClaimCandidates, ClaimScope, Claimed, NewFile};
use kms_domain::users::UserId;

use super::Repositories;
use super::support::{
    RACERS, assert_replaced, attach, claimable, count, damage, race, register, stored,
};
use crate::builders::{a_blob, a_file, a_scope, file_id, md5_of, sha256_of};

/// What the bytes `x` stand under in every test here, and the bytes that collide with them.
const X: &[u8] = b"x";
const TWIN: &[u8] = b"twin of x";

/// A public entry of `owner` over bytes with the MD5 of [`X`], stored.
fn publish(on: &Repositories, owner: UserId, bytes: &[u8]) -> BlobRef {
    let file = a_file(owner, bytes).md5(md5_of(X)).build();
    attach(on, &file, bytes);
    stored(on, &file).blob
}

/// The same as a private entry.
fn hide(on: &Repositories, owner: UserId, bytes: &[u8]) -> BlobRef {
    let file = a_file(owner, bytes).md5(md5_of(X)).private().build();
    attach(on, &file, bytes);
    stored(on, &file).blob
}

/// [`a_scope`] over [`X`] without public entries.
fn own_scope(owner: UserId) -> ClaimScope {
    ClaimScope {
        include_public: false,
        ..a_scope(owner, X)
    }
}

fn find(on: &Repositories, scope: &ClaimScope) -> ClaimCandidates {
    on.files.find_claimable(scope).unwrap()
}

fn claim(on: &Repositories, scope: &ClaimScope, blob: BlobId) -> (NewFile, Claimed) {
    let file = a_file(scope.owner, X).private().build();
    let answer = on.files.claim(&file, scope, blob).unwrap();
    let found = on.files.find_readable(file.id, scope.owner).unwrap();
    assert_eq!(found.is_some(), answer == Claimed::Linked);
    (file, answer)
}

/// What one has, one may have again.
pub fn an_own_entry_can_be_claimed_public_or_private(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = hide(on, one, X);
    assert_eq!(claimable(on, one, X), ClaimCandidates::One(blob));
    let blob = publish(on, two, TWIN);
    assert_eq!(claimable(on, two, X), ClaimCandidates::One(blob));
}

/// The narrow scope holds own entries of either visibility.
pub fn an_own_entry_is_in_scope_without_the_public_ones(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = hide(on, one, X);
    assert_eq!(
        find(on, &own_scope(one)),
        ClaimCandidates::One(blob.clone())
    );
    let shared = publish(on, two, X);
    assert_eq!(shared.id, blob.id);
    assert_eq!(find(on, &own_scope(two)), ClaimCandidates::One(shared));
}

/// Published by anybody, and only then.
pub fn a_public_entry_of_somebody_else_needs_the_public_scope(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = publish(on, one, X);
    assert_eq!(claimable(on, two, X), ClaimCandidates::One(blob));
    assert_eq!(find(on, &own_scope(two)), ClaimCandidates::None);
}

/// Not by MD5, and not by SHA-256 either.
pub fn a_private_entry_of_somebody_else_is_never_in_scope(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    hide(on, one, X);
    for include_public in [true, false] {
        for sha256 in [None, Some(sha256_of(X))] {
            let scope = ClaimScope {
                include_public,
                sha256,
                ..a_scope(two, X)
            };
            assert_eq!(find(on, &scope), ClaimCandidates::None);
        }
    }
}

/// Neither in an empty store nor among other entries.
pub fn an_unknown_md5_fits_nothing(on: &Repositories) {
    let owner = register(on, 1);
    assert_eq!(claimable(on, owner, X), ClaimCandidates::None);
    attach(on, &a_file(owner, b"y").build(), b"y");
    assert_eq!(claimable(on, owner, X), ClaimCandidates::None);
}

/// Contents are counted, not entries.
pub fn several_entries_over_one_content_are_one_candidate(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    publish(on, one, X);
    hide(on, one, X);
    publish(on, two, X);
    let blob = hide(on, two, X);
    for owner in [one, two] {
        assert_eq!(claimable(on, owner, X), ClaimCandidates::One(blob.clone()));
        assert_eq!(
            find(on, &own_scope(owner)),
            ClaimCandidates::One(blob.clone())
        );
    }
}

/// Even when nobody else is involved.
pub fn two_own_contents_with_one_md5_are_ambiguous(on: &Repositories) {
    let owner = register(on, 1);
    hide(on, owner, X);
    publish(on, owner, TWIN);
    assert_eq!(claimable(on, owner, X), ClaimCandidates::Ambiguous);
    assert_eq!(find(on, &own_scope(owner)), ClaimCandidates::Ambiguous);
}

/// For a stranger; to the narrow scope they are nothing at all.
pub fn two_public_contents_with_one_md5_are_ambiguous(on: &Repositories) {
    let (one, two, asker) = (register(on, 1), register(on, 2), register(on, 3));
    publish(on, one, X);
    publish(on, two, TWIN);
    assert_eq!(claimable(on, asker, X), ClaimCandidates::Ambiguous);
    assert_eq!(find(on, &own_scope(asker)), ClaimCandidates::None);
}

/// The own one does not win by being one's own, unless the scope holds nothing else.
pub fn an_own_and_a_public_content_with_one_md5_are_ambiguous(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = hide(on, one, X);
    publish(on, two, TWIN);
    assert_eq!(claimable(on, one, X), ClaimCandidates::Ambiguous);
    assert_eq!(find(on, &own_scope(one)), ClaimCandidates::One(blob));
}

/// No answer depends on what others keep to themselves.
pub fn private_content_of_others_makes_nothing_ambiguous(on: &Repositories) {
    let (one, two, asker) = (register(on, 1), register(on, 2), register(on, 3));
    hide(on, one, TWIN);
    let blob = publish(on, two, X);
    assert_eq!(claimable(on, asker, X), ClaimCandidates::One(blob.clone()));
    assert_eq!(claim(on, &a_scope(asker, X), blob.id).1, Claimed::Linked);
}

/// And thereby decides a collision.
pub fn a_sha256_narrows_the_scope_to_one_content(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let (x, twin) = (publish(on, one, X), publish(on, one, TWIN));
    for (bytes, blob) in [(X, x), (TWIN, twin)] {
        let scope = ClaimScope {
            sha256: Some(sha256_of(bytes)),
            ..a_scope(two, X)
        };
        assert_eq!(find(on, &scope), ClaimCandidates::One(blob.clone()));
        let (file, answer) = claim(on, &scope, blob.id);
        assert_eq!(answer, Claimed::Linked);
        assert_eq!(stored(on, &file).blob, blob);
    }
}

/// Both must fit one entry.
pub fn a_sha256_without_its_md5_fits_nothing(on: &Repositories) {
    let owner = register(on, 1);
    publish(on, owner, X);
    attach(on, &a_file(owner, b"y").build(), b"y");
    for (bytes, sha256) in [(X, b"y".as_slice()), (b"y", X), (X, b"z")] {
        let scope = ClaimScope {
            sha256: Some(sha256_of(sha256)),
            ..a_scope(owner, bytes)
        };
        assert_eq!(find(on, &scope), ClaimCandidates::None);
    }
}

/// It counts, too: that one of two contents is damaged does not make the other one certain.
pub fn damaged_content_stays_in_scope_and_says_so(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, X).build();
    attach(on, &file, X);
    let mut blob = damage(on, &file);
    blob.damaged = true;
    assert_eq!(claimable(on, owner, X), ClaimCandidates::One(blob));
    publish(on, owner, TWIN);
    assert_eq!(claimable(on, owner, X), ClaimCandidates::Ambiguous);
}

/// With the fields of the claim, not those of the entry that it was claimed by.
pub fn a_claim_stores_an_entry_over_the_known_copy(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = publish(on, one, X);
    let file = a_file(two, X).title("mine").private().at(77).build();
    let answer = on.files.claim(&file, &a_scope(two, X), blob.id).unwrap();
    assert_eq!(answer, Claimed::Linked);
    let found = stored(on, &file);
    assert_eq!((found.id, found.owner), (file.id, two));
    assert_eq!((found.title, found.md5), (file.title, file.md5));
    assert_eq!(found.visibility, file.visibility);
    assert_eq!(found.created_at, file.created_at);
    assert_eq!(found.blob, blob);
    assert_eq!(on.files.list_owned(two, None, 10).unwrap().len(), 1);
    assert_eq!(on.files.list_owned(one, None, 10).unwrap().len(), 1);
}

/// It is in the claimer's own scope from then on, and in the public one if it is public.
pub fn a_claimed_entry_is_a_right_of_its_own(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = publish(on, one, X);
    assert_eq!(find(on, &own_scope(two)), ClaimCandidates::None);
    assert_eq!(claim(on, &a_scope(two, X), blob.id).1, Claimed::Linked);
    assert_eq!(find(on, &own_scope(two)), ClaimCandidates::One(blob));
}

/// Knowing the row's id helps nobody.
pub fn a_claim_outside_of_the_scope_stores_nothing(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let secret = hide(on, one, X);
    assert_eq!(
        claim(on, &a_scope(two, X), secret.id).1,
        Claimed::NotEligible
    );
    let shared = publish(on, one, X);
    assert_eq!(shared.id, secret.id);
    assert_eq!(
        claim(on, &own_scope(two), shared.id).1,
        Claimed::NotEligible
    );
    let elsewhere = a_scope(two, b"y");
    assert_eq!(claim(on, &elsewhere, shared.id).1, Claimed::NotEligible);
    let other_sha = ClaimScope {
        sha256: Some(sha256_of(b"y")),
        ..a_scope(two, X)
    };
    assert_eq!(claim(on, &other_sha, shared.id).1, Claimed::NotEligible);
    assert!(on.files.list_owned(two, None, 10).unwrap().is_empty());
    assert_eq!(claim(on, &a_scope(two, X), shared.id).1, Claimed::Linked);
}

/// Not even the owner's own; once it is healed, it can be claimed again.
pub fn a_claim_of_damaged_content_stores_nothing(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let file = a_file(one, X).build();
    attach(on, &file, X);
    let blob = damage(on, &file);
    for owner in [one, two] {
        let answer = claim(on, &a_scope(owner, X), blob.id).1;
        assert_eq!(answer, Claimed::NotEligible);
    }
    let healed = attach(on, &a_file(one, X).build(), X);
    assert_replaced(&healed);
    assert_eq!(claim(on, &a_scope(two, X), blob.id).1, Claimed::Linked);
}

/// What was certain when it was looked for may be so no more when it is claimed.
pub fn a_claim_that_became_ambiguous_stores_nothing(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = publish(on, one, X);
    assert_eq!(claimable(on, two, X), ClaimCandidates::One(blob.clone()));
    publish(on, one, TWIN);
    assert_eq!(claim(on, &a_scope(two, X), blob.id).1, Claimed::NotEligible);
    let named = ClaimScope {
        sha256: Some(blob.sha256),
        ..a_scope(two, X)
    };
    assert_eq!(claim(on, &named, blob.id).1, Claimed::Linked);
}

/// Readable or not, known or not: the content must be the one that the scope names.
pub fn a_claim_of_another_content_than_the_one_in_scope_stores_nothing(on: &Repositories) {
    let owner = register(on, 1);
    let x = publish(on, owner, X);
    let y = a_file(owner, b"y").build();
    attach(on, &y, b"y");
    let y = stored(on, &y).blob;
    let unknown = BlobId::from_i64(x.id.as_i64().max(y.id.as_i64()) + 1_000);
    for blob in [y.id, unknown] {
        let answer = claim(on, &a_scope(owner, X), blob).1;
        assert_eq!(answer, Claimed::NotEligible);
    }
}

/// An entry id that is taken is an error, and the entry that has it is untouched.
pub fn a_claim_that_fails_stores_nothing(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let first = a_file(one, X).id(file_id(1)).build();
    on.files.attach(&first, &a_blob(X).build()).unwrap();
    let before = stored(on, &first);
    let clash = a_file(two, X).id(file_id(1)).title("thief").build();
    let answer = on.files.claim(&clash, &a_scope(two, X), before.blob.id);
    assert!(answer.is_err());
    assert_eq!(stored(on, &first), before);
    assert!(on.files.list_owned(two, None, 10).unwrap().is_empty());
}

/// They share one copy and stand in nobody's way.
pub fn simultaneous_claims_are_all_linked(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let blob = publish(on, one, X);
    let answers = race(RACERS, |_| claim(on, &a_scope(two, X), blob.id).1);
    assert_eq!(count(&answers, &Claimed::Linked), RACERS as usize);
    let listed = on.files.list_owned(two, None, 100).unwrap();
    assert_eq!(listed.len(), RACERS as usize);
}

//! Instant uploads.

use super::*;
use crate::files::{BlobKey, MockBlobRepository};

fn request() -> ClaimFile {
    ClaimFile {
        title: title(),
        visibility: None,
        md5: md5_of(CONTENT),
        sha256: None,
    }
}

/// What a claim meets.
struct World {
    candidates: ClaimCandidates,
    claimed: Claimed,
    store: RecordingStore,
    policy: InstantUpload,
    used: Used,
    seen: Arc<Mutex<Vec<(NewFile, ClaimScope)>>>,
}

impl World {
    /// One candidate whose bytes are there.
    fn new(script: &Script) -> Self {
        Self {
            candidates: ClaimCandidates::One(held(CONTENT)),
            claimed: Claimed::Linked,
            store: RecordingStore::holding(script, CONTENT),
            policy: InstantUpload::Public,
            used: Used::default(),
            seen: Arc::default(),
        }
    }

    fn claim(self, script: &Script, request: ClaimFile) -> Result<ClaimOutcome, Code> {
        let mut files = MockFileRepository::new();
        let (candidates, claimed) = (self.candidates, self.claimed);
        let on_find = script.clone();
        files.expect_find_claimable().returning(move |scope| {
            assert_eq!((scope.owner, scope.md5), (user(), md5_of(CONTENT)));
            on_find.call("files.find_claimable")?;
            Ok(candidates.clone())
        });
        let on_claim = script.clone();
        let seen = self.seen;
        files.expect_claim().returning(move |file, scope, blob| {
            assert_eq!(blob, BlobId::from_i64(7));
            seen.lock().unwrap().push((file.clone(), *scope));
            on_claim.call("files.claim")?;
            Ok(claimed)
        });
        let mut service = service(script, files, self.store);
        service.config.instant_upload = self.policy;
        service.usage = Arc::new(holding(script, self.used));
        service
            .claim(&actor(), request)
            .map_err(|error| error.code())
    }
}

/// How a claim ends that its caller does not wait for, when the repository says `claimed`.
fn claim_then(candidates: ClaimCandidates, claimed: Option<Claimed>) -> Result<ClaimOutcome, Code> {
    let script = Script::default();
    let mut files = MockFileRepository::new();
    files
        .expect_find_claimable()
        .return_once(move |_| Ok(candidates));
    files.expect_claim_then().return_once(move |_, _, _, done| {
        done(claimed.ok_or_else(|| PortError::internal("as ordered")));
    });
    let service = service(&script, files, RecordingStore::holding(&script, CONTENT));
    let (sender, answer) = std::sync::mpsc::channel();
    service.claim_then(&actor(), request(), move |outcome| {
        sender.send(outcome).unwrap();
    });
    answer.try_recv().unwrap().map_err(|error| error.code())
}

#[test]
fn a_claim_that_nobody_waits_for_ends_like_any_other() {
    let held = || ClaimCandidates::One(held(CONTENT));
    assert_eq!(
        claim_then(held(), Some(Claimed::Linked)),
        Ok(ClaimOutcome::Linked(receipt()))
    );
    assert_eq!(
        claim_then(held(), Some(Claimed::NotEligible)),
        Ok(ClaimOutcome::NotHeld)
    );
    assert_eq!(
        claim_then(ClaimCandidates::None, None),
        Ok(ClaimOutcome::NotHeld)
    );
    assert_eq!(claim_then(held(), None), Err(Code::ServerError));
}

#[test]
fn the_bytes_are_looked_at_before_the_transaction() {
    let script = Script::default();
    let outcome = World::new(&script).claim(&script, request());
    assert_eq!(outcome, Ok(ClaimOutcome::Linked(receipt())));
    let order = [
        "files.find_claimable",
        "store.open held",
        "ids.new_id",
        "files.claim",
    ];
    assert_eq!(script.notes(), order);
}

#[test]
fn a_claim_stores_what_was_given_within_the_scope_that_was_looked_at() {
    let script = Script::default();
    let world = World::new(&script);
    let seen = Arc::clone(&world.seen);
    let request = ClaimFile {
        sha256: Some(sha256_of(CONTENT)),
        ..request()
    };
    world.claim(&script, request).unwrap();
    let seen = seen.lock().unwrap();
    let (file, scope) = &seen[0];
    assert_eq!(file.id, FileId::from_uuid(FRESH_ID));
    assert_eq!(file.owner, user());
    assert_eq!(file.title, title());
    assert_eq!(file.md5, md5_of(CONTENT));
    assert_eq!(file.created_at, NOW);
    assert_eq!(scope.sha256, Some(sha256_of(CONTENT)));
}

#[test]
fn visibility_is_what_the_claim_says_and_else_the_default() {
    for (asked, expected) in [
        (None, Visibility::Public),
        (Some(Visibility::Public), Visibility::Public),
        (Some(Visibility::Private), Visibility::Private),
    ] {
        let script = Script::default();
        let world = World::new(&script);
        let seen = Arc::clone(&world.seen);
        let request = ClaimFile {
            visibility: asked,
            ..request()
        };
        world.claim(&script, request).unwrap();
        assert_eq!(seen.lock().unwrap()[0].0.visibility, expected);
    }
}

#[test]
fn each_policy_hands_its_scope_to_both_calls() {
    let sha256 = Some(sha256_of(CONTENT));
    for (policy, sha256, include_public) in [
        (InstantUpload::Public, None, true),
        (InstantUpload::Public, sha256, true),
        (InstantUpload::Strong, None, false),
        (InstantUpload::Strong, sha256, true),
        (InstantUpload::Own, None, false),
        (InstantUpload::Own, sha256, false),
    ] {
        let script = Script::default();
        let world = World {
            policy,
            ..World::new(&script)
        };
        let seen = Arc::clone(&world.seen);
        let request = ClaimFile {
            sha256,
            ..request()
        };
        world.claim(&script, request).unwrap();
        let scope = seen.lock().unwrap()[0].1;
        assert_eq!(
            (scope.include_public, scope.sha256),
            (include_public, sha256)
        );
    }
}

#[test]
fn when_instant_upload_is_off_nothing_is_looked_for() {
    let script = Script::default();
    let world = World {
        policy: InstantUpload::Off,
        ..World::new(&script)
    };
    let outcome = world.claim(&script, request());
    assert_eq!(outcome, Ok(ClaimOutcome::NotHeld));
    assert_eq!(script.notes(), ["usage.find_usage"]);
}

#[test]
fn no_candidate_and_too_many_are_the_same_answer() {
    for candidates in [ClaimCandidates::None, ClaimCandidates::Ambiguous] {
        let script = Script::default();
        let world = World {
            candidates,
            ..World::new(&script)
        };
        let outcome = world.claim(&script, request());
        assert_eq!(outcome, Ok(ClaimOutcome::NotHeld));
        assert_eq!(script.notes(), ["files.find_claimable", "usage.find_usage"]);
    }
}

#[test]
fn content_that_is_flagged_already_is_not_even_opened() {
    let script = Script::default();
    let mut blob = held(CONTENT);
    blob.damaged = true;
    let world = World {
        candidates: ClaimCandidates::One(blob),
        ..World::new(&script)
    };
    let outcome = world.claim(&script, request());
    assert_eq!(outcome, Ok(ClaimOutcome::NotHeld));
    assert_eq!(script.notes(), ["files.find_claimable", "usage.find_usage"]);
}

#[test]
fn bytes_that_are_missing_short_or_long_are_flagged_and_not_given() {
    for found in [None, Some(&CONTENT[1..]), Some(b"content!!")] {
        let script = Script::default();
        let world = World {
            store: RecordingStore {
                content: found.map(<[u8]>::to_vec),
                ..RecordingStore::empty(&script)
            },
            ..World::new(&script)
        };
        let outcome = world.claim(&script, request());
        assert_eq!(outcome, Ok(ClaimOutcome::NotHeld));
        let order = [
            "files.find_claimable",
            "store.open held",
            // Perhaps it was only replaced.
            "files.find_claimable",
            "blobs.flag_damaged",
            "usage.find_usage",
        ];
        assert_eq!(script.notes(), order);
    }
}

#[test]
fn a_copy_that_is_replaced_while_it_is_looked_for_is_looked_for_again() {
    let script = Script::default();
    let mut files = MockFileRepository::new();
    let on_find = script.clone();
    let copies = Mutex::new(["old", "fresh"].into_iter());
    files.expect_find_claimable().returning(move |_| {
        on_find.call("files.find_claimable")?;
        let key = BlobKey::parse(copies.lock().unwrap().next().unwrap()).unwrap();
        let blob = BlobRef {
            key,
            ..held(CONTENT)
        };
        Ok(ClaimCandidates::One(blob))
    });
    files
        .expect_claim()
        .returning(|_, _, _| Ok(Claimed::Linked));
    let store = RecordingStore {
        missing: Some(BlobKey::parse("old").unwrap()),
        ..RecordingStore::holding(&script, CONTENT)
    };
    let mut service = service(&script, files, store);
    // Nothing is flagged.
    service.blobs = Arc::new(MockBlobRepository::new());
    let outcome = service.claim(&actor(), request()).unwrap();
    assert_eq!(outcome, ClaimOutcome::Linked(receipt()));
    assert_eq!(script.count("files.find_claimable"), 2);
}

#[test]
fn a_right_that_ended_meanwhile_gives_nothing() {
    let script = Script::default();
    let world = World {
        claimed: Claimed::NotEligible,
        ..World::new(&script)
    };
    let outcome = world.claim(&script, request());
    assert_eq!(outcome, Ok(ClaimOutcome::NotHeld));
    assert_eq!(script.count("files.claim"), 1);
}

#[test]
fn who_has_no_room_is_told_so_whether_or_not_the_content_is_held() {
    for candidates in [
        ClaimCandidates::One(held(CONTENT)),
        ClaimCandidates::None,
        ClaimCandidates::Ambiguous,
    ] {
        let script = Script::default();
        let world = World {
            candidates,
            claimed: Claimed::OverQuota,
            used: FULL,
            ..World::new(&script)
        };
        let outcome = world.claim(&script, request());
        assert_eq!(outcome, Ok(ClaimOutcome::OverQuota));
    }
}

#[test]
fn every_failing_port_ends_a_claim() {
    fail_every_call(
        &[],
        |script| World::new(script).claim(script, request()),
        |outcome| *outcome == ClaimOutcome::Linked(receipt()),
    );
    fail_every_call(
        &[],
        |script| {
            let world = World {
                store: RecordingStore::empty(script),
                ..World::new(script)
            };
            world.claim(script, request())
        },
        |outcome| *outcome == ClaimOutcome::NotHeld,
    );
}

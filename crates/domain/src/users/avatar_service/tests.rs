use std::sync::Mutex;

use super::*;
use crate::codes::{Code, Coded as _};
use crate::files::{BlobKey, BlobRef, MockBlobRepository, NewBlob, PushError};
use crate::test_doubles::{
    KINDS, NOW, RecordingStore, Script, actor, attachments, blobs, clock_at, fail_every_call, held,
    published_key, sha256_of, user,
};
use crate::users::MockAvatarRepository;

const FACE: &[u8] = b"face";

fn service(script: &Script, avatars: MockAvatarRepository, store: RecordingStore) -> AvatarService {
    AvatarService {
        avatars: Arc::new(avatars),
        blobs: Arc::new(blobs(script)),
        store: Arc::new(store),
        clock: Arc::new(clock_at(NOW)),
        max_size: 4,
    }
}

type Offered = Arc<Mutex<Vec<NewBlob>>>;

/// A service whose repository answers `attached` and keeps what it was offered.
fn setting(script: &Script, attached: Attached) -> (AvatarService, Offered) {
    let offered = Offered::default();
    let kept = Arc::clone(&offered);
    let on_set = script.clone();
    let mut avatars = MockAvatarRepository::new();
    avatars.expect_set_avatar().returning(move |id, blob, at| {
        assert_eq!((id, at), (user(), NOW));
        kept.lock().unwrap().push(blob.clone());
        on_set.call("avatars.set_avatar")?;
        Ok(attached.clone())
    });
    let service = service(script, avatars, RecordingStore::empty(script));
    (service, offered)
}

/// The whole protocol: stage, push, set.
fn upload(service: &AvatarService, bytes: &[u8]) -> Result<AvatarOutcome, Code> {
    let session = service.begin_upload().map_err(|error| error.code())?;
    let session = session.push(bytes).map_err(|error| error.code())?;
    service
        .set(&actor(), session.finish())
        .map_err(|error| error.code())
}

/// Opens the avatar when the repository finds `found`.
fn open(
    script: &Script,
    found: Option<BlobRef>,
    store: RecordingStore,
) -> Result<OpenedAvatar, AvatarError> {
    let on_find = script.clone();
    let mut avatars = MockAvatarRepository::new();
    avatars.expect_find_avatar().returning(move |id| {
        assert_eq!(id, user());
        on_find.call("avatars.find_avatar")?;
        Ok(found.clone())
    });
    service(script, avatars, store).open(&actor())
}

#[test]
fn an_avatar_is_offered_as_it_was_published() {
    let (service, offered) = setting(&Script::default(), Attached::Stored);
    assert_eq!(upload(&service, FACE), Ok(AvatarOutcome::Set));
    let offered = offered.lock().unwrap();
    let blob = &offered[0];
    assert_eq!((blob.sha256, blob.size), (sha256_of(FACE), 4));
    assert_eq!(blob.key, published_key(FACE));
    assert_eq!(blob.created_at, NOW);
}

#[test]
fn bytes_come_first_the_row_second_and_the_surplus_goes_last() {
    for (attached, surplus) in attachments() {
        let script = Script::default();
        let (service, _) = setting(&script, attached);
        assert_eq!(upload(&service, FACE), Ok(AvatarOutcome::Set));
        let mut order: Vec<String> = [
            "store.stage",
            "stage.write",
            "stage.publish",
            "avatars.set_avatar",
        ]
        .map(str::to_owned)
        .to_vec();
        order.extend(surplus.map(|key| format!("store.remove {key}")));
        assert_eq!(script.notes(), order);
    }
}

#[test]
fn every_failing_port_ends_the_setting_except_when_the_surplus_goes() {
    for (attached, _) in attachments() {
        fail_every_call(
            &["store.remove"],
            |script| upload(&setting(script, attached.clone()).0, FACE),
            |outcome| *outcome == AvatarOutcome::Set,
        );
    }
}

#[test]
fn what_was_published_stays_when_the_row_fails() {
    for (kind, code) in KINDS {
        let script = Script::failing_on("avatars.set_avatar", kind);
        let (service, _) = setting(&script, Attached::Stored);
        assert_eq!(upload(&service, FACE), Err(code));
        assert_eq!(script.count("stage.publish"), 1);
        assert_eq!(script.count("store.remove"), 0);
        assert_eq!(script.count("stage.discard"), 0);
    }
}

#[test]
fn what_could_not_be_published_is_discarded_and_has_no_row() {
    for (kind, code) in KINDS {
        let script = Script::failing_on("stage.publish", kind);
        let (service, _) = setting(&script, Attached::Stored);
        assert_eq!(upload(&service, FACE), Err(code));
        assert_eq!(script.count("avatars.set_avatar"), 0);
        assert_eq!(script.count("stage.discard"), 1);
    }
}

#[test]
fn no_bytes_are_no_avatar_and_leave_the_old_one() {
    let script = Script::default();
    let (service, _) = setting(&script, Attached::Stored);
    let session = service.begin_upload().unwrap();
    let outcome = service.set(&actor(), session.finish());
    assert_eq!(outcome.unwrap(), AvatarOutcome::Empty);
    assert_eq!(script.notes(), ["store.stage", "stage.discard"]);
}

/// Sets [`FACE`] in the place of `b"old"`, where the avatar is one of these at each look and is replaced by
/// somebody else as often as there is a next one.
fn replace(seen: &'static [&'static [u8]]) -> (ReplaceOutcome, Script) {
    let script = Script::default();
    let (looks, tries) = (script.clone(), script.clone());
    let at = |nth: usize| seen.get(nth).copied().filter(|bytes| !bytes.is_empty());
    let mut avatars = MockAvatarRepository::new();
    avatars.expect_find_avatar().returning(move |_| {
        let nth = looks.count("look");
        looks.note("look");
        Ok(at(nth).map(held))
    });
    avatars
        .expect_replace_avatar()
        .returning(move |id, before, _, time| {
            assert_eq!((id, time), (user(), NOW));
            let nth = tries.count("replace");
            tries.note("replace");
            assert_eq!(before, at(nth).map(sha256_of));
            Ok((nth + 1 == seen.len()).then_some(Attached::Stored))
        });
    let service = service(&script, avatars, RecordingStore::empty(&script));
    let session = service.begin_upload().unwrap().push(FACE).unwrap();
    let allow = |before: Option<Sha256>| before.is_none_or(|it| it == sha256_of(b"old"));
    let outcome = service.set_if(&actor(), session.finish(), allow).unwrap();
    (outcome, script)
}

#[test]
fn what_is_replaced_between_look_and_write_is_looked_at_again() {
    const OLD: &[u8] = b"old";
    const ALWAYS_OLD: &[&[u8]] = &[OLD; 9];
    for (seen, outcome, tries, removed) in [
        (&ALWAYS_OLD[..1], ReplaceOutcome::Replaced, 1, 0),
        (&[b""], ReplaceOutcome::First, 1, 0),
        (&[b"", b"old"], ReplaceOutcome::Replaced, 2, 0),
        (&[b"new"], ReplaceOutcome::Moved, 0, 0),
        // The copy that nobody has a row for goes.
        (&[b"old", b"new"], ReplaceOutcome::Moved, 1, 1),
        (ALWAYS_OLD, ReplaceOutcome::Moved, OPEN_ROUNDS, 1),
    ] {
        let (found, script) = replace(seen);
        let key = published_key(FACE);
        let gone = script.notes();
        let gone = gone
            .iter()
            .filter(|it| **it == format!("store.remove {key}"));
        let counted = (found, script.count("replace"), gone.count());
        assert_eq!(counted, (outcome, tries, removed), "{seen:?}");
    }
}

#[test]
fn one_byte_to_the_configured_size_are_taken() {
    let (service, _) = setting(&Script::default(), Attached::Stored);
    for bytes in [&b"f"[..], b"face"] {
        assert_eq!(upload(&service, bytes), Ok(AvatarOutcome::Set));
    }
    let session = service.begin_upload().unwrap();
    assert!(matches!(
        session.push(b"faces"),
        Err(PushError::TooLarge { limit: 4 })
    ));
}

#[test]
fn an_account_without_an_avatar_opens_nothing() {
    let script = Script::default();
    let outcome = open(&script, None, RecordingStore::holding(&script, FACE)).unwrap();
    assert!(matches!(outcome, OpenedAvatar::NotSet));
    assert_eq!(script.notes(), ["avatars.find_avatar"]);
}

#[test]
fn an_avatar_comes_back_to_the_letter() {
    let script = Script::default();
    let store = RecordingStore::holding(&script, FACE);
    let outcome = open(&script, Some(held(FACE)), store).unwrap();
    let OpenedAvatar::Opened(mut content) = outcome else {
        panic!("{outcome:?}");
    };
    let mut bytes = [0; 5];
    assert_eq!(content.read(&mut bytes).unwrap(), 4);
    assert_eq!(bytes[..4], *FACE);
}

#[test]
fn damaged_bytes_are_an_error_of_the_content() {
    let script = Script::default();
    let outcome = open(&script, Some(held(FACE)), RecordingStore::empty(&script));
    assert!(matches!(
        &outcome,
        Err(AvatarError::Content(DownloadError::Damaged { .. }))
    ));
    assert_eq!(outcome.unwrap_err().code(), Code::ServerError);
    assert_eq!(script.count("blobs.flag_damaged"), 1);
}

#[test]
fn every_failing_port_keeps_an_avatar_closed() {
    fail_every_call(
        &[],
        |script| {
            let store = RecordingStore::holding(script, FACE);
            open(script, Some(held(FACE)), store).map_err(|error| error.code())
        },
        |outcome| matches!(outcome, OpenedAvatar::Opened(_)),
    );
}

#[test]
fn an_avatar_that_was_healed_while_it_was_opened_is_opened_at_its_new_place() {
    let script = Script::default();
    let healed = BlobRef {
        key: published_key(FACE),
        ..held(FACE)
    };
    let mut found = vec![Some(healed), Some(held(FACE))];
    let mut avatars = MockAvatarRepository::new();
    avatars
        .expect_find_avatar()
        .times(2)
        .returning(move |_| Ok(found.pop().unwrap()));
    let store = RecordingStore {
        missing: Some(held(FACE).key),
        ..RecordingStore::holding(&script, FACE)
    };
    let outcome = service(&script, avatars, store).open(&actor());
    assert!(
        matches!(outcome, Ok(OpenedAvatar::Opened(_))),
        "{outcome:?}"
    );
}

#[test]
fn an_avatar_whose_copy_is_replaced_again_and_again_is_opened_where_it_is_at_last() {
    let script = Script::default();
    let key = |nth: usize| BlobKey::parse(&format!("copy-{nth}")).unwrap();
    let on_find = script.clone();
    let mut avatars = MockAvatarRepository::new();
    avatars.expect_find_avatar().returning(move |_| {
        on_find.call("avatars.find_avatar")?;
        let key = key(on_find.count("avatars.find_avatar"));
        Ok(Some(BlobRef { key, ..held(FACE) }))
    });
    let store = RecordingStore {
        only: Some(key(OPEN_ROUNDS)),
        ..RecordingStore::holding(&script, FACE)
    };
    let mut blobs = MockBlobRepository::new();
    blobs.expect_flag_damaged().returning(|_, _| Ok(()));
    let mut service = service(&script, avatars, store);
    service.blobs = Arc::new(blobs);
    let outcome = service.open(&actor());
    assert!(
        matches!(outcome, Ok(OpenedAvatar::Opened(_))),
        "{outcome:?}"
    );
}

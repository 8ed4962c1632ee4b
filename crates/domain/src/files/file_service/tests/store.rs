//! Uploads with bytes.

use super::*;
use crate::files::{NewBlob, PushError};

fn request() -> StoreFile {
    StoreFile {
        title: title(),
        visibility: None,
        md5: None,
        sha256: None,
    }
}

type Offered = Arc<Mutex<Vec<(NewFile, NewBlob)>>>;

/// A service whose repository answers `attached` and keeps what it was offered.
fn attaching(script: &Script, attached: Attached) -> (FileService, Offered) {
    let offered = Offered::default();
    let kept = Arc::clone(&offered);
    let on_attach = script.clone();
    let mut files = MockFileRepository::new();
    files.expect_attach().returning(move |file, blob| {
        kept.lock().unwrap().push((file.clone(), blob.clone()));
        on_attach.call("files.attach")?;
        Ok(attached.clone())
    });
    let service = service(script, files, RecordingStore::empty(script));
    (service, offered)
}

/// The whole protocol: stage, push `bytes` in two pieces, store.
fn upload(service: &FileService, bytes: &[u8], request: StoreFile) -> Result<UploadOutcome, Code> {
    let mut session = service.begin_upload().map_err(|error| error.code())?;
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    for piece in [head, tail] {
        session = session.push(piece).map_err(|error| error.code())?;
    }
    service
        .store(&actor(), session.finish(), request)
        .map_err(|error| error.code())
}

#[test]
fn an_upload_stores_what_was_given_over_what_was_published() {
    let (service, offered) = attaching(&Script::default(), Attached::Stored);
    assert_eq!(
        upload(&service, CONTENT, request()),
        Ok(UploadOutcome::Stored(receipt()))
    );
    let offered = offered.lock().unwrap();
    let (file, blob) = &offered[0];
    assert_eq!(file.id, FileId::from_uuid(FRESH_ID));
    assert_eq!(file.owner, user());
    assert_eq!(file.title, title());
    assert_eq!(file.md5, md5_of(CONTENT));
    assert_eq!(file.created_at, NOW);
    assert_eq!(blob.sha256, sha256_of(CONTENT));
    assert_eq!(blob.size, 8);
    assert_eq!(blob.key, published_key(CONTENT));
    assert_eq!(blob.created_at, NOW);
}

#[test]
fn visibility_is_what_the_upload_says_and_else_the_default() {
    for default in [Visibility::Public, Visibility::Private] {
        for asked in [None, Some(Visibility::Public), Some(Visibility::Private)] {
            let (mut service, offered) = attaching(&Script::default(), Attached::Stored);
            service.config.default_visibility = default;
            let request = StoreFile {
                visibility: asked,
                ..request()
            };
            upload(&service, CONTENT, request).unwrap();
            assert_eq!(
                offered.lock().unwrap()[0].0.visibility,
                asked.unwrap_or(default)
            );
        }
    }
}

#[test]
fn bytes_come_first_the_row_second_and_the_surplus_goes_last() {
    for (attached, surplus) in attachments(CONTENT) {
        let script = Script::default();
        let (service, _) = attaching(&script, attached.clone());
        let outcome = upload(&service, CONTENT, request()).unwrap();
        let expected = match attached {
            Attached::Stored => UploadOutcome::Stored(receipt()),
            Attached::Linked | Attached::Healed { .. } => UploadOutcome::Linked(receipt()),
        };
        assert_eq!(outcome, expected);
        let mut order: Vec<String> = [
            "store.stage",
            "stage.write",
            "stage.write",
            "ids.new_id",
            "blobs.find_live",
            "stage.publish",
            "files.attach",
        ]
        .map(str::to_owned)
        .to_vec();
        order.extend(surplus.map(|key| format!("store.remove {key}")));
        assert_eq!(script.notes(), order);
    }
}

#[test]
fn every_failing_port_ends_an_upload_except_when_the_surplus_goes() {
    for (attached, _) in attachments(CONTENT) {
        fail_every_call(
            &["store.remove"],
            |script| {
                let (service, _) = attaching(script, attached.clone());
                upload(&service, CONTENT, request())
            },
            |outcome| {
                matches!(outcome, UploadOutcome::Stored(r) | UploadOutcome::Linked(r)
                    if *r == receipt())
            },
        );
    }
}

#[test]
fn what_was_published_stays_when_the_row_fails() {
    for (kind, code) in KINDS {
        let script = Script::failing_on("files.attach", kind);
        let (service, _) = attaching(&script, Attached::Linked);
        assert_eq!(upload(&service, CONTENT, request()), Err(code));
        assert_eq!(script.count("stage.publish"), 1);
        assert_eq!(script.count("store.remove"), 0);
        assert_eq!(script.count("stage.discard"), 0);
    }
}

#[test]
fn what_could_not_be_published_is_discarded_and_has_no_row() {
    for (kind, code) in KINDS {
        let script = Script::failing_on("stage.publish", kind);
        let (service, _) = attaching(&script, Attached::Stored);
        assert_eq!(upload(&service, CONTENT, request()), Err(code));
        assert_eq!(script.count("files.attach"), 0);
        assert_eq!(script.count("stage.discard"), 1);
    }
}

#[test]
fn the_digests_that_fit_are_accepted() {
    let (service, _) = attaching(&Script::default(), Attached::Stored);
    for (md5, sha256) in [
        (Some(md5_of(CONTENT)), None),
        (None, Some(sha256_of(CONTENT))),
        (Some(md5_of(CONTENT)), Some(sha256_of(CONTENT))),
    ] {
        let request = StoreFile {
            md5,
            sha256,
            ..request()
        };
        let outcome = upload(&service, CONTENT, request);
        assert_eq!(outcome, Ok(UploadOutcome::Stored(receipt())));
    }
}

#[test]
fn a_digest_that_does_not_fit_publishes_nothing_and_discards_the_bytes() {
    for (md5, sha256) in [
        (Some(md5_of(b"other")), None),
        (None, Some(sha256_of(b"other"))),
        (Some(md5_of(b"other")), Some(sha256_of(CONTENT))),
        (Some(md5_of(CONTENT)), Some(sha256_of(b"other"))),
    ] {
        let script = Script::default();
        let (service, _) = attaching(&script, Attached::Stored);
        let request = StoreFile {
            md5,
            sha256,
            ..request()
        };
        let outcome = upload(&service, CONTENT, request);
        assert_eq!(outcome, Ok(UploadOutcome::DigestMismatch));
        let order = ["store.stage", "stage.write", "stage.write", "stage.discard"];
        assert_eq!(script.notes(), order);
    }
}

#[test]
fn an_empty_upload_publishes_nothing_and_discards_the_stage() {
    let script = Script::default();
    let (service, _) = attaching(&script, Attached::Stored);
    let session = service.begin_upload().unwrap();
    let outcome = service.store(&actor(), session.finish(), request());
    assert_eq!(outcome.unwrap(), UploadOutcome::Empty);
    assert_eq!(script.notes(), ["store.stage", "stage.discard"]);
}

#[test]
fn one_byte_is_enough() {
    let (service, offered) = attaching(&Script::default(), Attached::Stored);
    let outcome = upload(&service, b"x", request()).unwrap();
    assert!(matches!(outcome, UploadOutcome::Stored(receipt) if receipt.size == 1));
    assert_eq!(offered.lock().unwrap()[0].1.size, 1);
}

#[test]
fn the_configured_size_is_the_last_that_is_taken() {
    let script = Script::default();
    let (service, _) = attaching(&script, Attached::Stored);
    assert!(upload(&service, CONTENT, request()).is_ok());
    let session = service.begin_upload().unwrap();
    assert!(matches!(
        session.push(b"content!?"),
        Err(PushError::TooLarge { limit: 8 })
    ));
    assert_eq!(script.count("stage.discard"), 1);
}

#[test]
fn an_upload_that_is_given_up_is_discarded() {
    let script = Script::default();
    let (service, _) = attaching(&script, Attached::Stored);
    let session = service.begin_upload().unwrap();
    drop(session.push(CONTENT).unwrap().finish());
    assert_eq!(
        script.notes(),
        ["store.stage", "stage.write", "stage.discard"]
    );
}

/// What happens between the staging and the row when `known` content is found by its digest.
fn between_staging_and_row(known: BlobRef, store: &RecordingStore) -> Vec<String> {
    let script = Script::default();
    let (mut service, _) = attaching(&script, Attached::Linked);
    service.blobs = Arc::new(blobs_finding(&script, Some(known)));
    service.store = Arc::new(RecordingStore {
        script: script.clone(),
        ..store.clone()
    });
    upload(&service, CONTENT, request()).unwrap();
    let notes = script.notes();
    let from = notes.iter().position(|note| note == "blobs.find_live");
    let to = notes.iter().position(|note| note == "stage.publish");
    notes[from.unwrap() + 1..to.unwrap()].to_vec()
}

#[test]
fn a_lost_copy_is_flagged_before_fresh_bytes_are_offered_so_that_they_heal_it() {
    let script = Script::default();
    let missing = RecordingStore::empty(&script);
    let short = RecordingStore {
        claimed_size: Some(7),
        ..RecordingStore::holding(&script, CONTENT)
    };
    for store in [missing, short] {
        assert_eq!(
            between_staging_and_row(held(CONTENT), &store),
            ["store.open held", "blobs.flag_damaged"]
        );
    }
}

#[test]
fn a_sound_copy_is_only_looked_at_and_a_flagged_one_not_even_that() {
    let script = Script::default();
    let whole = RecordingStore::holding(&script, CONTENT);
    assert_eq!(
        between_staging_and_row(held(CONTENT), &whole),
        ["store.open held"]
    );
    let flagged = BlobRef {
        damaged: true,
        ..held(CONTENT)
    };
    assert!(between_staging_and_row(flagged, &whole).is_empty());
}

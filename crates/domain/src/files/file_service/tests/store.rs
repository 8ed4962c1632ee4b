//! Uploads with bytes.

use super::*;
use crate::files::{Attached, NewBlob, PushError};

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
    files
        .expect_attach_then()
        .returning(move |file, blob, done| {
            kept.lock().unwrap().push((file, blob));
            done(on_attach.call("files.attach").map(|()| attached.clone()));
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
    for (attached, surplus) in attachments() {
        let script = Script::default();
        let (service, _) = attaching(&script, attached.clone());
        let outcome = upload(&service, CONTENT, request()).unwrap();
        let expected = match attached {
            Attached::Stored => UploadOutcome::Stored(receipt()),
            Attached::Replaced { .. } => UploadOutcome::Linked(receipt()),
            Attached::OverQuota => unreachable!("is no attachment"),
        };
        assert_eq!(outcome, expected);
        let mut order: Vec<String> = [
            "store.stage",
            "stage.write",
            "stage.write",
            "usage.find_usage",
            "ids.new_id",
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
fn who_has_no_room_publishes_nothing_and_the_bytes_are_discarded() {
    for (held, size, expected) in [
        (Used::default(), 8, Code::FileStored),
        (Used { bytes: 1, files: 0 }, 8, Code::StorageFull),
        (Used { bytes: 1, files: 0 }, 7, Code::FileStored),
        (FULL, 1, Code::StorageFull),
    ] {
        let script = Script::default();
        let (mut service, offered) = attaching(&script, Attached::Stored);
        service.usage = Arc::new(holding(&script, held));
        let outcome = upload(&service, &CONTENT[..size], request()).unwrap();
        assert_eq!(outcome.code(), expected, "{held:?} and {size}");
        let is_stored = usize::from(expected == Code::FileStored);
        assert_eq!(offered.lock().unwrap().len(), is_stored);
        assert_eq!(script.count("stage.publish"), is_stored);
        assert_eq!(script.count("stage.discard"), 1 - is_stored);
    }
}

#[test]
fn what_was_published_goes_again_when_the_room_was_used_up_meanwhile() {
    let script = Script::default();
    let (service, offered) = attaching(&script, Attached::OverQuota);
    let outcome = upload(&service, CONTENT, request());
    assert_eq!(outcome, Ok(UploadOutcome::OverQuota));
    assert_eq!(offered.lock().unwrap()[0].0.quota, CONFIG.quota);
    let gone = format!("store.remove {}", published_key(CONTENT));
    assert_eq!(script.notes().last(), Some(&gone));

    let script = Script::default();
    let (service, _) = attaching(&script, Attached::OverQuota);
    let outcome = upload_then(&service, CONTENT);
    assert_eq!(outcome, Ok(UploadOutcome::OverQuota));
    let gone = format!("store.discard {}", published_key(CONTENT));
    assert_eq!(script.notes().last(), Some(&gone));
}

/// The same protocol by a caller that does not wait.
fn upload_then(service: &FileService, bytes: &[u8]) -> Result<UploadOutcome, Code> {
    let session = service.begin_upload().map_err(|error| error.code())?;
    let session = session.push(bytes).map_err(|error| error.code())?;
    let (sender, outcome) = std::sync::mpsc::channel();
    service.store_then(&actor(), session.finish(), request(), move |told| {
        sender.send(told).unwrap();
    });
    outcome.recv().unwrap().map_err(|error| error.code())
}

#[test]
fn who_does_not_wait_is_answered_alike_and_leaves_the_surplus_to_be_discarded() {
    for (attached, surplus) in attachments() {
        let script = Script::default();
        let (service, offered) = attaching(&script, attached.clone());
        let expected = match attached {
            Attached::Stored => UploadOutcome::Stored(receipt()),
            Attached::Replaced { .. } => UploadOutcome::Linked(receipt()),
            Attached::OverQuota => unreachable!("is no attachment"),
        };
        assert_eq!(upload_then(&service, CONTENT), Ok(expected));
        assert_eq!(offered.lock().unwrap().len(), 1);
        let mut order: Vec<String> = [
            "store.stage",
            "stage.write",
            "usage.find_usage",
            "ids.new_id",
            "stage.publish",
            "files.attach",
        ]
        .map(str::to_owned)
        .to_vec();
        order.extend(surplus.map(|key| format!("store.discard {key}")));
        assert_eq!(script.notes(), order);
    }
}

#[test]
fn every_failing_port_is_told_to_who_does_not_wait() {
    for (attached, _) in attachments() {
        fail_every_call(
            &[],
            |script| {
                let (service, _) = attaching(script, attached.clone());
                upload_then(&service, CONTENT)
            },
            |outcome| {
                matches!(outcome, UploadOutcome::Stored(r) | UploadOutcome::Linked(r)
                    if *r == receipt())
            },
        );
    }
}

#[test]
fn who_does_not_wait_for_no_bytes_is_told_so() {
    let script = Script::default();
    let (service, _) = attaching(&script, Attached::Stored);
    assert_eq!(upload_then(&service, b""), Ok(UploadOutcome::Empty));
    assert_eq!(script.count("stage.publish"), 0);
}

#[test]
fn every_failing_port_ends_an_upload_except_when_the_surplus_goes() {
    for (attached, _) in attachments() {
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
        let (service, _) = attaching(&script, Attached::Stored);
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

use super::*;
use crate::{PortError, PortErrorKind};

fn file_id() -> FileId {
    FileId::from_uuid(FRESH_ID)
}

/// A service whose trash answers one call after another as told, and whose favourites are never the entry.
fn answering(answers: Vec<Result<Detached, PortErrorKind>>) -> (FileService, Script) {
    let script = Script::default();
    let (calls, answers) = (script.clone(), Mutex::new(answers.into_iter()));
    let mut trash = MockTrashRepository::new();
    trash.expect_discard().returning(move |owner, id, at| {
        assert_eq!((owner, id, at), (user(), file_id(), NOW));
        calls.note("trash.discard");
        let answer = answers.lock().unwrap().next().expect("a call too many");
        answer.map_err(|kind| PortError::new(kind, "told to fail"))
    });
    let store = RecordingStore::empty(&script);
    let service = FileService {
        trash: Arc::new(trash),
        favourites: Arc::new(favourites(&script, false)),
        ..service(&script, MockFileRepository::new(), store)
    };
    (service, script)
}

/// Favourites of which the entry is one, or not.
fn favourites(script: &Script, is_one: bool) -> MockFavouriteRepository {
    let calls = script.clone();
    let mut favourites = MockFavouriteRepository::new();
    favourites.expect_remove().returning(move |owner, id| {
        assert_eq!((owner, id), (user(), file_id()));
        calls.call("favourites.remove")?;
        Ok(is_one)
    });
    favourites
}

#[test]
fn an_own_entry_goes_and_its_bytes_are_not_touched() {
    let (service, script) = answering(vec![Ok(Detached::Removed)]);
    let outcome = service.delete(&actor(), file_id()).unwrap();
    assert_eq!(outcome, DeleteOutcome::Deleted);
    assert_eq!(script.notes(), ["trash.discard"]);
}

#[test]
fn a_favourite_goes_at_once() {
    let (service, script) = answering(vec![Ok(Detached::NotFound)]);
    let service = FileService {
        favourites: Arc::new(favourites(&script, true)),
        ..service
    };
    let outcome = service.delete(&actor(), file_id()).unwrap();
    assert_eq!(
        (outcome, outcome.code()),
        (DeleteOutcome::Deleted, Code::FileDeleted)
    );
    assert_eq!(script.notes(), ["trash.discard", "favourites.remove"]);
}

#[test]
fn without_a_time_for_bringing_back_an_entry_is_removed_for_good() {
    let script = Script::default();
    let calls = script.clone();
    let mut files = MockFileRepository::new();
    files.expect_detach().returning(move |owner, id| {
        assert_eq!((owner, id), (user(), file_id()));
        calls.note("files.detach");
        Ok(Detached::Removed)
    });
    let mut service = service(&script, files, RecordingStore::empty(&script));
    service.config.trash_retention = 0;
    let outcome = service.delete(&actor(), file_id()).unwrap();
    assert_eq!(outcome, DeleteOutcome::Deleted);
    assert_eq!(script.notes(), ["files.detach"]);
}

#[test]
fn what_is_not_the_callers_own_is_not_found() {
    let (service, _) = answering(vec![Ok(Detached::NotFound)]);
    let outcome = service.delete(&actor(), file_id()).unwrap();
    assert_eq!(outcome, DeleteOutcome::NotFound);
    assert_eq!(outcome.code(), Code::NotFound);
}

#[test]
fn a_full_disk_is_tried_once_more_and_nothing_else_is() {
    use PortErrorKind::{Internal, StorageFull, Unavailable};
    let (service, _) = answering(vec![Err(StorageFull), Ok(Detached::Removed)]);
    let outcome = service.delete(&actor(), file_id()).unwrap();
    assert_eq!(outcome, DeleteOutcome::Deleted);
    let (service, _) = answering(vec![Err(StorageFull), Err(StorageFull)]);
    let error = service.delete(&actor(), file_id()).unwrap_err();
    assert_eq!(error.code(), Code::StorageFull);
    for (kind, code) in [(Internal, Code::ServerError), (Unavailable, Code::Busy)] {
        let (service, script) = answering(vec![Err(kind)]);
        let error = service.delete(&actor(), file_id()).unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(script.notes(), ["trash.discard"]);
    }
}

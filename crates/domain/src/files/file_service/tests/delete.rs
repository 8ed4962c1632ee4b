use super::*;
use crate::{PortError, PortErrorKind};

fn file_id() -> FileId {
    FileId::from_uuid(FRESH_ID)
}

/// A service whose repository answers one call after another as told.
fn answering(answers: Vec<Result<Detached, PortErrorKind>>) -> (FileService, Script) {
    let script = Script::default();
    let (calls, answers) = (script.clone(), Mutex::new(answers.into_iter()));
    let mut files = MockFileRepository::new();
    files.expect_detach().returning(move |owner, id| {
        assert_eq!((owner, id), (user(), file_id()));
        calls.note("files.detach");
        let answer = answers.lock().unwrap().next().expect("a call too many");
        answer.map_err(|kind| PortError::new(kind, "told to fail"))
    });
    let store = RecordingStore::empty(&script);
    (service(&script, files, store), script)
}

#[test]
fn an_own_entry_goes_and_its_bytes_are_not_touched() {
    let (service, script) = answering(vec![Ok(Detached::Removed)]);
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
        assert_eq!(script.notes(), ["files.detach"]);
    }
}

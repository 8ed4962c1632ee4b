use super::*;
use crate::files::{Edited, EntryChange, Label};

fn fid() -> FileId {
    FileId::from_uuid(FRESH_ID)
}

/// A service in which the entry is found as `file`, and as a favourite as `favourite`.
fn finding(script: &Script, file: Edited, favourite: Edited) -> FileService {
    let (on_file, on_favourite) = (script.clone(), script.clone());
    let mut files = MockFileRepository::new();
    files.expect_update().returning(move |owner, id, _| {
        assert_eq!((owner, id), (user(), fid()));
        on_file.call("files.update")?;
        Ok(file)
    });
    let mut favourites = MockFavouriteRepository::new();
    favourites
        .expect_update()
        .returning(move |owner, id, change| {
            assert_eq!((owner, id), (user(), fid()));
            let about = if *change == EntryChange::default() {
                "nothing"
            } else {
                ""
            };
            on_favourite.call_with("favourites.update", about)?;
            Ok(favourite)
        });
    FileService {
        favourites: Arc::new(favourites),
        ..service(script, files, RecordingStore::empty(script))
    }
}

fn relabelled() -> EntryChange {
    EntryChange {
        label: Some(Label::parse("合同").ok()),
        ..EntryChange::default()
    }
}

#[test]
fn an_own_entry_is_asked_for_first_and_then_a_favourite() {
    use Edited::{Changed, NotFound, Unchanged};
    for (file, favourite, outcome, code) in [
        (Changed, NotFound, EditOutcome::Changed, Code::FileModified),
        (
            Unchanged,
            NotFound,
            EditOutcome::Unchanged,
            Code::FileUnmodified,
        ),
        (NotFound, Changed, EditOutcome::Changed, Code::FileModified),
        (
            NotFound,
            Unchanged,
            EditOutcome::Unchanged,
            Code::FileUnmodified,
        ),
        (NotFound, NotFound, EditOutcome::NotFound, Code::NotFound),
    ] {
        let script = Script::default();
        let service = finding(&script, file, favourite);
        let edited = service.edit(&actor(), fid(), &relabelled()).unwrap();
        assert_eq!((edited, edited.code()), (outcome, code));
        let asked = usize::from(file == NotFound);
        assert_eq!(script.count("favourites.update"), asked);
    }
}

#[test]
fn a_favourite_is_not_published_and_nothing_else_of_it_is_changed() {
    let change = EntryChange {
        visibility: Some(Visibility::Public),
        ..relabelled()
    };
    for (found, outcome) in [
        (Edited::Unchanged, EditOutcome::NotPublishable),
        (Edited::NotFound, EditOutcome::NotFound),
    ] {
        let script = Script::default();
        let service = finding(&script, Edited::NotFound, found);
        let edited = service.edit(&actor(), fid(), &change).unwrap();
        assert_eq!(edited, outcome);
        assert_eq!(
            script.notes(),
            ["files.update", "favourites.update nothing"]
        );
    }
}

#[test]
fn a_failure_is_told() {
    fail_every_call(
        &[],
        |script| {
            let service = finding(script, Edited::NotFound, Edited::Changed);
            let edited = service.edit(&actor(), fid(), &relabelled());
            edited.map_err(|error| error.code())
        },
        |edited| *edited == EditOutcome::Changed,
    );
}

use super::*;
use crate::files::{Edited, EntryChange, EntryState, Label};
use crate::users::UserId;

fn fid() -> FileId {
    FileId::from_uuid(FRESH_ID)
}

fn stored() -> StoredFile {
    StoredFile {
        id: fid(),
        owner: user(),
        title: title(),
        label: None,
        md5: md5_of(CONTENT),
        visibility: Visibility::Private,
        created_at: NOW,
        blob: held(CONTENT),
    }
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

/// A service whose entry has these titles, one at each look, and is moved as often as there is a next one.
fn moving(titles: &'static [&'static str], owner: UserId) -> (FileService, Script) {
    let script = Script::default();
    let (looks, tries) = (script.clone(), script.clone());
    let named = |nth: usize| Title::parse(titles.get(nth)?).ok();
    let mut files = MockFileRepository::new();
    files.expect_find_readable().returning(move |id, asker| {
        assert_eq!((id, asker), (fid(), user()));
        let nth = looks.count("look");
        looks.note("look");
        Ok(named(nth).map(|title| StoredFile {
            title,
            owner,
            ..stored()
        }))
    });
    files.expect_update().returning(move |_, _, change| {
        let nth = tries.count("update");
        tries.note("update");
        let seen = named(nth).map(|title| EntryState {
            title,
            ..EntryState::from(&stored())
        });
        assert_eq!(change.given, seen);
        let last = nth + 1 == titles.len();
        Ok(if last { Edited::Changed } else { Edited::Moved })
    });
    let store = RecordingStore::empty(&script);
    (service(&script, files, store), script)
}

#[test]
fn what_is_moved_between_look_and_change_is_looked_at_again() {
    let named = |title: &'static str| move |file: &StoredFile| file.title.as_str() == title;
    let edit = |titles, owner, title| {
        let (service, script) = moving(titles, owner);
        let edited = service.edit_if(&actor(), fid(), relabelled(), named(title));
        (edited.unwrap(), script.count("update"))
    };
    let other = UserId::from_uuid(FRESH_ID);
    assert_ne!(other, user());
    for (titles, owner, outcome, updates) in [
        (&["a"][..], user(), EditOutcome::Changed, 1),
        (&["a", "a", "a"], user(), EditOutcome::Changed, 3),
        (&["a", "b", "a"], user(), EditOutcome::Moved, 1),
        (&["b"], user(), EditOutcome::Moved, 0),
        (&["a"; 9], user(), EditOutcome::Moved, OPEN_ROUNDS),
        (&[], user(), EditOutcome::NotFound, 0),
        // Whatever it is like, it is not there to be changed.
        (&["a"], other, EditOutcome::NotFound, 0),
        (&["b"], other, EditOutcome::NotFound, 0),
    ] {
        assert_eq!(edit(titles, owner, "a"), (outcome, updates), "{titles:?}");
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

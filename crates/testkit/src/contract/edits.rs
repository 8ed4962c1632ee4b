//! [`FileRepository::update`](kms_domain::files::FileRepository::update): what an entry says of its
//! content is changed.

use kms_domain::files::{
    ClaimCandidates, Edited, EntryChange, EntryState, Label, NewFile, StoredFile, Title, Visibility,
};

use super::Repositories;
use super::support::{RACERS, attach, claimable, count, offered, race, register, stored};
use crate::builders::{a_file, file_id, user_id};

/// A label that says `text`.
pub(super) fn label(text: &str) -> Label {
    Label::parse(text).expect("a label")
}

/// A change of the title alone.
pub(super) fn titled(text: &str) -> EntryChange {
    EntryChange {
        title: Some(Title::parse(text).expect("a title")),
        ..EntryChange::default()
    }
}

/// A change of the label alone.
pub(super) fn labelled(text: Option<&str>) -> EntryChange {
    EntryChange {
        label: Some(text.map(label)),
        ..EntryChange::default()
    }
}

/// A change of the visibility alone.
pub(super) fn shown(visibility: Visibility) -> EntryChange {
    EntryChange {
        visibility: Some(visibility),
        ..EntryChange::default()
    }
}

/// Makes an entry public that was private, or the other way round.
pub(super) fn show(on: &Repositories, file: &NewFile, visibility: Visibility) {
    let edited = on.files.update(file.owner, file.id, &shown(visibility));
    assert_eq!(edited.unwrap(), Edited::Changed);
}

/// What a change does to an entry.
type Apply = fn(&mut StoredFile);

/// Field by field, and in the lists as well.
pub fn an_entry_is_changed_and_what_is_not_named_stays(on: &Repositories) {
    let owner = register(on, 1);
    let (file, beside) = (a_file(owner, b"x").build(), a_file(owner, b"x").build());
    for file in [&file, &beside] {
        attach(on, file, b"x");
    }
    let (mut expected, other) = (stored(on, &file), stored(on, &beside));
    let steps: [(EntryChange, Apply); 4] = [
        (titled("b"), |it| it.title = Title::parse("b").unwrap()),
        (labelled(Some("合同")), |it| {
            it.label = Some(label("合同"));
        }),
        (shown(Visibility::Private), |it| {
            it.visibility = Visibility::Private;
        }),
        (labelled(None), |it| it.label = None),
    ];
    for (change, apply) in steps {
        apply(&mut expected);
        let edited = on.files.update(owner, file.id, &change).unwrap();
        assert_eq!(edited, Edited::Changed);
        assert_eq!(stored(on, &file), expected);
        let list = on.files.list_owned(owner, None, 9).unwrap();
        let listed = list.iter().find(|it| it.id == file.id).unwrap();
        assert_eq!(
            (&listed.title, &listed.label),
            (&expected.title, &expected.label)
        );
        assert_eq!(listed.visibility, expected.visibility);
    }
    assert_eq!(stored(on, &beside), other);
}

/// Nothing named, or each with the value it has. One that differs makes it a change.
pub fn what_is_so_already_is_no_change(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").title("a").build();
    attach(on, &file, b"x");
    let all = EntryChange {
        title: Some(file.title.clone()),
        visibility: Some(file.visibility),
        label: Some(None),
        given: None,
    };
    for change in [EntryChange::default(), all.clone()] {
        let edited = on.files.update(owner, file.id, &change).unwrap();
        assert_eq!(edited, Edited::Unchanged);
    }
    let one = EntryChange {
        label: Some(Some(label("b"))),
        ..all
    };
    assert_eq!(
        on.files.update(owner, file.id, &one).unwrap(),
        Edited::Changed
    );
    assert_eq!(
        on.files.update(owner, file.id, &one).unwrap(),
        Edited::Unchanged
    );
}

/// Each of what can be changed counts, and nothing is changed; not even where nothing would be.
pub fn an_entry_that_is_not_as_it_was_taken_to_be_stays_as_it_is(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = a_file(owner, b"x").title("a").build();
    attach(on, &file, b"x");
    on.files
        .update(owner, file.id, &labelled(Some("work")))
        .unwrap();
    let before = stored(on, &file);
    let own = EntryState::from(&before);
    let others = [
        EntryState {
            title: Title::parse("b").unwrap(),
            ..own.clone()
        },
        EntryState {
            visibility: Visibility::Private,
            ..own.clone()
        },
        EntryState {
            label: None,
            ..own.clone()
        },
        EntryState {
            label: Some(label("rest")),
            ..own.clone()
        },
    ];
    let given = |change: EntryChange, given: &EntryState| EntryChange {
        given: Some(given.clone()),
        ..change
    };
    for state in &others {
        for change in [titled("c"), EntryChange::default()] {
            let edited = on.files.update(owner, file.id, &given(change, state));
            assert_eq!(edited.unwrap(), Edited::Moved);
        }
        let edited = on.files.update(other, file.id, &given(titled("c"), state));
        assert_eq!(edited.unwrap(), Edited::NotFound);
    }
    assert_eq!(stored(on, &file), before);
    let change = given(titled("c"), &own);
    for expected in [Edited::Changed, Edited::Moved] {
        assert_eq!(on.files.update(owner, file.id, &change).unwrap(), expected);
    }
    assert_eq!(stored(on, &file).title.as_str(), "c");
}

/// Whoever comes later finds another one.
pub fn of_simultaneous_changes_of_one_state_a_single_one_is_made(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"x").title("a").build();
    attach(on, &file, b"x");
    let given = EntryState::from(&stored(on, &file));
    let answers = race(RACERS, |n| {
        let change = EntryChange {
            given: Some(given.clone()),
            ..titled(&format!("by {n}"))
        };
        on.files.update(owner, file.id, &change).unwrap()
    });
    assert_eq!(count(&answers, &Edited::Changed), 1);
    assert_eq!(count(&answers, &Edited::Moved), answers.len() - 1);
}

/// Public or private, of somebody or of nobody.
pub fn an_entry_of_somebody_else_is_not_changed(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let public = a_file(owner, b"x").build();
    let private = a_file(owner, b"y").private().build();
    attach(on, &public, b"x");
    attach(on, &private, b"y");
    let before = (stored(on, &public), stored(on, &private));
    for id in [public.id, private.id, file_id(77)] {
        for who in [other, user_id(99)] {
            let edited = on.files.update(who, id, &titled("mine")).unwrap();
            assert_eq!(edited, Edited::NotFound);
        }
    }
    assert_eq!((stored(on, &public), stored(on, &private)), before);
}

/// Somebody else reads the entry without it.
pub fn a_label_is_told_to_its_owner_alone(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = a_file(owner, b"x").build();
    attach(on, &file, b"x");
    on.files
        .update(owner, file.id, &labelled(Some("secret")))
        .unwrap();
    assert_eq!(stored(on, &file).label, Some(label("secret")));
    let seen = on.files.find_readable(file.id, other).unwrap().unwrap();
    assert_eq!(seen.label, None);
}

/// At once, in reading, listing and claiming.
pub fn what_is_published_is_read_by_everybody_and_what_is_withdrawn_by_nobody(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = a_file(owner, b"x").private().build();
    attach(on, &file, b"x");
    for visibility in [Visibility::Public, Visibility::Private, Visibility::Public] {
        on.files.update(owner, file.id, &shown(visibility)).unwrap();
        let is_seen = visibility.is_public();
        let found = on.files.find_readable(file.id, other).unwrap();
        assert_eq!(found.is_some(), is_seen);
        let listed = offered(on, other, 9);
        assert_eq!(!listed.is_empty(), is_seen);
        let candidates = claimable(on, other, b"x");
        assert_eq!(candidates != ClaimCandidates::None, is_seen);
    }
}

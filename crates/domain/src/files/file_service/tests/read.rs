//! Opening and listing.

use super::*;
use crate::files::{FileSummary, ListPosition, ListedFile, OwnFilter, OwnOrder};
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
        created_at: NOW.minus_millis(5),
        blob: held(CONTENT),
    }
}

/// Opens [`fid`] when the repository finds `found`.
fn open(
    script: &Script,
    found: Option<StoredFile>,
    store: RecordingStore,
) -> Result<OpenOutcome, FileError> {
    let on_find = script.clone();
    let mut files = MockFileRepository::new();
    files.expect_find_readable().returning(move |id, asker| {
        assert_eq!((id, asker), (fid(), user()));
        on_find.call("files.find_readable")?;
        Ok(found.clone())
    });
    service(script, files, store).open(&actor(), fid())
}

/// A list of `count` entries, newest first, each with a position of its own.
fn entries(count: usize) -> Vec<FileSummary> {
    (0..count)
        .map(|nth| FileSummary {
            id: fid(),
            title: title(),
            label: None,
            visibility: Visibility::Public,
            position: ListPosition {
                created_at: NOW,
                seq: -(nth as i64),
            },
        })
        .collect()
}

/// A repository with `all` as the caller's entries, which keeps the cursors it was asked with.
fn listing(
    script: &Script,
    all: Vec<FileSummary>,
) -> (MockFileRepository, Arc<Mutex<Vec<Option<i64>>>>) {
    let cursors = Arc::<Mutex<Vec<_>>>::default();
    let kept = Arc::clone(&cursors);
    let on_list = script.clone();
    let mut files = MockFileRepository::new();
    files
        .expect_list_owned()
        .returning(move |owner, after, limit| {
            assert_eq!((owner, limit), (user(), 256));
            kept.lock()
                .unwrap()
                .push(after.map(|position| position.seq));
            on_list.call("files.list_owned")?;
            Ok(all
                .iter()
                .filter(|entry| after.is_none_or(|after| entry.position < after))
                .take(limit)
                .cloned()
                .collect())
        });
    (files, cursors)
}

#[test]
fn an_opened_entry_has_its_title_date_and_bytes() {
    let script = Script::default();
    let store = RecordingStore::holding(&script, CONTENT);
    let outcome = open(&script, Some(stored()), store).unwrap();
    let OpenOutcome::Opened(mut file) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(file.title, title());
    assert_eq!(file.created_at, NOW.minus_millis(5));
    assert_eq!(file.content.size(), 8);
    let mut bytes = [0; 8];
    assert_eq!(file.content.read(&mut bytes).unwrap(), 8);
    assert_eq!(bytes, CONTENT);
}

#[test]
fn a_part_of_an_opened_entry_can_be_read_alone() {
    let script = Script::default();
    let store = RecordingStore::holding(&script, CONTENT);
    let Ok(OpenOutcome::Opened(file)) = open(&script, Some(stored()), store) else {
        panic!("not opened");
    };
    assert_eq!(file.content.sha256(), sha256_of(CONTENT));
    let mut part = file.content.part(3, 4).unwrap();
    let mut bytes = [0; 8];
    assert_eq!(part.read(&mut bytes).unwrap(), 4);
    assert_eq!(bytes[..4], CONTENT[3..7]);
}

#[test]
fn what_this_user_may_not_read_is_not_opened() {
    let script = Script::default();
    let store = RecordingStore::holding(&script, CONTENT);
    let outcome = open(&script, None, store).unwrap();
    assert!(matches!(outcome, OpenOutcome::NotFound));
    assert_eq!(script.notes(), ["files.find_readable"]);
}

#[test]
fn damaged_bytes_are_an_error_of_the_content() {
    let script = Script::default();
    let outcome = open(&script, Some(stored()), RecordingStore::empty(&script));
    assert!(matches!(
        &outcome,
        Err(FileError::Content(DownloadError::Damaged { .. }))
    ));
    assert_eq!(outcome.unwrap_err().code(), Code::ServerError);
    assert_eq!(script.count("blobs.flag_damaged"), 1);
}

#[test]
fn a_flag_of_old_does_not_keep_good_bytes_closed() {
    let script = Script::default();
    let mut file = stored();
    file.blob.damaged = true;
    let store = RecordingStore::holding(&script, CONTENT);
    let outcome = open(&script, Some(file), store).unwrap();
    assert!(matches!(outcome, OpenOutcome::Opened(_)));
}

#[test]
fn every_failing_port_keeps_an_entry_closed() {
    fail_every_call(
        &[],
        |script| {
            let store = RecordingStore::holding(script, CONTENT);
            open(script, Some(stored()), store).map_err(|error| error.code())
        },
        |outcome| matches!(outcome, OpenOutcome::Opened(_)),
    );
}

/// All pages of the own list behind each other.
fn list_own(service: &FileService) -> Result<Vec<FileSummary>, FileError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = service.list_own(&actor(), after)?;
        all.extend(page.files);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

#[test]
fn the_own_list_goes_on_until_a_page_is_not_full() {
    for (count, expected) in [
        (0, vec![None]),
        (1, vec![None]),
        (255, vec![None]),
        (256, vec![None, Some(-255)]),
        (257, vec![None, Some(-255)]),
        (511, vec![None, Some(-255)]),
        (512, vec![None, Some(-255), Some(-511)]),
        (513, vec![None, Some(-255), Some(-511)]),
    ] {
        let script = Script::default();
        let (files, cursors) = listing(&script, entries(count));
        let service = service(&script, files, RecordingStore::empty(&script));
        assert_eq!(list_own(&service).unwrap(), entries(count));
        assert_eq!(*cursors.lock().unwrap(), expected, "{count} entries");
    }
}

#[test]
fn a_failing_page_ends_the_own_list() {
    fail_every_call(
        &[],
        |script| {
            let (files, _) = listing(script, entries(512));
            let service = service(script, files, RecordingStore::empty(script));
            list_own(&service).map_err(|error| error.code())
        },
        |listed| listed.len() == 512,
    );
}

#[test]
fn what_somebody_else_has_made_public_is_noted_as_a_download_and_nothing_else() {
    let other = UserId::from_uuid(uuid::Uuid::from_u128(77));
    for (owner, visibility, noted) in [
        (other, Visibility::Public, 1),
        (user(), Visibility::Public, 0),
        (user(), Visibility::Private, 0),
    ] {
        let script = Script::default();
        let found = StoredFile {
            owner,
            visibility,
            ..stored()
        };
        let mut files = MockFileRepository::new();
        files
            .expect_find_readable()
            .returning(move |_, _| Ok(Some(found.clone())));
        let service = service(&script, files, RecordingStore::holding(&script, CONTENT));
        let OpenOutcome::Opened(opened) = service.open(&actor(), fid()).unwrap() else {
            panic!("it is not there");
        };
        // Who only looks has downloaded nothing yet.
        assert!(service.downloads.take(10).is_empty());
        service.note_download(&actor(), opened.shared);
        assert_eq!(service.downloads.take(10).len(), noted);
    }
}

/// Opens [`fid`] over a store without bytes, when the repository finds `first` and then `second`.
fn open_twice(
    first: StoredFile,
    second: Option<StoredFile>,
) -> (Script, Result<OpenOutcome, FileError>) {
    let script = Script::default();
    let mut found = vec![second, Some(first)];
    let mut files = MockFileRepository::new();
    files
        .expect_find_readable()
        .times(2)
        .returning(move |_, _| Ok(found.pop().unwrap()));
    let outcome = service(&script, files, RecordingStore::empty(&script)).open(&actor(), fid());
    (script, outcome)
}

#[test]
fn an_entry_that_was_healed_while_it_was_opened_is_opened_at_its_new_place() {
    let healed = StoredFile {
        blob: BlobRef {
            key: published_key(CONTENT),
            ..held(CONTENT)
        },
        ..stored()
    };
    let script = Script::default();
    let mut found = vec![Some(healed), Some(stored())];
    let mut files = MockFileRepository::new();
    files
        .expect_find_readable()
        .times(2)
        .returning(move |_, _| Ok(found.pop().unwrap()));
    let store = RecordingStore {
        missing: Some(held(CONTENT).key),
        ..RecordingStore::holding(&script, CONTENT)
    };
    let outcome = service(&script, files, store).open(&actor(), fid());
    assert!(matches!(outcome, Ok(OpenOutcome::Opened(_))), "{outcome:?}");
}

/// Opens [`fid`] when every look finds another copy, and only the `sound`-th of them is there to be opened.
fn open_moving(script: &Script, sound: usize) -> Result<OpenOutcome, FileError> {
    let key = |nth: usize| BlobKey::parse(&format!("copy-{nth}")).unwrap();
    let on_find = script.clone();
    let mut files = MockFileRepository::new();
    files.expect_find_readable().returning(move |_, _| {
        on_find.call("files.find_readable")?;
        let blob = BlobRef {
            key: key(on_find.count("files.find_readable")),
            ..held(CONTENT)
        };
        Ok(Some(StoredFile { blob, ..stored() }))
    });
    let store = RecordingStore {
        only: Some(key(sound)),
        ..RecordingStore::holding(script, CONTENT)
    };
    // The flags name copies that no row names any more; that they do no harm is the repository's promise.
    let mut blobs = MockBlobRepository::new();
    blobs.expect_flag_damaged().returning(|_, _| Ok(()));
    let mut service = service(script, files, store);
    service.blobs = Arc::new(blobs);
    service.open(&actor(), fid())
}

#[test]
fn an_entry_whose_copy_is_replaced_again_and_again_is_opened_where_it_is_at_last() {
    for rounds in 1..=OPEN_ROUNDS {
        let outcome = open_moving(&Script::default(), rounds);
        assert!(matches!(outcome, Ok(OpenOutcome::Opened(_))), "{outcome:?}");
    }
    let script = Script::default();
    let outcome = open_moving(&script, OPEN_ROUNDS + 1);
    assert_eq!(outcome.unwrap_err().code(), Code::ServerError);
    assert_eq!(script.count("files.find_readable"), OPEN_ROUNDS);
}

#[test]
fn an_entry_that_is_damaged_where_it_is_stays_an_error() {
    let (_, outcome) = open_twice(stored(), Some(stored()));
    assert_eq!(outcome.unwrap_err().code(), Code::ServerError);
}

#[test]
fn an_entry_that_vanished_while_it_was_opened_is_not_found() {
    let (_, outcome) = open_twice(stored(), None);
    assert!(matches!(outcome, Ok(OpenOutcome::NotFound)));
}

#[test]
fn a_page_in_some_order_says_where_the_next_one_begins_if_there_is_one() {
    let all: Vec<_> = (0..300)
        .map(|n| ListedFile {
            file: entries(1).remove(0),
            size: n,
        })
        .collect();
    let filter = OwnFilter {
        visibility: Some(Visibility::Public),
        label: None,
    };
    for (count, limit, expected) in [
        (0, 10, None),
        (1, 1, None),
        (2, 1, Some(0)),
        (10, 10, None),
        (11, 10, Some(9)),
        (256, 1_000, None),
        (257, 1_000, Some(255)),
        (257, 256, Some(255)),
        (5, 0, None),
    ] {
        let script = Script::default();
        let (held, asked) = (all[..count].to_vec(), filter.clone());
        let mut files = MockFileRepository::new();
        files
            .expect_list_sorted()
            .returning(move |owner, order, filter, limit| {
                assert_eq!((owner, order), (user(), &OwnOrder::Smallest(None)));
                assert_eq!(filter, &asked);
                Ok(held.iter().take(limit).cloned().collect())
            });
        let service = service(&script, files, RecordingStore::empty(&script));
        let order = OwnOrder::Smallest(None);
        let page = service.list_sorted(&actor(), &order, &filter, limit);
        let page = page.unwrap();
        assert_eq!(page.files, all[..count.min(limit).min(256)]);
        let next = expected.map(|size| OwnOrder::Smallest(Some((size, fid()))));
        assert_eq!(page.next, next, "{count} {limit}");
    }
}

#[test]
fn a_failing_port_gives_no_page() {
    fail_every_call(
        &[],
        |script| {
            let on_list = script.clone();
            let mut files = MockFileRepository::new();
            files.expect_list_sorted().returning(move |_, _, _, _| {
                on_list.call("files.list_sorted")?;
                Ok(Vec::new())
            });
            let service = service(script, files, RecordingStore::empty(script));
            let (order, all) = (OwnOrder::Name(None), OwnFilter::default());
            let page = service.list_sorted(&actor(), &order, &all, 1);
            page.map_err(|error| error.code())
        },
        |page| page.next.is_none(),
    );
}

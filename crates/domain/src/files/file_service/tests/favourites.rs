use super::*;
use crate::files::Favoured;

fn source() -> FileId {
    FileId::from_uuid(uuid::Uuid::from_u128(9))
}

fn adding(script: &Script, answer: Favoured) -> FileService {
    let calls = script.clone();
    let mut favourites = MockFavouriteRepository::new();
    favourites.expect_add().returning(move |new| {
        assert_eq!((new.owner, new.source), (user(), source()));
        assert_eq!((new.id, new.created_at), (FileId::from_uuid(FRESH_ID), NOW));
        assert_eq!(new.quota, CONFIG.quota);
        calls.call("favourites.add")?;
        Ok(answer)
    });
    FileService {
        favourites: Arc::new(favourites),
        ..service(
            script,
            MockFileRepository::new(),
            RecordingStore::empty(script),
        )
    }
}

#[test]
fn each_answer_of_the_repository_has_its_code() {
    let fresh = FileId::from_uuid(FRESH_ID);
    for (answer, outcome, code) in [
        (
            Favoured::Added,
            FavouriteOutcome::Added(fresh),
            Code::FavouriteAdded,
        ),
        (
            Favoured::Already(source()),
            FavouriteOutcome::Already(source()),
            Code::FavouriteKnown,
        ),
        (
            Favoured::NotFound,
            FavouriteOutcome::NotFound,
            Code::NotFound,
        ),
        (
            Favoured::OverQuota,
            FavouriteOutcome::OverQuota,
            Code::StorageFull,
        ),
    ] {
        let service = adding(&Script::default(), answer);
        let added = service.add_favourite(&actor(), source()).unwrap();
        assert_eq!((added, added.code()), (outcome, code));
    }
}

#[test]
fn a_failure_is_told() {
    fail_every_call(
        &[],
        |script| {
            let service = adding(script, Favoured::Added);
            let added = service.add_favourite(&actor(), source());
            added.map_err(|error| error.code())
        },
        |added| matches!(added, FavouriteOutcome::Added(_)),
    );
}

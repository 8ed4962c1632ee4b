use std::collections::HashMap;

use super::doubles::public_file;
use super::*;
use crate::Timestamp;
use crate::recommend::feed_repository::MockFeedRepository;
use crate::recommend::{Days, Heat, HotFile, Interaction, Item, Kind, Offer};
use crate::test_doubles::actor;

fn position(n: u32) -> HotPosition {
    HotPosition {
        heat: Heat::of_upload(Timestamp::from_millis(i64::from(n))),
        entry: public_file(n, n).id,
    }
}

/// The numbers of all files in the hot list, the hottest first, in windows of `window`.
fn hot_list(mock: &mut MockFeedRepository, files: Vec<u32>, window: usize) {
    mock.expect_list_hot().returning(move |_, after, _| {
        let begin = after.map_or(0, |after| {
            1 + files.iter().position(|n| position(*n) == after).unwrap()
        });
        let window: Vec<_> = files.iter().skip(begin).take(window).copied().collect();
        let last = window.last().copied();
        let found = window.into_iter().map(|n| HotFile {
            offer: offer(n),
            position: position(n),
        });
        let is_over = last.is_none_or(|last| Some(&last) == files.last());
        Ok((found.collect(), last.filter(|_| !is_over).map(position)))
    });
}

/// A file over the content with its own number.
fn offer(n: u32) -> Offer {
    Offer {
        file: public_file(n, n),
        content: BlobId::from_i64(i64::from(n)),
    }
}

fn service(mock: MockFeedRepository, limit: usize) -> RecommendService {
    RecommendService {
        feed: Arc::new(mock),
        limit,
    }
}

fn numbers(files: &[PublicFile]) -> Vec<i64> {
    files.iter().map(|file| file.position.seq).collect()
}

/// One own interaction with content 100, whose neighbours are `near`, the nearest first.
fn profile(mock: &mut MockFeedRepository, near: &'static [u32]) {
    mock.expect_list_interactions().returning(|_, _| {
        let mut days = Days::default();
        days.note(Kind::Own, Timestamp::from_millis(0));
        Ok(vec![Interaction {
            content: BlobId::from_i64(100),
            ordinal: 0,
            first_at: Timestamp::from_millis(0),
            days,
        }])
    });
    mock.expect_find_items().returning(|contents| {
        let mut item = Item {
            users: 9,
            mass: 100,
            ..Item::default()
        };
        for (n, content) in near.iter().rev().enumerate() {
            let weight = u64::try_from(n + 1).unwrap();
            item.neighbours
                .add(BlobId::from_i64(i64::from(*content)), 3, weight);
        }
        // From their own side, candidates look alike: near to content 100 as well.
        let mut all = HashMap::from([(BlobId::from_i64(100), item.clone())]);
        for (content, weight) in contents
            .iter()
            .filter_map(|content| item.neighbours.clone().remove(*content))
            .map(|one| (one.content, one.weight))
        {
            let mut own = Item {
                mass: 100,
                ..Item::default()
            };
            own.neighbours.add(BlobId::from_i64(100), 3, weight);
            all.insert(content, own);
        }
        all.retain(|content, _| contents.contains(content));
        Ok(all)
    });
    mock.expect_find_masses()
        .returning(|contents| Ok(contents.iter().map(|content| (*content, 100)).collect()));
}

/// Offers whatever content is asked for but `hidden`.
fn offers(mock: &mut MockFeedRepository, hidden: &'static [i64]) {
    mock.expect_list_offers().returning(|_, contents| {
        Ok(contents
            .iter()
            .map(|content| content.as_i64())
            .filter(|content| !hidden.contains(content))
            .map(|content| u32::try_from(content).unwrap())
            .map(offer)
            .collect())
    });
}

#[test]
fn what_is_near_comes_first_then_what_is_hot_and_nothing_twice() {
    let mut mock = MockFeedRepository::new();
    profile(&mut mock, &[7, 3, 5]);
    offers(&mut mock, &[3]);
    hot_list(&mut mock, vec![9, 7, 8], 2);
    let files = service(mock, 10).for_user(&actor()).unwrap();
    assert_eq!(numbers(&files), [7, 5, 9, 8]);
}

#[test]
fn the_limit_holds_and_no_more_is_asked_for() {
    let mut mock = MockFeedRepository::new();
    profile(&mut mock, &[7, 3, 5]);
    offers(&mut mock, &[]);
    mock.expect_list_hot().never();
    let files = service(mock, 2).for_user(&actor()).unwrap();
    assert_eq!(numbers(&files), [7, 3]);
}

#[test]
fn who_cares_about_nothing_yet_gets_what_is_hot() {
    let mut mock = MockFeedRepository::new();
    mock.expect_list_interactions()
        .returning(|_, _| Ok(Vec::new()));
    hot_list(&mut mock, vec![4, 2], 8);
    let files = service(mock, 10).for_user(&actor()).unwrap();
    assert_eq!(numbers(&files), [4, 2]);
}

/// A hot list without an end: `empty` reads show nothing, and from then on each shows `found`. As many reads as
/// `reads` are made of it.
fn endless(empty: usize, found: &'static [u32], reads: usize) -> MockFeedRepository {
    let mut mock = MockFeedRepository::new();
    mock.expect_list_interactions()
        .returning(|_, _| Ok(Vec::new()));
    let mut calls = 0;
    mock.expect_list_hot()
        .times(reads)
        .returning(move |_, _, _| {
            calls += 1;
            let shown = if calls > empty { found } else { &[] };
            let files = shown.iter().map(|n| HotFile {
                offer: offer(*n),
                position: position(*n),
            });
            Ok((files.collect(), Some(position(9_000))))
        });
    mock
}

#[test]
fn behind_thousands_of_own_entries_there_is_something_to_list() {
    let mock = endless(WINDOWS + 1, &[1, 2], WINDOWS + 2);
    let files = service(mock, 2).for_user(&actor()).unwrap();
    assert_eq!(numbers(&files), [1, 2]);
    // The search has an end.
    let mock = endless(usize::MAX, &[], MOST_WINDOWS);
    assert!(service(mock, 2).for_user(&actor()).unwrap().is_empty());
}

#[test]
fn no_others_are_looked_for_far_behind_an_uploader_who_fills_the_list() {
    let mock = endless(0, &[1, 1, 1, 1], WINDOWS);
    let files = service(mock, 10).for_user(&actor()).unwrap();
    assert_eq!(numbers(&files), [1; 10]);
}

#[test]
fn pages_of_the_hot_list_follow_one_another_whatever_the_windows() {
    for window in 1..6 {
        let mut mock = MockFeedRepository::new();
        hot_list(&mut mock, vec![5, 4, 3, 2, 1], window);
        let service = service(mock, 100);
        let (mut next, mut seen) = (None, Vec::new());
        loop {
            let page = service.hot(next, 2).unwrap();
            assert!(page.files.len() <= 2);
            seen.extend(numbers(&page.files));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, [5, 4, 3, 2, 1], "windows of {window}");
    }
}

#[test]
fn a_hot_list_without_anything_to_show_is_walked_in_pages() {
    let mut mock = MockFeedRepository::new();
    let mut calls = 0;
    mock.expect_list_hot()
        .times(WINDOWS)
        .returning(move |_, _, _| {
            calls += 1;
            Ok((Vec::new(), Some(position(100 - calls))))
        });
    let page = service(mock, 10).hot(None, 10).unwrap();
    assert!(page.files.is_empty());
    assert_eq!(
        page.next,
        Some(position(100 - u32::try_from(WINDOWS).unwrap()))
    );
}

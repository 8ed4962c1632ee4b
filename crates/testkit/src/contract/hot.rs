//! What [`FeedRepository`](kms_domain::recommend::FeedRepository) promises of the hot list. Its macro stands in
//! the file of what is recommended.

use kms_domain::files::{FileId, NewFile, Visibility};
use kms_domain::recommend::{Heat, HotFile, HotPosition};
use kms_domain::users::UserId;

use super::Repositories;
use super::edits::show;
use super::recommend::{content, download, hot, learn_all, put};
use super::support::{attach, register};
use crate::builders::{a_favourite, a_file, at};

const DAY: i64 = 86_400_000;

pub(super) fn walk(on: &Repositories, asker: Option<UserId>, window: usize) -> Vec<FileId> {
    let (mut after, mut seen): (Option<HotPosition>, _) = (None, Vec::new());
    for _ in 0..10_000 {
        let (files, next) = on.feed.list_hot(asker, after, window).unwrap();
        assert!(files.len() <= window);
        seen.extend(files.iter().map(|hot| hot.offer.file.id));
        if let (Some(after), Some(next)) = (after, next) {
            assert!(next.heat <= after.heat);
            assert_ne!(next, after);
        }
        after = next;
        if after.is_none() {
            return seen;
        }
    }
    panic!("the hot list has no end");
}

/// Learned of or not.
pub fn the_hot_list_begins_in_the_order_of_dates(on: &Repositories) {
    let owner = register(on, 1);
    let [a, b, c] =
        [(b"a", 5), (b"b", 9), (b"c", 7)].map(|(bytes, millis)| put(on, owner, bytes, millis).id);
    attach(on, &a_file(owner, b"p").private().build(), b"p");
    assert_eq!(hot(on, None), [b, c, a]);
    learn_all(on);
    assert_eq!(hot(on, None), [b, c, a]);
    let (files, _) = on.feed.list_hot(None, None, 1).unwrap();
    assert_eq!(files[0].position.heat, Heat::of_upload(at(9)));
}

/// One more of its kind on the same day changes nothing.
pub fn an_event_moves_a_content_up_and_only_once_a_day(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let old = put(on, owner, b"old", 0);
    let new = put(on, owner, b"new", DAY);
    learn_all(on);
    assert_eq!(hot(on, None), [new.id, old.id]);
    download(on, other, &old, DAY);
    learn_all(on);
    assert_eq!(hot(on, None), [old.id, new.id]);
    let heat =
        |file: &NewFile| on.feed.find_items(&[content(on, file)]).unwrap()[&content(on, file)].heat;
    let before = heat(&old);
    download(on, other, &old, DAY + 5);
    assert_eq!(heat(&old), before);
    download(on, other, &old, 2 * DAY);
    assert!(heat(&old) > before);
}

/// Before anything is learned of it.
pub fn what_is_removed_is_gone_from_both_lists_at_once(on: &Repositories) {
    let (owner, asker) = (register(on, 1), register(on, 2));
    let file = put(on, owner, b"x", 0);
    learn_all(on);
    let id = content(on, &file);
    download(on, asker, &file, 1);
    assert_eq!(hot(on, None), [file.id]);
    on.files.detach(owner, file.id).unwrap();
    assert!(hot(on, None).is_empty());
    assert!(on.feed.list_offers(asker, &[id]).unwrap().is_empty());
    learn_all(on);
    assert!(hot(on, None).is_empty());
}

/// It has the heat of the content; when it goes, the next one has.
pub fn of_several_entries_over_one_content_the_newest_is_hot(on: &Repositories) {
    let (one, two, three) = (register(on, 1), register(on, 2), register(on, 3));
    let first = put(on, one, b"x", 0);
    let second = put(on, two, b"x", 1);
    let third = put(on, three, b"x", 2);
    let later = put(on, one, b"y", DAY);
    assert_eq!(hot(on, None), [later.id, third.id]);
    learn_all(on);
    // Three people have it, which is more than one has a day later.
    assert_eq!(hot(on, None), [third.id, later.id]);
    on.files.detach(three, third.id).unwrap();
    assert_eq!(hot(on, None).len(), 2);
    learn_all(on);
    assert_eq!(hot(on, None), [second.id, later.id]);
    on.files.detach(two, second.id).unwrap();
    learn_all(on);
    assert_eq!(hot(on, None), [first.id, later.id]);
}

/// Public or private.
pub fn whoever_asks_is_not_shown_what_they_have(on: &Repositories) {
    let (owner, asker) = (register(on, 1), register(on, 2));
    let had = put(on, owner, b"had", 0);
    let new = put(on, owner, b"new", 1);
    attach(on, &a_file(asker, b"had").private().build(), b"had");
    assert_eq!(hot(on, Some(asker)), [new.id]);
    assert_eq!(hot(on, None), [new.id, had.id]);
    assert!(hot(on, Some(owner)).is_empty());
}

/// A list that went by what is withheld would tell of somebody else's private entry.
pub fn a_favourite_hides_its_content_only_while_it_can_be_seen(on: &Repositories) {
    let (one, two, fan) = (register(on, 1), register(on, 2), register(on, 3));
    let source = put(on, one, b"x", 0);
    let other = put(on, two, b"x", 1);
    let id = content(on, &other);
    let offers = || on.feed.list_offers(fan, &[id]).unwrap().len();
    on.favourites.add(&a_favourite(fan, source.id)).unwrap();
    assert_eq!((hot(on, Some(fan)), offers()), (vec![], 0));
    show(on, &source, Visibility::Private);
    assert_eq!((hot(on, Some(fan)), offers()), (vec![other.id], 1));
    show(on, &source, Visibility::Public);
    assert_eq!((hot(on, Some(fan)), offers()), (vec![], 0));
    // One of an own entry is seen for ever.
    on.favourites.add(&a_favourite(one, source.id)).unwrap();
    show(on, &source, Visibility::Private);
    on.files.detach(one, source.id).unwrap();
    assert_eq!(hot(on, Some(one)), []);
    assert_eq!(on.feed.list_offers(one, &[id]).unwrap(), []);
}

/// Also among equals, and where nothing of a window is shown.
pub fn a_walk_in_small_windows_shows_everything_once(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    for n in 0..12_u8 {
        put(on, owner, &[n % 8], i64::from(n % 3));
        put(on, other, &[n % 4], i64::from(n % 2));
    }
    for learned in [false, true] {
        if learned {
            learn_all(on);
        }
        let all = hot(on, None);
        assert_eq!(all.len(), 8);
        for window in 1..9 {
            assert_eq!(walk(on, None, window), all);
        }
    }
}

/// So one read has an end, however many there are.
pub fn older_entries_over_a_content_fill_a_window_as_well(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let cool = put(on, one, b"y", 0);
    put(on, one, b"x", 1);
    let newest = put(on, two, b"x", 2);
    let look = |after| {
        let (files, next) = on.feed.list_hot(None, after, 2).unwrap();
        let fids: Vec<_> = files.iter().map(|hot| hot.offer.file.id).collect();
        (fids, next)
    };
    let (fids, next) = look(None);
    assert_eq!(fids, [newest.id]);
    assert_eq!(look(Some(next.unwrap())), (vec![cool.id], None));
    // When it is learned of, the older one goes to the end.
    learn_all(on);
    let (fids, next) = look(None);
    assert_eq!(fids, [newest.id, cool.id]);
    assert_eq!(look(Some(next.unwrap())), (vec![], None));
}

/// Deleted or private: what is cooler comes next. A private entry is no place among its equals, which would
/// tell when it was stored.
pub fn a_walk_goes_on_behind_what_is_not_public_any_more(on: &Repositories) {
    let owner = register(on, 1);
    let [cool, equal, gone, hidden] = [(b"a", 0), (b"b", 1), (b"c", 1), (b"d", 1)]
        .map(|(bytes, millis)| put(on, owner, bytes, millis));
    let behind = |after| {
        let (files, _) = on.feed.list_hot(None, after, 9).unwrap();
        let place = |hot: &HotFile| (hot.offer.file.id, hot.position);
        files.iter().map(place).unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let (all, places) = behind(None);
    assert_eq!(all, [hidden.id, gone.id, equal.id, cool.id]);
    let seen = |place: usize| -> Vec<FileId> { behind(Some(places[place])).0 };
    assert_eq!((seen(0), seen(1)), (all[1..].to_vec(), all[2..].to_vec()));
    show(on, &hidden, Visibility::Private);
    assert_eq!((seen(0), seen(1)), (vec![cool.id], all[2..].to_vec()));
    on.files.detach(owner, gone.id).unwrap();
    assert_eq!(seen(1), [cool.id]);
}

//! What [`FeedRepository`](kms_domain::recommend::FeedRepository) and
//! [`InteractionRepository`](kms_domain::recommend::InteractionRepository) promise.

use std::collections::{BTreeMap, HashMap};

use kms_domain::files::{BlobId, FileId, NewFile, PublicFile, Visibility};
use kms_domain::recommend::{Event, Interaction, Item, Kind, RecommendService};
use kms_domain::users::{Actor, UserId};

use super::Repositories;
use super::edits::show;
use super::support::{actor, attach, register, stored};
use crate::builders::{a_favourite, a_file, at};
use crate::memory::MemoryInteractions;

/// The tests of both suites as one module, over `fn() -> Repositories`.
#[macro_export]
macro_rules! recommend_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { recommend, $fresh,
            recommend: [
                learning_goes_on_until_nothing_is_left,
                a_public_entry_is_learned_once_and_a_private_one_never,
                what_is_learned_is_what_the_rules_say,
                a_download_of_what_is_not_public_any_more_counts_for_nobody,
                only_public_entries_of_others_are_offered_the_newest_of_each_content,
                what_is_collected_leaves_nothing,
                the_feed_knows_what_belongs_together,
                private_entries_change_no_answer,
                a_favourite_of_what_is_private_when_it_is_looked_at_is_never_learned,
            ]
            hot: [
                the_hot_list_begins_in_the_order_of_dates,
                an_event_moves_a_content_up_and_only_once_a_day,
                what_is_removed_is_gone_from_both_lists_at_once,
                of_several_entries_over_one_content_the_newest_is_hot,
                whoever_asks_is_not_shown_what_they_have,
                a_favourite_hides_its_content_only_while_it_can_be_seen,
                a_walk_in_small_windows_shows_everything_once,
                older_entries_over_a_content_fill_a_window_as_well,
                a_walk_goes_on_behind_what_is_not_public_any_more,
            ]
        }
    };
}

const DAY: i64 = 86_400_000;

pub(super) fn put(on: &Repositories, owner: UserId, bytes: &[u8], millis: i64) -> NewFile {
    let file = a_file(owner, bytes).at(millis).build();
    attach(on, &file, bytes);
    file
}

pub(super) fn content(on: &Repositories, file: &NewFile) -> BlobId {
    stored(on, file).blob.id
}

pub(super) fn learn_all(on: &Repositories) {
    for _ in 0..10_000 {
        let learned = on.interactions.learn_next(3).unwrap();
        if learned == 0 {
            assert!(!on.interactions.is_behind().unwrap());
            return;
        }
    }
    panic!("there is always something left to learn");
}

pub(super) fn download(on: &Repositories, user: UserId, file: &NewFile, millis: i64) {
    let event = Event {
        user,
        content: content(on, file),
        kind: Kind::Download,
        at: at(millis),
    };
    on.interactions.learn(&[event]).unwrap();
}

fn ids(files: &[PublicFile]) -> Vec<FileId> {
    files.iter().map(|file| file.id).collect()
}

pub(super) fn hot(on: &Repositories, asker: Option<UserId>) -> Vec<FileId> {
    super::hot::walk(on, asker, 1_000)
}

/// In steps of any size, and then it has nothing to do.
pub fn learning_goes_on_until_nothing_is_left(on: &Repositories) {
    assert!(!on.interactions.is_behind().unwrap());
    assert_eq!(on.interactions.learn_next(10).unwrap(), 0);
    let owner = register(on, 1);
    for n in 0..5_u8 {
        put(on, owner, &[n], i64::from(n));
    }
    assert!(on.interactions.is_behind().unwrap());
    assert!(on.interactions.learn_next(2).unwrap() > 0);
    assert!(on.interactions.is_behind().unwrap());
    learn_all(on);
    assert_eq!(on.feed.list_interactions(owner, 10).unwrap().len(), 5);
}

/// In the order in which they were stored, with their own dates.
pub fn a_public_entry_is_learned_once_and_a_private_one_never(on: &Repositories) {
    let owner = register(on, 1);
    let first = put(on, owner, b"a", 7);
    let private = a_file(owner, b"p").private().build();
    attach(on, &private, b"p");
    let second = put(on, owner, b"b", 3);
    put(on, owner, b"a", 8);
    learn_all(on);
    let all = on.feed.list_interactions(owner, 10).unwrap();
    let told: Vec<_> = all.iter().map(|one| (one.content, one.first_at)).collect();
    let expected = [(content(on, &second), at(3)), (content(on, &first), at(7))];
    assert_eq!(told, expected);
    assert!(all.iter().all(|one| one.halves() == Kind::Own.halves()));
    assert_eq!(on.feed.list_interactions(owner, 1).unwrap(), all[..1]);
    assert!(
        on.feed
            .find_items(&[content(on, &private)])
            .unwrap()
            .is_empty()
    );
}

/// The same events by the same rules come to the same interactions and the same counters, whatever keeps them.
pub fn what_is_learned_is_what_the_rules_say(on: &Repositories) {
    let users: Vec<_> = (1..=6).map(|n| register(on, n)).collect();
    let mut model = MemoryInteractions::default();
    let mut contents = Vec::new();
    for step in 0..120_usize {
        let user = users[step * 7 % 6];
        let bytes = [(step * step % 13) as u8];
        let file = put(on, user, &bytes, step as i64);
        contents.push(content(on, &file));
        let own = Event {
            user,
            content: content(on, &file),
            kind: Kind::Own,
            at: file.created_at,
        };
        let other = Event {
            user: users[step * 5 % 6],
            kind: Kind::Download,
            at: at(step as i64 % 3 * DAY),
            ..own
        };
        model.learn(&[own, other]);
        learn_all(on);
        on.interactions.learn(&[other]).unwrap();
    }
    let items = on.feed.find_items(&contents).unwrap();
    assert_eq!(exact(&items), exact(model.items()));
    for (id, item) in &items {
        let (heat, should) = (item.heat.unwrap(), model.items()[id].heat.unwrap());
        assert!((heat.as_f64() - should.as_f64()).abs() < 1e-9);
        assert_eq!(on.feed.find_masses(&[*id]).unwrap()[id], item.mass);
    }
    for user in users {
        let all: Vec<Interaction> = on.feed.list_interactions(user, 1_000).unwrap();
        assert_eq!(all, model.newest_of(user, 1_000));
    }
}

fn exact(items: &HashMap<BlobId, Item>) -> BTreeMap<BlobId, Item> {
    let without_heat = |item: &Item| Item {
        heat: None,
        ..item.clone()
    };
    items
        .iter()
        .map(|(id, item)| (*id, without_heat(item)))
        .collect()
}

/// Neither for the interactions nor for the heat.
pub fn a_download_of_what_is_not_public_any_more_counts_for_nobody(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let file = put(on, owner, b"x", 0);
    // The owner keeps it for themselves, so the content is still there.
    let kept = a_file(owner, b"x").private().build();
    attach(on, &kept, b"x");
    on.files.detach(owner, file.id).unwrap();
    download(on, other, &kept, 1);
    learn_all(on);
    assert!(on.feed.list_interactions(other, 10).unwrap().is_empty());
    assert!(
        on.feed
            .find_items(&[content(on, &kept)])
            .unwrap()
            .is_empty()
    );
}

/// In the order of the question.
pub fn only_public_entries_of_others_are_offered_the_newest_of_each_content(on: &Repositories) {
    let (asker, one, two) = (register(on, 1), register(on, 2), register(on, 3));
    let old = put(on, one, b"a", 1);
    let newest = put(on, two, b"a", 9);
    let private = a_file(one, b"p").private().build();
    attach(on, &private, b"p");
    attach(on, &a_file(one, b"a").private().at(20).build(), b"a");
    let had = put(on, one, b"h", 2);
    attach(on, &a_file(asker, b"h").private().build(), b"h");
    let last = put(on, one, b"z", 3);
    let asked = [&last, &private, &had, &old].map(|file| content(on, file));
    let offers = on.feed.list_offers(asker, &asked).unwrap();
    let contents: Vec<_> = offers.iter().map(|offer| offer.content).collect();
    assert_eq!(contents, [asked[0], asked[3]]);
    let offers: Vec<_> = offers.into_iter().map(|offer| offer.file).collect();
    assert_eq!(ids(&offers), [last.id, newest.id]);
    let [_, offer] = &offers[..] else {
        panic!("{offers:?}");
    };
    assert_eq!(
        (offer.owner, offer.position.created_at),
        (two, newest.created_at)
    );
    assert_eq!(offer.owner_name.as_str(), "user 3");
    assert_eq!(offer.title, newest.title);
    assert!(on.feed.list_offers(asker, &[]).unwrap().is_empty());
    assert!(
        on.feed
            .list_offers(asker, &[BlobId::from_i64(-5)])
            .unwrap()
            .is_empty()
    );
}

/// Neither interactions nor counters, and neighbours do not know it any more.
pub fn what_is_collected_leaves_nothing(on: &Repositories) {
    let users: Vec<_> = (1..=3).map(|n| register(on, n)).collect();
    let mut files = Vec::new();
    for user in &users {
        put(on, *user, b"stays", 0);
        files.push(put(on, *user, b"goes", 1));
    }
    learn_all(on);
    let goes = content(on, &files[0]);
    let stays = on.feed.list_interactions(users[0], 10).unwrap();
    let stays = stays
        .iter()
        .map(|one| one.content)
        .find(|id| *id != goes)
        .unwrap();
    assert_eq!(on.feed.find_items(&[goes, stays]).unwrap().len(), 2);
    for file in &files {
        on.files.detach(file.owner, file.id).unwrap();
    }
    assert_eq!(on.upkeep.doom(&[goes], at(1_000_000)).unwrap(), 1);
    learn_all(on);
    assert!(on.feed.find_items(&[goes]).unwrap().is_empty());
    let item = &on.feed.find_items(&[stays]).unwrap()[&stays];
    assert!(item.neighbours.as_slice().is_empty());
    assert_eq!(item.mass, 0);
    for user in users {
        let all = on.feed.list_interactions(user, 10).unwrap();
        assert_eq!(
            all.iter().map(|one| one.content).collect::<Vec<_>>(),
            [stays]
        );
    }
}

fn feed(on: &Repositories, asker: &Actor) -> Vec<FileId> {
    let service = RecommendService {
        feed: on.feed.clone(),
        limit: 10,
    };
    ids(&service.for_user(asker).unwrap())
}

/// From three people on who agree, and until it is unpublished.
pub fn the_feed_knows_what_belongs_together(on: &Repositories) {
    let owner = register(on, 1);
    let noise = put(on, owner, b"noise", 10 * DAY);
    let mut last = None;
    for n in 2..=4 {
        let user = register(on, n);
        put(on, user, b"tea", 0);
        last = Some(put(on, user, b"cup", i64::from(n)));
    }
    let cup = last.unwrap();
    let asker = register(on, 9);
    put(on, asker, b"tea", 1);
    let asker = actor(on, asker);
    learn_all(on);
    assert_eq!(feed(on, &asker), [cup.id, noise.id]);
    on.files.detach(cup.owner, cup.id).unwrap();
    let left = feed(on, &asker);
    assert!(!left.contains(&cup.id));
    assert_eq!(left.len(), 2);
}

/// However many there are: neither the feed nor the hot list of anybody else.
pub fn private_entries_change_no_answer(on: &Repositories) {
    let (owner, asker) = (register(on, 1), register(on, 2));
    put(on, owner, b"tea", 0);
    put(on, owner, b"cup", 1);
    put(on, owner, b"new", 2);
    put(on, asker, b"tea", 3);
    let asker = actor(on, asker);
    learn_all(on);
    let contents: Vec<_> = on
        .feed
        .list_interactions(owner, 10)
        .unwrap()
        .iter()
        .map(|one| one.content)
        .collect();
    let before = (
        feed(on, &asker),
        hot(on, None),
        on.feed.find_items(&contents).unwrap(),
    );
    for n in 3..=9 {
        let user = register(on, n);
        for bytes in [&b"tea"[..], b"cup", b"secret"] {
            attach(on, &a_file(user, bytes).private().at(DAY).build(), bytes);
        }
    }
    learn_all(on);
    let after = (
        feed(on, &asker),
        hot(on, None),
        on.feed.find_items(&contents).unwrap(),
    );
    assert_eq!(before, after);
}

/// Neither then nor when it is published again.
pub fn a_favourite_of_what_is_private_when_it_is_looked_at_is_never_learned(on: &Repositories) {
    let (owner, fan, other) = (register(on, 1), register(on, 2), register(on, 3));
    let [file, beside] = [b"x", b"y"].map(|bytes| put(on, owner, bytes, 0));
    for file in [&file, &beside] {
        on.favourites.add(&a_favourite(fan, file.id)).unwrap();
    }
    show(on, &file, Visibility::Private);
    learn_all(on);
    show(on, &file, Visibility::Public);
    on.favourites.add(&a_favourite(other, file.id)).unwrap();
    learn_all(on);
    let known = |user| {
        let all = on.feed.list_interactions(user, 9).unwrap();
        all.iter().map(|one| one.content).collect::<Vec<_>>()
    };
    assert_eq!(known(fan), [content(on, &beside)]);
    assert_eq!(known(other), [content(on, &file)]);
}

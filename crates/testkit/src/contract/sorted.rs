//! [`FileRepository`](kms_domain::files::FileRepository): lists in an order that is asked for. The list of promises
//! stands in [`entries`](super::entries).

use kms_domain::files::{
    Edited, EntryChange, FileId, Label, ListedFile, NewFile, OwnFilter, OwnOrder, Visibility,
};
use kms_domain::users::UserId;

use super::Repositories;
use super::support::{attach, register};
use crate::builders::{a_file, file_id};

const ORDERS: [OwnOrder; 5] = [
    OwnOrder::Newest(None),
    OwnOrder::Oldest(None),
    OwnOrder::Name(None),
    OwnOrder::Largest(None),
    OwnOrder::Smallest(None),
];

/// An entry with a title over so many bytes, uploaded `millis` after noon.
fn put(on: &Repositories, owner: UserId, title: &str, size: usize, millis: i64) -> FileId {
    let bytes = vec![b'x'; size];
    put_file(
        on,
        &a_file(owner, &bytes).title(title).at(millis).build(),
        size,
    )
}

fn put_file(on: &Repositories, file: &NewFile, size: usize) -> FileId {
    attach(on, file, &vec![b'x'; size]);
    file.id
}

fn list(on: &Repositories, owner: UserId, order: &OwnOrder) -> Vec<ListedFile> {
    let all = OwnFilter::default();
    on.files.list_sorted(owner, order, &all, 100).unwrap()
}

fn ids(list: &[ListedFile]) -> Vec<FileId> {
    list.iter().map(|it| it.file.id).collect()
}

fn in_order(on: &Repositories, owner: UserId, order: &OwnOrder) -> Vec<FileId> {
    ids(&list(on, owner, order))
}

/// And of nobody else's, whatever they are like.
pub fn own_entries_come_in_the_order_that_is_asked_for(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    for order in &ORDERS {
        assert!(list(on, owner, order).is_empty());
    }
    put(on, other, "a", 2, 15);
    let b = put(on, owner, "B", 3, 20);
    let c = put(on, owner, "c", 1, 30);
    let a = put(on, owner, "a", 2, -10);
    for (order, expected) in ORDERS.iter().zip([
        [c, b, a],
        [a, b, c],
        // Without regard to the case of ASCII letters.
        [a, b, c],
        [b, a, c],
        [c, a, b],
    ]) {
        assert_eq!(in_order(on, owner, order), expected, "{order:?}");
    }
}

/// Code point by code point, of which those outside of ASCII are what they are.
pub fn names_are_ordered_by_their_code_points(on: &Repositories) {
    let owner = register(on, 1);
    let titles = [
        " b", "%", "10", "9", "[", "_", "a", "A a", "a-", "a_", "ab", "Z", "~", "É", "é", "ü",
        "报告", "文", "😀",
    ];
    let mut expected = titles.to_vec();
    expected.sort_by_key(|title| title.to_ascii_lowercase());
    for (n, title) in titles.iter().rev().enumerate() {
        put(on, owner, title, n, 0);
    }
    let listed = list(on, owner, &OwnOrder::Name(None));
    let found: Vec<_> = listed.iter().map(|it| it.file.title.as_str()).collect();
    assert_eq!(found, expected);
}

/// An order is one also where what it goes by is the same.
pub fn identity_orders_what_is_alike(on: &Repositories) {
    let owner = register(on, 1);
    let all: Vec<_> = [3, 1, 4, 2]
        .into_iter()
        .zip(["a", "A", "a", "A"])
        .map(|(n, title)| {
            let file = a_file(owner, b"x").id(file_id(n)).title(title).at(5);
            put_file(on, &file.build(), 1)
        })
        .collect();
    let mut rising = all;
    rising.sort_unstable();
    let falling: Vec<_> = rising.iter().rev().copied().collect();
    for order in &ORDERS {
        let expected = match order {
            OwnOrder::Newest(_) => &falling,
            _ => &rising,
        };
        assert_eq!(in_order(on, owner, order), *expected, "{order:?}");
    }
}

/// Whatever their size, also where several entries are alike, and over a date before 1970.
pub fn pages_of_every_order_meet_without_gap_or_double(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let millis = [5, 5, i64::MIN / 2, 5, 1, 9, 5, 1, 5];
    for (n, millis) in millis.into_iter().enumerate() {
        let title = ["B", "a", "b", "报"][n % 4];
        put(on, owner, title, n % 3, millis);
        put(on, other, title, n % 3, millis);
    }
    for order in &ORDERS {
        let whole = list(on, owner, order);
        assert_eq!(whole.len(), millis.len());
        for size in 1..=millis.len() + 1 {
            let (mut all, mut order) = (Vec::new(), order.clone());
            loop {
                let everything = OwnFilter::default();
                let page = on.files.list_sorted(owner, &order, &everything, size);
                let page = page.unwrap();
                assert!(page.len() <= size);
                let Some(last) = page.last() else { break };
                order = order.behind(last);
                all.extend(page);
                assert!(all.len() <= whole.len(), "an entry was listed twice");
            }
            assert_eq!(all, whole, "pages of {size}, {order:?}");
        }
        let everything = OwnFilter::default();
        let none = on.files.list_sorted(owner, order, &everything, 0).unwrap();
        assert!(none.is_empty());
    }
}

/// It is what orders the entry, so it stays a place when the entry is gone, or when others arrive.
pub fn a_place_outlives_its_entry(on: &Repositories) {
    let owner = register(on, 1);
    put(on, owner, "a", 1, 1);
    put(on, owner, "b", 2, 2);
    put(on, owner, "c", 3, 3);
    for order in &ORDERS {
        let [_, middle, last] = &list(on, owner, order)[..] else {
            panic!("not three");
        };
        let (gone, after) = (middle.file.clone(), order.behind(middle));
        on.files.detach(owner, gone.id).unwrap();
        let rest = in_order(on, owner, &after);
        assert_eq!(rest, [last.file.id], "{order:?}");
        // The same again, which has another identity.
        let n = middle.size as usize;
        put(on, owner, gone.title.as_str(), n, n as i64);
    }
}

/// By themselves and together, in every order.
pub fn a_filter_lets_pass_what_it_says(on: &Repositories) {
    let owner = register(on, 1);
    let label = |text: &str| Label::parse(text).unwrap();
    let mut all = Vec::new();
    for (n, (open, filed)) in [
        (true, None),
        (false, None),
        (true, Some("work")),
        (false, Some("work")),
        (true, Some("Work")),
    ]
    .into_iter()
    .enumerate()
    {
        let file = a_file(owner, &vec![b'x'; n]).at(n as i64);
        let file = if open { file } else { file.private() }.build();
        put_file(on, &file, n);
        if let Some(filed) = filed {
            let change = EntryChange {
                label: Some(Some(label(filed))),
                ..EntryChange::default()
            };
            let edited = on.files.update(owner, file.id, &change).unwrap();
            assert_eq!(edited, Edited::Changed);
        }
        all.push(file.id);
    }
    let (open, hidden) = (Some(Visibility::Public), Some(Visibility::Private));
    for (visibility, filed, expected) in [
        (None, None, &[0, 1, 2, 3, 4][..]),
        (open, None, &[0, 2, 4]),
        (hidden, None, &[1, 3]),
        (None, Some("work"), &[2, 3]),
        (open, Some("work"), &[2]),
        (hidden, Some("Work"), &[]),
        (None, Some("none"), &[]),
    ] {
        let filter = OwnFilter {
            visibility,
            label: filed.map(label),
        };
        for order in &ORDERS {
            let found = on.files.list_sorted(owner, order, &filter, 9).unwrap();
            let mut found = ids(&found);
            found.sort_by_key(|id| all.iter().position(|it| it == id));
            let expected: Vec<_> = expected.iter().map(|n| all[*n]).collect();
            assert_eq!(found, expected, "{filter:?} {order:?}");
        }
    }
}

/// Title, label, visibility and date as any list has them.
pub fn a_listed_entry_says_what_it_is_and_how_large(on: &Repositories) {
    let owner = register(on, 1);
    let file = a_file(owner, b"xxx").title("secret").private().at(7);
    put_file(on, &file.build(), 3);
    let summaries = on.files.list_owned(owner, None, 9).unwrap();
    for order in &ORDERS {
        let [listed] = &list(on, owner, order)[..] else {
            panic!("not one");
        };
        assert_eq!((&listed.file, listed.size), (&summaries[0], 3));
    }
}

/// It is in no order any more, until it is brought back.
pub fn what_is_in_the_trash_is_in_no_order(on: &Repositories) {
    let owner = register(on, 1);
    let id = put(on, owner, "a", 1, 1);
    on.trash.discard(owner, id, crate::builders::at(2)).unwrap();
    for order in &ORDERS {
        assert!(list(on, owner, order).is_empty());
    }
    assert!(on.trash.restore(owner, id).unwrap());
    for order in &ORDERS {
        assert_eq!(in_order(on, owner, order), [id]);
    }
}

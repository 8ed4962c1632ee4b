//! Lists in an order that clients choose.

use std::cmp::Reverse;

use kms_domain::files::{DatedPlace, ListedFile, OwnOrder, Title};

fn dated(it: &ListedFile) -> DatedPlace {
    DatedPlace {
        date: it.file.position.created_at,
        id: it.file.id,
    }
}

fn named(title: &Title) -> String {
    title.as_str().to_ascii_lowercase()
}

/// At most `limit` of `all`, in `order`.
pub(super) fn page(all: Vec<ListedFile>, order: &OwnOrder, limit: usize) -> Vec<ListedFile> {
    match order {
        OwnOrder::Newest(after) => cut(all, |it| Reverse(dated(it)), after.map(Reverse), limit),
        OwnOrder::Oldest(after) => cut(all, dated, *after, limit),
        OwnOrder::Name(after) => {
            let after = after.as_ref().map(|(title, id)| (named(title), *id));
            cut(all, |it| (named(&it.file.title), it.file.id), after, limit)
        }
        OwnOrder::Largest(after) => {
            let after = after.map(|(size, id)| (Reverse(size), id));
            cut(all, |it| (Reverse(it.size), it.file.id), after, limit)
        }
        OwnOrder::Smallest(after) => cut(all, |it| (it.size, it.file.id), *after, limit),
    }
}

fn cut<K: Ord>(
    mut all: Vec<ListedFile>,
    key: impl Fn(&ListedFile) -> K,
    after: Option<K>,
    limit: usize,
) -> Vec<ListedFile> {
    if let Some(after) = after {
        all.retain(|it| key(it) > after);
    }
    all.sort_unstable_by_key(key);
    all.truncate(limit);
    all
}

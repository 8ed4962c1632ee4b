//! Orders, filters and places of the lists that are given out in pages.

use super::{FileId, FileSummary, Label, Title, Visibility};
use crate::Timestamp;

/// A place in a list that a date orders. Identity decides within a millisecond, and not the order of storing:
/// clients get places to go on from, and the number of what everybody has stored is nobody's to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatedPlace {
    /// The date of what stands there.
    pub date: Timestamp,
    /// Its identity.
    pub id: FileId,
}

/// An order of somebody's entries, and the place in it behind which a page begins; at the beginning when absent. A
/// place is what orders an entry and its identity, so it stays one when the entry goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnOrder {
    /// By the time of upload, the newest first; of the same millisecond, the greater identity first.
    Newest(Option<DatedPlace>),
    /// The other way round.
    Oldest(Option<DatedPlace>),
    /// By title, code point by code point, with ASCII letters as if they were lower case; then by identity.
    Name(Option<(Title, FileId)>),
    /// By the bytes of the content, the most first; then by identity.
    Largest(Option<(u64, FileId)>),
    /// By the bytes of the content, the fewest first; then by identity.
    Smallest(Option<(u64, FileId)>),
}

impl OwnOrder {
    /// The same order behind an entry.
    #[must_use]
    pub fn behind(&self, last: &ListedFile) -> Self {
        let id = last.file.id;
        let dated = DatedPlace {
            date: last.file.position.created_at,
            id,
        };
        match self {
            Self::Newest(_) => Self::Newest(Some(dated)),
            Self::Oldest(_) => Self::Oldest(Some(dated)),
            Self::Name(_) => Self::Name(Some((last.file.title.clone(), id))),
            Self::Largest(_) => Self::Largest(Some((last.size, id))),
            Self::Smallest(_) => Self::Smallest(Some((last.size, id))),
        }
    }
}

/// What an owner's list is restricted to. What is absent restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnFilter {
    /// Those alone with this visibility.
    pub visibility: Option<Visibility>,
    /// Those alone that are filed under this label.
    pub label: Option<Label>,
}

/// An entry of a list, with the size of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// The entry.
    pub file: FileSummary,
    /// Bytes of its content.
    pub size: u64,
}

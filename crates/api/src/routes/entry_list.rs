//! Long lists of the contract: parallel arrays that are written side by side, page by page, so that no list
//! is ever in memory as a whole.

use std::io::Write as _;

use kms_domain::Timestamp;
use kms_domain::codes::Code;
use kms_domain::files::{FileId, Label, Title};
use kms_domain::users::UserId;

use crate::answer::{self, NoFields};
use crate::app::Services;
use crate::error::ApiError;
use crate::spool::{Part, Spool, Spooled};

/// The arrays that every list has.
const COMMON: [&str; 5] = [
    "fidlist",
    "namelist",
    "datelist",
    "classifylist",
    "summarylist",
];

/// What every list says of an entry. What summaries say is nothing until they are made.
pub(super) struct Entry<'a> {
    pub(super) id: FileId,
    pub(super) title: &'a Title,
    pub(super) date: Timestamp,
    pub(super) label: Option<&'a Label>,
}

/// One value of an array that a list has beside those.
pub(super) enum Cell<'a> {
    Fid(FileId),
    User(UserId),
    Text(&'a str),
    /// Milliseconds since 1970-01-01 UTC.
    Date(Timestamp),
    Number(u64),
    Flag(bool),
}

/// The answer's text, its arrays side by side: those that all lists have, and `N` more.
pub(super) struct EntryList<const N: usize> {
    spool: Spool,
    total: u64,
    common: [Part; COMMON.len()],
    more: [Part; N],
}

impl<const N: usize> EntryList<N> {
    /// An empty list, with arrays of these names beside those that all lists have. For use inside a storage job.
    pub(super) fn new(services: &Services, more: [&'static str; N]) -> Result<Self, ApiError> {
        let mut head = answer::text(Code::Done, NoFields {}).map_err(unwritten)?;
        // The object is reopened at its brace; the envelope stands in it, so a comma is due.
        head.pop();
        let mut head = Some(head);
        let mut array = |name| {
            let before = head.take().unwrap_or_else(|| "]".to_owned());
            Part::new(format!("{before},\"{name}\":["))
        };
        Ok(Self {
            spool: Spool::new(&services.scratch),
            total: 0,
            common: COMMON.map(&mut array),
            more: more.map(array),
        })
    }

    /// Adds an entry: a value for each array.
    pub(super) fn push(&mut self, entry: &Entry<'_>, more: [Cell<'_>; N]) -> Result<(), ApiError> {
        let common = [
            Cell::Fid(entry.id),
            Cell::Text(entry.title.as_str()),
            Cell::Date(entry.date),
            Cell::Text(entry.label.map_or("", Label::as_str)),
            Cell::Text(""),
        ];
        let arrays = self.common.iter_mut().chain(&mut self.more);
        for (array, cell) in arrays.zip(common.into_iter().chain(more)) {
            if self.total > 0 {
                array.held.push(b',');
            }
            let text = &mut array.held;
            match cell {
                Cell::Fid(id) => write!(text, "\"{id}\"").map_err(unwritten)?,
                Cell::User(id) => write!(text, "\"{id}\"").map_err(unwritten)?,
                Cell::Text(it) => serde_json::to_writer(text, it).map_err(unwritten)?,
                Cell::Date(at) => write!(text, "{}", at.as_millis()).map_err(unwritten)?,
                Cell::Number(it) => write!(text, "{it}").map_err(unwritten)?,
                Cell::Flag(it) => write!(text, "{it}").map_err(unwritten)?,
            }
            self.spool.settle(array)?;
        }
        self.total = self.total.saturating_add(1);
        Ok(())
    }

    /// The answer, with `total` and the numbers that are to stand beside it.
    pub(super) fn finish(self, numbers: &[(&str, u64)]) -> Result<Spooled, ApiError> {
        let mut end = format!("],\"total\":{}", self.total).into_bytes();
        for (name, number) in numbers {
            write!(end, ",\"{name}\":{number}").map_err(unwritten)?;
        }
        end.push(b'}');
        let mut parts = Vec::from(self.common);
        parts.extend(self.more);
        parts.push(Part::new(end));
        Ok(self.spool.finish(parts)?)
    }
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::because(Code::ServerError, error)
}

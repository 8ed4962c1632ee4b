//! The caller's own entries, in pages.

use super::{FileError, FileService, LIST_PAGE};
use crate::files::{FileSummary, ListPosition, ListedFile, OwnFilter, OwnOrder};
use crate::users::Actor;

/// A part of the caller's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPage {
    /// The entries, newest first.
    pub files: Vec<FileSummary>,
    /// What to ask for the next page with. `None`: the list ends here.
    pub next: Option<ListPosition>,
}

/// A part of the caller's own entries in some order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedPage {
    /// The entries.
    pub files: Vec<ListedFile>,
    /// What to ask for the next page with. `None`: the list ends here.
    pub next: Option<OwnOrder>,
}

impl FileService {
    /// The caller's entries, newest first: the first page, or the one `after` another. Each page is
    /// read for itself, so what is stored after the first page was read is not in the list.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn list_own(
        &self,
        actor: &Actor,
        after: Option<ListPosition>,
    ) -> Result<OwnPage, FileError> {
        let files = self.files.list_owned(actor.user(), after, LIST_PAGE)?;
        let last = files.last().map(|file| file.position);
        let next = last.filter(|_| files.len() == LIST_PAGE);
        Ok(OwnPage { files, next })
    }

    /// The caller's entries that pass a filter: at most `limit`, and at most 256, of them in some order.
    ///
    /// # Errors
    /// [`FileError::Port`].
    pub fn list_sorted(
        &self,
        actor: &Actor,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<SortedPage, FileError> {
        let limit = limit.min(LIST_PAGE);
        // One more tells whether there is a next page.
        let asked = limit.saturating_add(1);
        let mut files = self.files.list_sorted(actor.user(), order, filter, asked)?;
        let more = files.len() > limit;
        files.truncate(limit);
        let last = files.last().filter(|_| more);
        let next = last.map(|last| order.behind(last));
        Ok(SortedPage { files, next })
    }
}

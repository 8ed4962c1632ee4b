use super::{OwnQuota, Usage, Used};
use crate::PortError;
use crate::users::UserId;

/// The counters that are kept of each account's entries. What changes them is
/// [`FileRepository`](super::FileRepository): whoever stores or removes an entry changes the counters
/// of its owner in the same transaction. Every method is one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait UsageRepository: Send + Sync {
    /// What `user` holds and what was decided about it. `None`: no such account.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_usage(&self, user: UserId) -> Result<Option<Usage>, PortError>;

    /// Decides about `user`, durably; every entry that is stored from now on is judged by it, and what
    /// is stored already stays. `false`: no such account.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn set_quota(&self, user: UserId, quota: OwnQuota) -> Result<bool, PortError>;

    /// The counters of the next account behind `after`, in the order of their ids, and what its rows
    /// add up to at the same moment. Takes as long as reading the rows of one account. `None`: there is
    /// no further account.
    ///
    /// # Errors
    /// [`PortError`].
    fn count_next(&self, after: Option<UserId>) -> Result<Option<Counted>, PortError>;

    /// Sets the counters of `user` to what its rows add up to, durably. What was decided about it
    /// stays. Nobody else writes meanwhile.
    ///
    /// # Errors
    /// [`PortError`].
    fn recount(&self, user: UserId) -> Result<(), PortError>;
}

/// Kept counters beside what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whose they are.
    pub user: UserId,
    /// The counters. `None`: there are none.
    pub kept: Option<Used>,
    /// The sum of the rows.
    pub rows: Used,
}

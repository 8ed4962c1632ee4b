use super::UserId;
use crate::files::{Attached, BlobRef, NewBlob, Sha256};
use crate::{PortError, Timestamp};

/// Which blob is whose avatar. Every method is one transaction and may block.
#[cfg_attr(test, mockall::automock)]
pub trait AvatarRepository: Send + Sync {
    /// Makes `blob` the avatar of `user`, all or nothing and durably, in place of an earlier one.
    /// What content is known already is treated as
    /// [`FileRepository::attach`](crate::files::FileRepository::attach) does.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn set_avatar(
        &self,
        user: UserId,
        blob: &NewBlob,
        at: Timestamp,
    ) -> Result<Attached, PortError>;

    /// The same, if the avatar is this content `before`, or there is none. `None`: it is something else;
    /// nothing was changed, and no row refers to the copy.
    ///
    /// # Errors
    /// [`PortError`]; nothing is changed then, unless its kind is internal.
    fn replace_avatar(
        &self,
        user: UserId,
        before: Option<Sha256>,
        blob: &NewBlob,
        at: Timestamp,
    ) -> Result<Option<Attached>, PortError>;

    /// The avatar's bytes. `None`: this account has none.
    ///
    /// # Errors
    /// [`PortError`].
    fn find_avatar(&self, user: UserId) -> Result<Option<BlobRef>, PortError>;
}

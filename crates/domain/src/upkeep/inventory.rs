use std::ops::ControlFlow;

use crate::files::{BlobKey, Sha256};
use crate::{PortError, Timestamp};

/// What lies in a blob store, whether or not a row knows of it. Changes nothing, and works beside
/// the process that owns the store; what comes or goes meanwhile is found or not.
pub trait BlobInventory: Send + Sync {
    /// Calls `each` for everything in the store until it breaks off. A part that cannot be listed keeps
    /// nobody from the others.
    ///
    /// # Errors
    /// [`PortError`]: what was in the way first, told when everything else was listed.
    fn list(&self, each: &mut dyn FnMut(Stored) -> ControlFlow<()>) -> Result<(), PortError>;

    /// Looks at the copy under `key`, and if `bytes`, reads all of it. `read` is told how many bytes
    /// were read since it was called last, may take its time, and may break off.
    ///
    /// # Errors
    /// [`PortError`] when that could not be found out. A device that cannot read the bytes is one.
    fn inspect(
        &self,
        key: &BlobKey,
        bytes: bool,
        read: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Inspection, PortError>;

    /// Asked when the copy under `key` is wanting: whether there is a store at all in which it could be.
    /// As it stands, there always is.
    ///
    /// # Errors
    /// [`PortError`] when there is not: its disk is away, for example.
    fn expect_store(&self, key: &BlobKey) -> Result<(), PortError> {
        let _ = key;
        Ok(())
    }
}

/// Keeps backups waiting until it is dropped.
pub type RemovalHold = Box<dyn Send>;

/// Where a blob store puts what no row knows, and how it gives room back. Only for the process that
/// owns the store.
#[cfg_attr(test, mockall::automock)]
pub trait BlobTrash: Send + Sync {
    /// Moves `item` out of the store, to where it is kept as a file of its own until the trash is
    /// emptied. Idempotent: what is not there any more is as good as moved.
    ///
    /// # Errors
    /// [`PortError`]; it may be in both places then.
    fn trash(&self, item: &StoredItem, now: Timestamp) -> Result<(), PortError>;

    /// For who is about to remove doomed content: a hold, until it is dropped, during which nobody
    /// begins to copy a state of the rows that has passed. `None`: somebody copies one, and that state
    /// may still refer to the content. Remove nothing then, and try later. Does not wait.
    ///
    /// # Errors
    /// [`PortError`].
    fn hold_off_backups(&self) -> Result<Option<RemovalHold>, PortError>;

    /// Gives back room in the store that no copy ever took, as far as it has not been touched since
    /// `before`, and answers how many bytes. A part that fails keeps nobody from the others.
    ///
    /// # Errors
    /// [`PortError`]: what failed first, told when everything else was tried.
    fn reclaim(&self, before: Timestamp) -> Result<u64, PortError>;

    /// Deletes what was moved to the trash before `before`, and answers how many files. One that cannot
    /// be deleted keeps nobody from the others.
    ///
    /// # Errors
    /// [`PortError`]: what failed first, told when everything else was tried.
    fn empty(&self, before: Timestamp) -> Result<u64, PortError>;
}

/// Something in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is.
    pub item: StoredItem,
    /// Bytes of its content.
    pub size: u64,
    /// Not earlier than when it was written.
    pub modified: Timestamp,
}

/// What there is in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoredItem {
    /// A published copy.
    Copy(BlobKey),
    /// Checksums of a copy that is not there.
    Checksums(BlobKey),
}

impl StoredItem {
    /// The key of the copy that it is or belongs to.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        match self {
            Self::Copy(key) | Self::Checksums(key) => key,
        }
    }
}

/// What was found under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// Nothing.
    Missing,
    /// Whoever asked broke off.
    Interrupted,
    /// A copy.
    Found {
        /// Its bytes.
        size: u64,
        /// Their digest, if they were read.
        sha256: Option<Sha256>,
        /// How its checksums are.
        checksums: Checksums,
    },
}

/// How the checksums of a copy are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// They fit, as far as was looked, or the copy needs none.
    Sound,
    /// There are none. The first reader makes them anew.
    Missing,
    /// They do not fit the copy. The first reader makes them anew if the copy is sound.
    Damaged,
}

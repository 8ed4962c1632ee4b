//! Making things durable, and remembering when that failed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the device or a quota has no room left.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// How much of a file is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The bytes and what it takes to read them.
    Data,
    /// All that is known about the file; for a folder, its names.
    All,
}

impl Depth {
    pub(super) fn sync(self, file: &File) -> io::Result<()> {
        match self {
            Self::Data => file.sync_data(),
            Self::All => file.sync_all(),
        }
    }
}

/// Asks the device to keep what was written to a file or folder.
type Syncer = Box<dyn Fn(&File, Depth) -> io::Result<()> + Send + Sync>;

/// The gate every sync of a store goes through.
///
/// After a failed sync the kernel may have dropped the dirty pages and call the file clean: a second
/// try would succeed and mean nothing. So the first failure closes the gate until a restart.
pub(crate) struct SyncGate {
    failed: AtomicBool,
    syncer: Syncer,
}

/// A failure behind a [`SyncGate`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error("an earlier sync failed: nothing is published until a restart")]
    Closed,
    #[error("the sync failed")]
    Failed(#[source] io::Error),
}

impl SyncGate {
    pub(crate) fn new() -> Self {
        Self::with(Box::new(|file, depth| depth.sync(file)))
    }

    pub(super) fn with(syncer: Syncer) -> Self {
        Self {
            failed: AtomicBool::new(false),
            syncer,
        }
    }

    pub(super) fn check(&self) -> Result<(), SyncError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(SyncError::Closed);
        }
        Ok(())
    }

    pub(crate) fn sync(&self, file: &File) -> Result<(), SyncError> {
        self.sync_to(file, Depth::All)
    }

    /// Makes the bytes of a file durable, and its size as far as they need it.
    pub(super) fn sync_data(&self, file: &File) -> Result<(), SyncError> {
        self.sync_to(file, Depth::Data)
    }

    fn sync_to(&self, file: &File, depth: Depth) -> Result<(), SyncError> {
        self.check()?;
        (self.syncer)(file, depth).map_err(|error| {
            // A full disk says nothing about earlier pages, and what could not be synced is
            // thrown away; when there is room again, uploads go on.
            if !is_full(&error) {
                self.close(&error);
            }
            SyncError::Failed(error)
        })
    }

    /// Lets nobody through any more.
    pub(super) fn close(&self, error: &io::Error) {
        if !self.failed.swap(true, Ordering::AcqRel) {
            tracing::error!(
                %error,
                "a sync failed; no upload will succeed until the server is restarted"
            );
        }
    }

    /// Makes the entries of a folder durable.
    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<(), SyncError> {
        let folder = File::open(folder).map_err(SyncError::Failed)?;
        self.sync(&folder)
    }
}

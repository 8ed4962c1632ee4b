//! What a failure in the data folder is to a use case.

use std::io;
use std::path::{Path, PathBuf};

use kms_domain::{PortError, PortErrorKind};

use super::sync::{SyncError, is_full};

/// What went wrong with a file of the store.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {path}")]
struct DiskError {
    operation: &'static str,
    path: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

pub(super) fn io_failed(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> PortError {
    move |error| failed(operation, path, kind_of(&error), error)
}

pub(super) fn sync_failed(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(SyncError) -> PortError {
    move |error| {
        let kind = match &error {
            SyncError::Closed => PortErrorKind::Internal,
            SyncError::Failed(io) => kind_of(io),
        };
        failed(operation, path, kind, error)
    }
}

fn failed(
    operation: &'static str,
    path: &Path,
    kind: PortErrorKind,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(
        kind,
        DiskError {
            operation,
            path: path.to_owned(),
            source: source.into(),
        },
    )
}

pub(super) fn kind_of(error: &io::Error) -> PortErrorKind {
    if is_full(error) {
        PortErrorKind::StorageFull
    } else {
        PortErrorKind::Internal
    }
}

//! Whether the folders of the content are there at all.
//!
//! A file that is missing is damage, for which its content is flagged. Where the disk behind a folder
//! is away, all of its files would be missing, and nothing would be wrong with any of them.

use std::fs;
use std::io;
use std::path::Path;

use kms_domain::PortError;

use super::error::io_failed;

/// Refuses `blobs` if it is missing, cannot be read or is empty, as the point is at which a disk was
/// mounted. Only to be asked about a key of a file: folders in `blobs` stay when their files go, so it
/// was not empty when the key was made.
pub(super) fn expect_blobs(blobs: &Path) -> Result<(), PortError> {
    let look = || -> io::Result<()> {
        match fs::read_dir(blobs)?.next() {
            Some(entry) => entry.map(drop),
            None => Err(io::Error::other("nothing is in it: its disk may be away")),
        }
    };
    look().map_err(io_failed("look into", blobs))
}

/// Refuses `packs` if it is missing or cannot be read. It may be empty: the last record takes its pack
/// along.
pub(super) fn expect_packs(packs: &Path) -> Result<(), PortError> {
    fs::read_dir(packs)
        .map(drop)
        .map_err(io_failed("look into", packs))
}

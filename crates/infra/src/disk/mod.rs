//! The data folder, and the blob store and the scratches in it.
//!
//! ```text
//! <data>/LOCK                              held by the one process that owns the folder
//! <data>/kms.db                            the database
//! <data>/backup.lock                       held by backups, see [`BackupLease`]
//! <data>/restoring/                        a restore that is not finished; nobody opens the folder
//! <data>/staging/<random>                  bytes on their way in; emptied at every start
//! <data>/staging/scratch-<random>          has lost this name before a byte is in it
//! <data>/staging/<random>.sums             checksums on their way in
//! <data>/blobs/ab/cd/<sha256>-<random>     published bytes; never opened for writing again
//! <data>/packs/<random>                    small published bytes, many to a file; appended to only
//! <data>/blobs/ab/cd/<sha256>-<random>.sums  checksums of their blocks, if there is more than one
//! <data>/reserve                           room that is given back when the disk is full
//! <data>/trash/<milliseconds>-<name>       what no row knew, moved here at that time
//! ```

mod append;
mod data_dir;
mod direct;
mod empty_folder;
mod error;
mod group;
mod inventory;
mod lease;
mod pack;
mod presence;
mod reader;
mod reserve;
mod scratch;
mod source;
mod staged;
mod store;
mod sums;
mod sync;
mod trash;

pub(crate) use append::Appender;
pub use data_dir::{DataDir, OpenError};
pub(crate) use data_dir::{is_free, make_folder, sync_folder};
pub(crate) use empty_folder::EmptyFolder;
pub(crate) use group::{GroupSync, Since};
pub use inventory::DiskInventory;
pub use lease::BackupLease;
pub(crate) use pack::{FoundNote, RedoLedger, read_notes};
pub use reserve::{DiskFull, Reserve, ReservedBlobStore};
pub use scratch::DiskScratchSpace;
pub(crate) use source::StoredBlobs;
pub use store::DiskBlobStore;
pub(crate) use sync::SyncGate;

//! Looking after stored content without anybody asking for it: collecting what nothing refers to,
//! checking rows and bytes against each other, and reading everything now and then.
//!
//! Nothing here deletes what could be somebody's. Content goes when a durable commit has doomed its
//! row, which the database refuses as long as anything refers to it; bytes that no row knows go to a
//! trash first, and wrong bytes stay where they are until an upload replaces them.

mod collector;
#[cfg(test)]
mod double;
mod examine;
mod fsck;
mod inventory;
mod purger;
mod repository;
mod scrubber;
mod strays;

pub use collector::{Collected, CollectionPolicy, Collector};
pub use examine::Fault;
pub use fsck::{Depth, Finding, Fsck, FsckReport};
pub use inventory::{
    BlobInventory, BlobTrash, Checksums, Inspection, RemovalHold, Stored, StoredItem,
};
pub use purger::Purger;
pub use repository::{Unreferenced, UpkeepRepository};
pub use scrubber::{Scrubbed, Scrubber};

#[cfg(test)]
pub(crate) use double::MockBlobInventory;
#[cfg(test)]
pub(crate) use inventory::MockBlobTrash;
#[cfg(test)]
pub(crate) use repository::MockUpkeepRepository;

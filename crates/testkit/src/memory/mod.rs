//! Every port in memory.
//!
//! ```
//! use std::sync::Arc;
//! use kms_domain::users::UserRepository;
//! use kms_testkit::builders::a_user;
//! use kms_testkit::memory::MemoryDatabase;
//!
//! let db = MemoryDatabase::new();
//! let users: Arc<dyn UserRepository> = Arc::new(db.clone()); // clones share one state
//! users.register(&a_user(1)).unwrap();
//! assert!(db.is_registered(&a_user(1).phone).unwrap());
//! ```

mod audit;
mod avatars;
mod blobs;
mod database;
mod favourites;
mod files;
mod hasher;
mod interactions;
mod inventory;
mod once;
mod recommend;
mod scratch;
mod sessions;
mod sorted;
mod sources;
mod store;
mod trash;
mod upkeep;
mod usage;
mod users;

pub use database::MemoryDatabase;
pub use hasher::PlainHasher;
pub use interactions::MemoryInteractions;
pub use inventory::MemoryBackup;
pub use scratch::MemoryScratchSpace;
pub use sources::{ManualClock, SeededIds, SeededTokens};
pub use store::MemoryBlobStore;

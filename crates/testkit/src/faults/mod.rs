//! Failures that are chosen and not random: the k-th call fails, for every k until none is left.
//!
//! ```
//! use std::sync::Arc;
//! use kms_domain::PortErrorKind;
//! use kms_domain::users::{Inserted, UserRepository};
//! use kms_testkit::builders::a_user;
//! use kms_testkit::faults::{FaultyUserRepository, every_failure};
//! use kms_testkit::memory::MemoryDatabase;
//!
//! let tried = every_failure(PortErrorKind::Unavailable, |plan| {
//!     let db = MemoryDatabase::new();
//!     let users = FaultyUserRepository::new(Arc::new(db.clone()), plan);
//!     let answer = users.register(&a_user(1));
//!     assert_eq!(answer.is_err(), plan.has_failed());
//!     assert_eq!(db.user_count(), usize::from(answer.is_ok()));
//! });
//! assert_eq!(tried, 1);
//! ```

mod audit;
mod once;
mod plan;
mod recommend;
mod repositories;
mod scratch;
mod shelves;
mod store;
mod upkeep;
mod usage;

pub use audit::FaultyAuditLog;
pub use once::FaultyOnceRepository;
pub use plan::{FailNth, every_failure};
pub use recommend::{FaultyFeedRepository, FaultyInteractionRepository};
pub use repositories::{
    FaultyAvatarRepository, FaultyBlobRepository, FaultyFileRepository, FaultySessionRepository,
    FaultyUserRepository,
};
pub use scratch::FaultyScratchSpace;
pub use shelves::{FaultyFavouriteRepository, FaultyTrashRepository};
pub use store::FaultyBlobStore;
pub use upkeep::FaultyUpkeepRepository;
pub use usage::FaultyUsageRepository;

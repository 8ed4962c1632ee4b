//! One suite per port: what its documentation promises, checked word by word.
//!
//! An adapter is finished when it passes. Its test file says how to make one, and the macros
//! expand to one `#[test]` per promise, each in a fresh fixture:
//!
//! ```
//! use std::sync::Arc;
//! use kms_testkit::contract::{Hashers, Keeping, Repositories, Scratches, Store};
//! use kms_testkit::memory::{
//!     ManualClock, MemoryBlobStore, MemoryDatabase, MemoryScratchSpace, PlainHasher, SeededIds,
//!     SeededTokens,
//! };
//!
//! fn repositories() -> Repositories {
//!     let db = MemoryDatabase::new();
//!     Repositories {
//!         users: Arc::new(db.clone()),
//!         sessions: Arc::new(db.clone()),
//!         avatars: Arc::new(db.clone()),
//!         files: Arc::new(db.clone()),
//!         trash: Arc::new(db.clone()),
//!         favourites: Arc::new(db.clone()),
//!         blobs: Arc::new(db.clone()),
//!         upkeep: Arc::new(db.clone()),
//!         audit: Arc::new(db.clone()),
//!         usage: Arc::new(db.clone()),
//!         feed: Arc::new(db.clone()),
//!         interactions: Arc::new(db.clone()),
//!         once: Arc::new(db),
//!         keep: Arc::new(()), // or the guard of a temporary folder
//!     }
//! }
//!
//! fn store() -> Store {
//!     let store = MemoryBlobStore::new();
//!     let (staging, publishing, damaging) = (store.clone(), store.clone(), store.clone());
//!     Store {
//!         store: Arc::new(store),
//!         staged: Box::new(move || staging.staged()), // or a count of files in a folder
//!         published: Box::new(move || publishing.keys().len()),
//!         damage: Box::new(move |key, damage| damaging.damage(key, damage)), // or of the file
//!         keep: Box::new(()),
//!     }
//! }
//!
//! fn keeping() -> Keeping {
//!     let store = MemoryBlobStore::new();
//!     let (trash, backups) = (store.clone(), store.clone());
//!     Keeping {
//!         store: Arc::new(store.clone()),
//!         inventory: Arc::new(store.clone()),
//!         trash: Arc::new(store.clone()),
//!         now: Box::new(|| kms_testkit::builders::at(0)), // what the store takes for the time
//!         trashed: Box::new(move || trash.trashed().len()), // or a count of files in a folder
//!         damage: Box::new(move |key, damage| store.damage(key, damage)),
//!         lose_copy: Box::new(|_| false), // or removes a file and leaves its checksums
//!         waste: Box::new(|| false), // or leaves room that no copy takes
//!         back_up: Box::new(move || Some(Box::new(backups.begin_backup()?))), // or takes a lock
//!         keep: Box::new(()),
//!     }
//! }
//!
//! fn scratches() -> Scratches {
//!     Scratches {
//!         space: Arc::new(MemoryScratchSpace::new()),
//!         visible: Box::new(|| 0), // or a count of files in a folder
//!         keep: Box::new(()),
//!     }
//! }
//!
//! fn hashers() -> Hashers {
//!     Hashers {
//!         today: Arc::new(PlainHasher::new(5)),
//!         weaker: Arc::new(PlainHasher::new(4)),
//!     }
//! }
//!
//! // All of them over one database; or `user_repository_contract!(repositories)` and so on.
//! kms_testkit::repositories_contract!(repositories);
//! kms_testkit::blob_store_contract!(store);
//! kms_testkit::blob_inventory_contract!(keeping);
//! kms_testkit::blob_trash_contract!(keeping);
//! kms_testkit::scratch_space_contract!(scratches);
//! kms_testkit::password_hasher_contract!(hashers);
//! kms_testkit::id_source_contract!(SeededIds::default); // answers an `impl IdSource`
//! kms_testkit::token_source_contract!(SeededTokens::default); // an `impl TokenSource`
//! kms_testkit::clock_contract!(ManualClock::new); // an `impl Clock`
//! # fn main() {}
//! ```
//!
//! Each macro makes a module of its own (`user_repository`, `blob_store`, …), so it is called once
//! per test file or once per module. The argument is any expression that can be called without
//! arguments and whose names are visible where the macro stands.
//!
//! **How the suites read the ports** where a sentence leaves room:
//! - Content that is flagged as damaged is still content in scope: `find_claimable` answers it
//!   with `damaged: true`, and it counts when contents are counted. Only `claim` refuses it.
//! - The oldest session of an account is the one that was created first, whenever it was used.
//! - A session that belongs to another account is not the asking session: `SessionEnded`.
//! - An identity that is taken (an account's, a session's, an entry's) and an owner who does not
//!   exist are errors, and errors leave nothing behind.
//! - Every limit is legal, 0 and `usize::MAX` included.
//!
//! **Adding a promise.** Write a public function in the port's file, with the sentence it checks
//! as its name, and put the name into the list of that file's macro; a test fails when it is
//! missing there. Ask which change to an adapter it would catch, and make that change once.

pub mod accounts;
pub mod audit;
pub mod avatars;
pub mod blobs;
pub mod claims;
pub mod damage;
pub mod discards;
pub mod edits;
pub mod endings;
pub mod entries;
pub mod favourites;
pub mod hasher;
pub mod hot;
pub mod inventory;
pub mod lists;
pub mod logins;
pub mod once;
pub mod recommend;
pub mod removals;
pub mod scratch;
pub mod sessions;
pub mod sizes;
pub mod sorted;
pub mod sources;
pub mod store;
pub mod trash;
pub mod upkeep;
pub mod usage;
pub mod usage_model;
pub mod users;
pub mod withheld;

mod support;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use kms_domain::Timestamp;
use kms_domain::audit::AuditLog;
use kms_domain::files::{
    BlobKey, BlobRepository, BlobStore, FavouriteRepository, FileRepository, OnceRepository,
    ScratchSpace, TrashRepository, UsageRepository,
};
use kms_domain::recommend::{FeedRepository, InteractionRepository};
use kms_domain::upkeep::{BlobInventory, BlobTrash, UpkeepRepository};
use kms_domain::users::{AvatarRepository, PasswordHasher, SessionRepository, UserRepository};

use crate::faults::{
    FailNth, FaultyAuditLog, FaultyAvatarRepository, FaultyBlobRepository,
    FaultyFavouriteRepository, FaultyFeedRepository, FaultyFileRepository,
    FaultyInteractionRepository, FaultyOnceRepository, FaultySessionRepository,
    FaultyTrashRepository, FaultyUpkeepRepository, FaultyUsageRepository, FaultyUserRepository,
};

/// The repositories over one empty database, because their rows refer to each other.
#[derive(Clone)]
pub struct Repositories {
    /// The accounts.
    pub users: Arc<dyn UserRepository>,
    /// Their sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Their avatars.
    pub avatars: Arc<dyn AvatarRepository>,
    /// Their entries.
    pub files: Arc<dyn FileRepository>,
    /// Those that were deleted.
    pub trash: Arc<dyn TrashRepository>,
    /// Those that were made of others.
    pub favourites: Arc<dyn FavouriteRepository>,
    /// The content under them.
    pub blobs: Arc<dyn BlobRepository>,
    /// The same content, for who looks after all of it.
    pub upkeep: Arc<dyn UpkeepRepository>,
    /// What happened to accounts and sessions.
    pub audit: Arc<dyn AuditLog>,
    /// What the accounts hold.
    pub usage: Arc<dyn UsageRepository>,
    /// What feeds are made of.
    pub feed: Arc<dyn FeedRepository>,
    /// Where events are learned.
    pub interactions: Arc<dyn InteractionRepository>,
    /// Their entries once more, for what is stored at most once.
    pub once: Arc<dyn OnceRepository>,
    /// What must live as long as the database: a guard of a temporary folder, or nothing.
    pub keep: Arc<dyn Any + Send + Sync>,
}

/// Counts something that an adapter holds at this moment, by looking behind the port.
pub type Counter = Box<dyn Fn() -> usize + Send + Sync>;

/// What a device or an accident may do to published bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One bit of the byte at this place is another one.
    Flip(usize),
    /// Nothing is left but so many bytes from the beginning.
    Cut(usize),
    /// A byte more stands at the end.
    Grow,
}

/// Does damage to a published blob, behind the port.
pub type Damager = Box<dyn Fn(&BlobKey, Damage) + Send + Sync>;

/// An empty blob store.
pub struct Store {
    /// The store.
    pub store: Arc<dyn BlobStore>,
    /// How many staged blobs take up room outside of memory, for example the files in a staging
    /// folder. Small ones may take up none.
    pub staged: Counter,
    /// How many published blobs take up room, for example the files below a blob folder.
    pub published: Counter,
    /// Does damage to a published blob.
    pub damage: Damager,
    /// What must live as long as the store: a guard of a temporary folder, or nothing.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// Tries to begin a backup. `None`: it has to wait. It ends when what was answered is dropped.
pub type BackUp = Box<dyn Fn() -> Option<Box<dyn Any>> + Send + Sync>;

/// An empty blob store as those see it who look after it.
pub struct Keeping {
    /// The store.
    pub store: Arc<dyn BlobStore>,
    /// What lies in it.
    pub inventory: Arc<dyn BlobInventory>,
    /// Where it puts what nobody knows.
    pub trash: Arc<dyn BlobTrash>,
    /// What the store takes for the time.
    pub now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// How many things are in the trash.
    pub trashed: Counter,
    /// Does damage to a published blob.
    pub damage: Damager,
    /// Takes a copy of more than 256 KiB away and leaves its checksums, behind the port. `false`: the
    /// store has nothing of the kind.
    pub lose_copy: Box<dyn Fn(&BlobKey) -> bool + Send + Sync>,
    /// Leaves room in the store that no copy ever took, as crashes do, and that was not touched for
    /// years. `false`: the store has nothing of the kind.
    pub waste: Box<dyn Fn() -> bool + Send + Sync>,
    /// Begins a backup.
    pub back_up: BackUp,
    /// What must live as long as the store: a guard of a temporary folder, or nothing.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// A space for scratches, without any.
pub struct Scratches {
    /// The space.
    pub space: Arc<dyn ScratchSpace>,
    /// How many scratches somebody else could find, for example the files in a staging folder.
    pub visible: Counter,
    /// What must live as long as the space: a guard of a temporary folder, or nothing.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// One kind of password hasher at two costs.
pub struct Hashers {
    /// The hasher under test, as cheap as it can be configured, but not the cheapest.
    pub today: Arc<dyn PasswordHasher>,
    /// The same hasher at a lower cost.
    pub weaker: Arc<dyn PasswordHasher>,
}

impl Repositories {
    /// The same repositories with calls that fail where `plan` says so. The calls of all of them are
    /// counted together.
    #[must_use]
    pub fn with_faults(&self, plan: &FailNth) -> Self {
        Self {
            users: Arc::new(FaultyUserRepository::new(self.users.clone(), plan)),
            sessions: Arc::new(FaultySessionRepository::new(self.sessions.clone(), plan)),
            avatars: Arc::new(FaultyAvatarRepository::new(self.avatars.clone(), plan)),
            files: Arc::new(FaultyFileRepository::new(self.files.clone(), plan)),
            trash: Arc::new(FaultyTrashRepository::new(self.trash.clone(), plan)),
            favourites: Arc::new(FaultyFavouriteRepository::new(
                self.favourites.clone(),
                plan,
            )),
            blobs: Arc::new(FaultyBlobRepository::new(self.blobs.clone(), plan)),
            upkeep: Arc::new(FaultyUpkeepRepository::new(self.upkeep.clone(), plan)),
            audit: Arc::new(FaultyAuditLog::new(self.audit.clone(), plan)),
            usage: Arc::new(FaultyUsageRepository::new(self.usage.clone(), plan)),
            feed: Arc::new(FaultyFeedRepository::new(self.feed.clone(), plan)),
            interactions: Arc::new(FaultyInteractionRepository::new(
                self.interactions.clone(),
                plan,
            )),
            once: Arc::new(FaultyOnceRepository::new(self.once.clone(), plan)),
            keep: self.keep.clone(),
        }
    }
}

impl fmt::Debug for Repositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Repositories")
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl fmt::Debug for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeping")
    }
}

impl fmt::Debug for Scratches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratches")
    }
}

impl fmt::Debug for Hashers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashers")
    }
}

/// Turns a list of promises into a module of tests; the suites' macros are made of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_tests {
    ($module:ident, $fresh:expr, $($suite:ident: [$($promise:ident),+ $(,)?])+) => {
        mod $module {
            #[allow(unused_imports, reason = "an absolute path needs nothing from above")]
            use super::*;

            $($(
                #[test]
                fn $promise() {
                    $crate::contract::$suite::$promise(&$fresh());
                }
            )+)+
        }
    };
}

/// The suites of the repositories, each in a module of its own, over `fn() -> Repositories`.
#[macro_export]
macro_rules! repositories_contract {
    ($fresh:expr) => {
        $crate::user_repository_contract!($fresh);
        $crate::session_repository_contract!($fresh);
        $crate::avatar_repository_contract!($fresh);
        $crate::file_repository_contract!($fresh);
        $crate::trash_repository_contract!($fresh);
        $crate::favourite_repository_contract!($fresh);
        $crate::blob_repository_contract!($fresh);
        $crate::upkeep_repository_contract!($fresh);
        $crate::audit_log_contract!($fresh);
        $crate::usage_repository_contract!($fresh);
        $crate::recommend_contract!($fresh);
        $crate::once_repository_contract!($fresh);
    };
}

//! Places at which another thread may come first: decorators that call a hook before and after each call
//! of a port, over whatever adapter. What the hook does, a pause of chance for example, is a matter of the
//! test; this crate never sleeps.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use kms_domain::files::BlobStore;
//! use kms_testkit::memory::MemoryBlobStore;
//! use kms_testkit::pauses::{Pauses, PausingBlobStore};
//!
//! let places = Arc::new(AtomicUsize::new(0));
//! let count = Arc::clone(&places);
//! let pauses = Pauses::new(move || {
//!     count.fetch_add(1, Ordering::Relaxed);
//! });
//! let store = PausingBlobStore::new(Arc::new(MemoryBlobStore::new()), &pauses);
//! let mut staged = store.stage().unwrap();
//! staged.write(b"x").unwrap();
//! assert_eq!(places.load(Ordering::Relaxed), 4);
//! ```

mod repositories;
mod store;
mod upkeep;

use std::fmt;
use std::sync::Arc;

pub use repositories::{PausingBlobRepository, PausingFileRepository};
pub use store::PausingBlobStore;
pub use upkeep::{PausingBlobInventory, PausingBlobTrash, PausingUpkeepRepository};

/// What happens between the steps. Clones share it.
#[derive(Clone)]
pub struct Pauses(Arc<dyn Fn() + Send + Sync>);

impl Pauses {
    /// Has `hook` called on the thread that is about to take a step, or has just taken one. With an
    /// adapter that answers from a thread of its own, that is this one.
    pub fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    /// One place.
    pub fn pause(&self) {
        (self.0)();
    }

    fn around<T>(&self, step: impl FnOnce() -> T) -> T {
        self.pause();
        let done = step();
        self.pause();
        done
    }
}

impl fmt::Debug for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pauses")
    }
}

/// A decorator around one port, with the constructor that all of them have.
macro_rules! decorator {
    ($(#[$doc:meta])* $name:ident, $port:ident) => {
        $(#[$doc])*
        pub struct $name {
            inner: std::sync::Arc<dyn $port>,
            pauses: $crate::pauses::Pauses,
        }

        impl $name {
            /// Puts `pauses` around the calls of `inner`.
            #[must_use]
            pub fn new(
                inner: std::sync::Arc<dyn $port>,
                pauses: &$crate::pauses::Pauses,
            ) -> Self {
                Self {
                    inner,
                    pauses: pauses.clone(),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}
use decorator;

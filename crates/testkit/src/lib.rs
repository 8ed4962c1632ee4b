//! For tests only: what the other crates test themselves with.
//!
//! - [`memory`]: every port in memory, plus a clock that stands still, ids and tokens that repeat
//!   from run to run, and a password hasher that takes no time.
//! - [`contract`]: one suite per port. An adapter is finished when it passes, the ones in
//!   [`memory`] included, so that a use case tested over memory behaves the same over a database.
//! - [`faults`]: decorators that fail the k-th call, for tests that go through every k.
//! - [`pauses`]: decorators with places around every call at which another thread may come first.
//! - [`builders`]: accounts, entries and content with sensible defaults.
//!
//! **What this crate refuses.** No other crate may depend on it outside `[dev-dependencies]`. It
//! knows the ports and no adapter but its own: whoever tests an adapter hands it in. It does no
//! I/O, never sleeps, and takes no randomness, so that a failure comes back when it is run again.
//!
//! **Adding a port.** Give it an adapter in [`memory`], a suite in [`contract`] (its page says
//! how), and a decorator in [`faults`] if it can fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "all of it runs in tests, where a panic is how a broken promise is told"
)]

pub mod builders;
pub mod contract;
pub mod faults;
pub mod memory;
pub mod pauses;

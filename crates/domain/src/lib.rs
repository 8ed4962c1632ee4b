//! The rules of KMS Server, without any I/O.
//!
//! Its modules: [`users`] (accounts, sessions, avatars), [`files`] (the deduplicated store),
//! [`recommend`] (what somebody may like),
//! [`upkeep`] (looking after content), [`audit`] (the audit log), [`throttle`] (who has to wait) and
//! [`codes`] (the one table of response codes). Each holds its value objects, its ports and its use cases
//! side by side.
//!
//! **What this crate refuses.** It knows no database, no HTTP, no file system, no environment and
//! no clock: time, ids, tokens and passwords' hashes come in through ports, which are synchronous
//! traits and may block. Its dependencies are std, `thiserror`, `uuid` and pure hashes, and a test
//! (`tests/purity.rs`) fails when that changes.
//!
//! **Adding a use case.** Parse every raw value into a value object at the edge, take [`users::Actor`]
//! first when the use case needs to know who asks, return an outcome enum for what a caller can
//! expect and an error only for what could not be answered, and give every variant its code in
//! [`codes`].
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        reason = "tests compare sizes of literals they chose"
    )
)]

pub mod audit;
pub mod codes;
pub mod files;
mod ports;
pub mod recommend;
#[cfg(test)]
mod test_doubles;
pub mod throttle;
pub mod upkeep;
pub mod users;
mod utc;

pub use ports::{
    Clock, Done, IdSource, OneState, PortError, PortErrorKind, Timestamp, wait_for, with_causes,
};
pub use utc::Utc;

//! Adapters for the ports of `kms-domain`: SQLite, a folder on disk, bcrypt, the system's clock and
//! its randomness.
//!
//! | port | adapter |
//! |---|---|
//! | every `…Repository`, `AuditLog` | [`sqlite`], one file each |
//! | `BlobStore`, `BlobTrash` | [`disk::DiskBlobStore`] |
//! | `BlobInventory` | [`disk::DiskInventory`] |
//! | `PasswordHasher` | [`BcryptHasher`] |
//! | `Clock`, `IdSource`, `TokenSource` | [`SystemClock`], [`RandomIds`], [`RandomTokens`] |
//!
//! [`Installation`] puts all of them together: three lines open a data folder and give the use cases over it, without
//! HTTP (`examples/embed.rs`).
//!
//! **What this crate refuses.** It decides nothing: no rule about accounts or files is here, only
//! how their state is kept. It knows no HTTP and no async runtime; every call may block. It reads no
//! environment and no configuration file: what varies comes in through constructors. It repairs
//! nothing by itself: a damaged database or a newer schema is a refusal to open. [`carry_out_notes`] is
//! no repair: it finishes what was acknowledged, out of notes that are whole, and touches nothing that is
//! damaged.
//!
//! **Adding an adapter.** Name it technology + port, keep rows and rich errors private, turn the
//! latter into a `PortError` that holds them as its source, and add it to `tests/contract.rs`: it is
//! finished when the shared suite of its port passes.
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        reason = "tests compare sizes of literals they chose"
    )
)]

pub mod backup;
mod bcrypt;
pub mod disk;
mod installation;
mod random;
mod redo;
mod sabotage;
pub mod sqlite;
mod system;
mod threads;

pub use bcrypt::BcryptHasher;
pub use installation::{
    Installation, InstallationError, Rules, UseCases, accounts, audit, collector, learner, purger,
    reserve,
};
pub use redo::{CarriedOut, RedoError, carry_out_notes};
#[cfg(feature = "sabotage")]
pub use sabotage::{DoomsLater, announce as announce_sabotage};
pub use system::{RandomIds, RandomTokens, SystemClock};

/// Has the code of the README compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! The HTTP edge of KMS Server: a thin actix-web adapter over the use cases of `kms-domain`.
//!
//! A request passes through few hands: [`intake`] turns its bytes into fields, a handler in
//! `routes` turns the fields into domain types, [`offload`] runs the use case where blocking is
//! allowed, and `answer` writes it. A handler is three steps: parse, run, render.
//!
//! **What this crate refuses.** It names no database and no disk: only the binary's `main.rs` and
//! `wiring.rs` know `kms-infra`. It decides nothing about accounts and files; called from a
//! command line instead of HTTP, every rule would still hold.
//!
//! **Adding an endpoint.** One file in `routes` with its fields, its reply and its handler, one
//! line in the table of `routes`, a section in `docs/API.md`, a case in the end-to-end suite; the
//! checklist is `docs/howto/add-an-endpoint.md`.

#[cfg(test)]
extern crate self as kms_api;

mod answer;
mod app;
mod append;
mod blocks;
mod call;
pub mod cli;
pub mod config;
mod connection;
pub mod cors;
mod download;
mod engine;
mod error;
mod expect;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod in_flight;
#[cfg(any(test, feature = "fuzzing"))]
pub mod inprocess;
pub mod intake;
mod middleware;
pub mod network;
pub mod offload;
mod openapi;
mod origin;
mod overrun;
mod quota;
mod receive;
mod routes;
mod server;
mod spool;
mod staging;
mod zip;

pub use app::{Admission, App, Limits, Services};
pub use openapi::{Facts, Operation, document};
pub use routes::{Endpoint, endpoints};
pub use server::{Server, ServerConfig};

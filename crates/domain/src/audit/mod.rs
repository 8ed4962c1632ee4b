//! The audit log: what happened to accounts and sessions, who was refused, what operators did.
//!
//! What succeeded is recorded in the transaction of what it tells of: repositories take the event.
//! Refusals go through [`Audit`], which bounds how many of them become rows.

#[cfg(test)]
pub(crate) mod double;
mod event;
mod log;
mod network;
mod refusals;
mod service;

pub use event::{AuditEvent, AuditKind, Origin};
pub use log::{AuditId, AuditLog, AuditQuery, RecordedEvent};
pub use network::{Network, NetworkError};
pub use refusals::RefusalPolicy;
pub use service::{Audit, LoginFailure};

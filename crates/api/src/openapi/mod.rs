//! The OpenAPI document of `/app` and `/api/v1`, made of what the code itself uses: the paths and methods are those of
//! the tables that register them, codes and messages those of `kms_domain::codes`, limits those of the domain's types,
//! and a reply's schema is that of the struct which is written. What only people can say stands as an
//! [`Operation`] beside each handler; a route without one does not compile.
//!
//! The model is small and our own, because the requests here are read by a scanner and not by serde, so that what a
//! derive could see is not what is true of them (`docs/adr/0025`).

mod document;
mod kinds;
mod model;
mod reply;
mod request;
mod response;

pub use document::document;
pub use kinds::Facts;
pub(crate) use kinds::{
    BIRTH, BOOL, COUNT, DATA, EMAIL, FID, Kind, LABEL, MD5, MOMENT, NAME, NEW_PASSWORD, PASSWORD,
    PHONE, SHA256, SUMMARY, TEXT, TITLE, TOKEN, UUID,
};
pub use model::Operation;
pub(crate) use model::{
    Access, Body, Header, Parameter, TOKEN_FIELD, Tag, answer, example, optional, plain, required,
    sample,
};
pub(crate) use reply::{Described, and, arrays, described, object};

#[cfg(test)]
mod tests;

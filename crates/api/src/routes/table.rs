//! What the route tables have in common. A table is written once, by a macro that makes of it both what the
//! server registers and what a test can read: a route that no test knows of is found by one that counts.

use crate::openapi::Operation;

/// A path that the server knows.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// As it is registered; `{fid}` stands for any one segment.
    pub path: &'static str,
    /// The methods that it knows, as `Allow` names them.
    pub methods: &'static str,
    /// What each method does, with its name in lower case.
    pub operations: &'static [(&'static str, &'static Operation)],
}

/// The description of a handler: the constant `OPERATION` beside it, or another one that is named.
macro_rules! operation_of {
    ($module:ident) => {
        &$module::OPERATION
    };
    ($module:ident, $name:ident) => {
        &$module::$name
    };
}
pub(super) use operation_of;

/// Every route there is. For tests that must leave none out.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    super::ROUTES
        .iter()
        .chain(super::v1::ROUTES)
        .chain(super::docs::ROUTES)
}

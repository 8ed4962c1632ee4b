//! What the tests speak in: servers, people, files and answers.

pub(crate) mod answer;
pub(crate) mod blobs;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod data;
pub(crate) mod document;
pub(crate) mod dump;
pub(crate) mod mount;
pub(crate) mod reply;
pub(crate) mod server;
pub(crate) mod upkeep;
pub(crate) mod user;
pub(crate) mod wait;
pub(crate) mod wire;

pub(crate) use answer::Answer;
pub(crate) use body::{Encoded, Format};
pub(crate) use client::Client;
pub(crate) use data::{Person, bytes, md5_hex, sha256_hex};
pub(crate) use mount::Mount;
pub(crate) use reply::Reply;
pub(crate) use server::Server;
pub(crate) use upkeep::collect_all;
pub(crate) use user::User;
pub(crate) use wait::{at_once, tick, until};
pub(crate) use wire::Wire;

/// The paths of the contract and of its continuation. That none is missing, and none is there that nobody knows
/// of, is for [`crate::rights`] to say.
pub(crate) fn contract_paths() -> impl Iterator<Item = &'static str> {
    let paths = kms_api::endpoints().map(|endpoint| endpoint.path);
    paths.filter(|path| path.starts_with("/app/"))
}

//! End to end: the contract over a real socket, against the real binary, as a stranger reads it.
//!
//! Nothing here knows how the server is made; only the list of its routes is its own, so that no test
//! leaves one out. Codes, texts and statuses are written out once more in [`harness::answer`], each test
//! has a server of its own in a folder of its own, and every single answer is checked for the envelope and
//! the headers that all answers have. A server that is stopped must leave nothing staged and nothing in its
//! log that looks like a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "all of this is a test, in which the first surprise ends the test"
)]

mod harness;

mod accounts;
mod audit;
mod avatars;
mod backup;
mod backup_disk;
mod bad_input;
mod bad_input_fields;
mod bad_input_http;
mod bad_input_slow;
mod bad_input_state;
mod bad_json;
mod base64_forms;
mod connections;
mod cors;
mod crash;
mod damage;
mod documented;
mod entries;
mod every_code;
mod expect;
mod favourites;
mod fields;
mod formats;
mod full_disk;
mod headers;
mod instant;
mod limits;
mod lists;
mod logins;
mod model;
mod modify;
mod operator;
mod overload;
mod quotas;
mod read_only;
mod restart;
mod rights;
mod routes;
mod secrets;
mod see;
mod sessions;
mod shutdown;
mod throttles;
mod transfers;
mod trash;
mod trouble;
mod upkeep;
mod uploads;
mod v1_accounts;
mod v1_avatars;
mod v1_claims;
mod v1_conditions;
mod v1_content;
mod v1_create;
mod v1_delete;
mod v1_entries;
mod v1_feeds;
mod v1_forms;
mod v1_lists;
mod v1_once;
mod v1_problems;
mod v1_ranges;
mod v1_shown;
mod v1_zip;
mod visibility;

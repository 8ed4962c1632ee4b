//! What an operator does to a data folder.

use super::Server;

/// Collects everything that nothing refers to, however young: nobody uploads to a server that is
/// stopped.
#[track_caller]
pub(crate) fn collect_all(stopped: &Server) {
    let ages = ["--gc-grace", "0s", "--stray-age", "0s", "--trash-age", "0s"];
    let gc = [&["gc", "--apply"], &ages[..]].concat();
    let output = stopped.command(&gc, "");
    assert!(output.status.success(), "{output:?}");
}

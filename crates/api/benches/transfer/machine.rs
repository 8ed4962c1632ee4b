//! What the figures were measured on, and what keeps one measurement out of the next.

use std::fs::{self, File};
use std::path::Path;

use crate::nginx;
use crate::settings::Settings;

/// The lines above the tables.
pub(crate) fn describe(settings: &Settings) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|_| "unknown".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let nginx = nginx::version().unwrap_or_else(|| "none".to_owned());
    println!(
        "{cores} cores, Linux {}, nginx {nginx}, load before the run {}; client and servers share the cores.",
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").trim(),
    );
    println!(
        "Medians of {} rounds, alternating, after one that is not counted. MB is 10^6 bytes of content.",
        settings.rounds
    );
    let folder = rustix::fs::statfs(std::env::temp_dir()).unwrap();
    // tmpfs, where syncing does nothing.
    if folder.f_type == 0x0102_1994 {
        println!("\nThe temporary folder is in memory: durable means nothing here. Set TMPDIR.");
    }
}

/// Stops the run when the temporary folder has no room for `bytes`.
pub(crate) fn need_space(part: &str, bytes: u64) {
    let folder = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    let free = folder.f_bavail * folder.f_frsize;
    assert!(
        free > bytes,
        "{part} need {} MiB in the temporary folder, and {} are free: set TMPDIR or KMS_BENCH_SIZE",
        bytes >> 20,
        free >> 20
    );
}

/// Writes out what a server that does not sync has left to be written, so that nobody else's sync
/// pays for it.
pub(crate) fn settle(folder: &Path) {
    rustix::fs::syncfs(File::open(folder).unwrap()).unwrap();
}

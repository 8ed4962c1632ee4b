//! Threads that adapters have for themselves.

use std::thread::JoinHandle;

/// Waits for a thread that has been told to end, unless it is the calling one: whoever it has answered last
/// may have been the last to hold what it belongs to. `what` is told if it has panicked.
pub(crate) fn join(thread: Option<JoinHandle<()>>, what: &'static str) {
    let Some(thread) = thread else {
        return;
    };
    let is_own = thread.thread().id() == std::thread::current().id();
    if !is_own && thread.join().is_err() {
        tracing::error!("{what} panicked");
    }
}

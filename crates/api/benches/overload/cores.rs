//! Which cores the server has, and which the process that sends.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Those that this process had at first.
static ALL: OnceLock<Vec<usize>> = OnceLock::new();

/// Starts a server that has the first half of the cores, and leaves this thread the second. Whoever sends at a
/// fixed rate takes from a server on the same cores what it needs for that, and measures itself. Where there is one
/// core, both share it.
pub(crate) fn apart<T>(start: impl FnOnce() -> T) -> T {
    let cores = ALL.get_or_init(|| {
        let all = sched_getaffinity(None).unwrap();
        (0..CpuSet::MAX_CPU)
            .filter(|core| all.is_set(*core))
            .collect()
    });
    let (first, second) = cores.split_at(cores.len() / 2);
    if first.is_empty() {
        return start();
    }
    // A process inherits what the thread has that starts it.
    confine(first);
    let started = start();
    confine(second);
    started
}

fn confine(cores: &[usize]) {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).unwrap();
}

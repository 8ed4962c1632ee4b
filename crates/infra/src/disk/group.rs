//! One sync of the file system for everybody who waits for one.
//!
//! Publishing a small file takes a sync of its bytes and one of each folder that got a new name.
//! One `syncfs` does all of that for all uploads that are ready, as the writer's commits do for
//! rows.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::sync::{SyncError, SyncGate, is_full};

/// Asks the device to keep everything that was written to a file system.
type FsSyncer = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// Makes what its callers have done durable, many of them at once.
pub(crate) struct GroupSync {
    state: Mutex<State>,
    over: Condvar,
    syncer: FsSyncer,
}

#[derive(Default)]
struct State {
    running: bool,
    /// Syncs that have begun, and the number of those when the last one that is over had begun.
    begun: u64,
    over: u64,
    /// Syncs that failed.
    failures: u64,
}

/// When somebody began to write: what was lost since then may be his.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(u64);

/// File systems whose `syncfs` reaches the device and tells of its errors, by the numbers that
/// `statfs(2)` has for them: ext4, XFS, Btrfs, F2FS, ZFS; and tmpfs, which has no device.
const TRUSTED: [u64; 6] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0x0102_1994,
];

impl GroupSync {
    /// Syncs the file system that `folder` is on. `None` where the answer could not be trusted:
    /// before Linux 5.8, `syncfs` did not tell of bytes that could not be written, and what stands
    /// between us and the device, in user space or as an overlay, need not hand it through.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
        if !tells_of_lost_bytes(&release) {
            return None;
        }
        let folder = File::open(folder).ok()?;
        let kind = u64::try_from(rustix::fs::fstatfs(&folder).ok()?.f_type).ok()?;
        if !TRUSTED.contains(&kind) {
            return None;
        }
        Some(Self::with(Box::new(move || {
            Ok(rustix::fs::syncfs(&folder)?)
        })))
    }

    pub(super) fn with(syncer: FsSyncer) -> Self {
        Self {
            state: Mutex::default(),
            over: Condvar::new(),
            syncer,
        }
    }

    /// To be asked before the first byte is written that a [`sync`](Self::sync) is to cover.
    pub(crate) fn now(&self) -> Since {
        Since(self.lock().failures)
    }

    /// Returns when everything is durable that was done before the call. Blocks.
    ///
    /// The kernel tells of lost bytes once, and not whose they were. So a failure is everybody's who
    /// had begun to write by then, those included who ask later.
    ///
    /// # Errors
    /// When a sync since `since` has failed, or the gate is closed.
    pub(crate) fn sync(&self, gate: &SyncGate, since: Since) -> Result<(), SyncError> {
        gate.check()?;
        let mut state = self.lock();
        // A sync that is running may have begun before the caller's last write.
        let wanted = state.begun.saturating_add(1);
        loop {
            if state.failures != since.0 {
                gate.check()?;
                return Err(SyncError::Failed(io::ErrorKind::StorageFull.into()));
            }
            if state.over >= wanted {
                return Ok(());
            }
            if state.running {
                state = self
                    .over
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.running = true;
            state.begun = state.begun.saturating_add(1);
            drop(state);
            let result = (self.syncer)();
            state = self.lock();
            state.running = false;
            state.over = state.begun;
            if let Err(error) = result {
                state.failures = state.failures.saturating_add(1);
                if !is_full(&error) {
                    gate.close(&error);
                }
            }
            self.over.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tells_of_lost_bytes(release: &str) -> bool {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse::<u32>().unwrap_or(0));
    let major = numbers.next().unwrap_or(0);
    let minor = numbers.next().unwrap_or(0);
    (major, minor) >= (5, 8)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    fn fails_with(kind: io::ErrorKind) -> GroupSync {
        GroupSync::with(Box::new(move || Err(kind.into())))
    }

    #[test]
    fn who_comes_while_a_sync_runs_waits_for_the_next_one_and_shares_it() {
        let calls = Arc::new(AtomicUsize::new(0));
        let (entered, enters) = channel();
        let (release, released) = channel::<()>();
        let (counted, released) = (Arc::clone(&calls), Mutex::new(released));
        let group = Arc::new(GroupSync::with(Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            entered.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
            Ok(())
        })));
        let gate = Arc::new(SyncGate::new());
        let ask = || {
            let (group, gate) = (Arc::clone(&group), Arc::clone(&gate));
            thread::spawn(move || group.sync(&gate, group.now()).is_ok())
        };
        let first = ask();
        enters.recv().unwrap();
        let others: Vec<_> = (0..10).map(|_| ask()).collect();
        release.send(()).unwrap();
        assert!(first.join().unwrap());
        // From here on no sync waits: each further one would be counted.
        drop(release);
        for other in others {
            assert!(other.join().unwrap());
        }
        // Those who had asked before the second one began share it; a late thread takes a third.
        assert!((2..=11).contains(&calls.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_failure_is_everybodys_who_had_begun_and_nobodys_who_begins_later() {
        let fail = Arc::new(AtomicUsize::new(1));
        let failing = Arc::clone(&fail);
        let group = GroupSync::with(Box::new(move || match failing.swap(0, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }));
        let gate = SyncGate::new();
        let (one, two) = (group.now(), group.now());
        group.sync(&gate, one).unwrap_err();
        group.sync(&gate, two).unwrap_err();
        group.sync(&gate, group.now()).unwrap();
    }

    #[test]
    fn lost_bytes_close_the_gate_and_a_full_disk_does_not() {
        let gate = SyncGate::new();
        let full = fails_with(io::ErrorKind::StorageFull);
        let error = full.sync(&gate, full.now()).unwrap_err();
        assert!(matches!(error, SyncError::Failed(e) if is_full(&e)));
        gate.check().unwrap();
        let broken = fails_with(io::ErrorKind::Other);
        let error = broken.sync(&gate, broken.now()).unwrap_err();
        assert!(matches!(error, SyncError::Closed));
        gate.check().unwrap_err();
    }

    #[test]
    fn kernels_that_keep_lost_bytes_to_themselves_are_known() {
        for (release, tells) in [
            ("6.18.44-generic", true),
            ("5.8.0", true),
            ("5.7.19", false),
            ("4.19.0-27-amd64", false),
            ("", false),
        ] {
            assert_eq!(tells_of_lost_bytes(release), tells, "{release}");
        }
    }
}

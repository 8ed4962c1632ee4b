//! A restore that does not get to its end: it is killed, or refused by the disk, at each system call that
//! writes. Whatever it leaves, nobody takes it for a data folder, and restoring again succeeds.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::NamedTempFile;

use super::dice::Dice;
use super::strace::{Fault, calls, strace};
use super::{SETTINGS, chosen};
use crate::harness::server::run_to_end;
use crate::harness::{Server, User, bytes};

/// Points that are tried in a run of all tests; 0 tries all.
const POINTS: u64 = 12;

/// A backup, and what must come out of it.
struct Scene {
    server: Server,
    user: User,
    files: Vec<(String, Vec<u8>)>,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let server = Server::with(SETTINGS);
        let user = server.new_user();
        let files = [500, 3000, 40_000, 70_000, 300_000, 600_000]
            .iter()
            .zip(1..)
            .map(|(size, seed)| {
                let content = bytes(seed, *size);
                (user.hide("file", &content), content)
            })
            .collect();
        user.set_avatar(b"a picture").expect_code(120);
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        let output = server.command(&["backup", backup.to_str().unwrap()], "");
        assert!(output.status.success(), "{output:?}");
        Self {
            server,
            user,
            files,
            folder,
        }
    }

    /// The folder of the server that the backup is restored for.
    fn place(&self) -> PathBuf {
        self.folder.path().join("place")
    }

    fn arguments(&self) -> [String; 4] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            "restore".to_owned(),
            "--data-dir".to_owned(),
            text(self.place().join("data")),
            text(self.folder.path().join("backup")),
        ]
    }

    /// Restores under strace, which may put a fault. What was seen of it.
    fn restore_with(&self, fault: Option<String>) -> (Output, String) {
        let seen = NamedTempFile::new().unwrap();
        let plain = self.server.how_to_start();
        let mut command = strace(seen.path());
        // It is our own child, and not strace's.
        command.args(["-D", "-f"]).args(fault);
        command
            .arg(plain.get_program())
            .args(self.arguments())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = fs::read(seen.path()).unwrap();
        (output, String::from_utf8_lossy(&text).into_owned())
    }

    fn restore(&self) -> Output {
        run_to_end(self.folder.path(), &[], &self.arguments(), "")
    }

    /// Clears away what a restore has left, and looks at it: whether it was the whole.
    #[track_caller]
    fn expect_nothing_half(&self, ended: &Output) -> bool {
        let data = self.place().join("data");
        if data.join("restoring").exists() {
            assert!(!ended.status.success(), "{ended:?}");
            let start = run_to_end(&self.place(), &[], &["--listen", "127.0.0.1:0"], "");
            for refused in [start, self.restore()] {
                assert!(!refused.status.success(), "{refused:?}");
                let told = String::from_utf8(refused.stderr).unwrap();
                assert!(told.contains("did not come to its end"), "{told}");
                assert!(told.contains("restore again"), "{told}");
            }
            // As it says, and as OPERATIONS.md does.
            fs::remove_dir_all(&data).unwrap();
            return false;
        }
        let is_whole = data.join("kms.db").exists();
        if !is_whole {
            assert!(!ended.status.success(), "{ended:?}");
            let left = names(&data);
            assert!(left.is_empty() || left == ["LOCK"], "{left:?}");
        }
        is_whole
    }

    /// A server on the restored folder has everything.
    #[track_caller]
    fn check_restored(&self) {
        let server = Server::in_folder(&self.place(), SETTINGS);
        let user = server.client().sign_in(&self.user.person);
        assert_eq!(user.own().len(), self.files.len());
        for (fid, content) in &self.files {
            assert!(user.read(fid) == *content);
        }
        assert_eq!(user.get_avatar().expect_code(121).data(), b"a picture");
        user.hide("more", b"more");
        let output = server.command(&["fsck"], "");
        assert!(output.status.success(), "{output:?}");
    }
}

/// What is in a folder, if it is there.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_restore_that_does_not_get_far_is_taken_for_nothing_and_can_be_repeated() {
    let tried = strace(Path::new("/dev/null")).arg("true").output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no faults at restores: strace is not there, or may not trace");
        return;
    }
    let mut dice = Dice::announced("restores", "KMS_SYSCALL_SEED");
    let scene = Scene::new();
    fs::create_dir(scene.place()).unwrap();
    let (output, seen) = scene.restore_with(None);
    assert!(output.status.success(), "{output:?}");
    scene.check_restored();
    let data = scene.place().join("data");
    let found = calls(&seen, data.to_str().unwrap());
    let on_data = found.into_iter().filter(|call| call.is_on_data);
    let points: BTreeSet<_> = on_data.map(|call| (call.name, call.ordinal)).collect();
    assert!(!points.is_empty(), "a restore writes nothing:\n{seen}");
    let all: Vec<_> = Fault::ALL
        .iter()
        .flat_map(|fault| points.iter().map(|point| (*fault, point.clone())))
        .filter(|(fault, (call, _))| fault.is_safe_at(call))
        .collect();
    let there_are = all.len();
    let tried = dice.choose(all, chosen("KMS_SYSCALL_POINTS", POINTS));
    let mut ends = 0;
    for (fault, (call, ordinal)) in &tried {
        let _ = fs::remove_dir_all(&data);
        let (ended, seen) = scene.restore_with(Some(fault.option(call, *ordinal)));
        let point = format!("{fault:?} at {call} {ordinal}: {ended:?}\n{seen}");
        if *fault == Fault::Kill && !ended.status.success() {
            assert_eq!(ended.status.signal(), Some(9), "{point}");
        }
        ends += u64::from(!ended.status.success());
        let is_sync = call.contains("sync") && call != "sync_file_range";
        let failed_to_sync = *fault != Fault::Kill && is_sync && seen.contains("(INJECTED)");
        assert!(!failed_to_sync || !ended.status.success(), "{point}");
        if !scene.expect_nothing_half(&ended) {
            let again = scene.restore();
            assert!(again.status.success(), "{again:?} after {point}");
        }
        scene.check_restored();
    }
    let wanted = tried.len();
    eprintln!("restores: {ends} did not get far, of {wanted} tried, of {there_are} there are");
    assert!(ends > 0, "no restore met a fault");
}

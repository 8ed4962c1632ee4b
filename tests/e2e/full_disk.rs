//! A disk that is full: a small file system in memory, for which the test has to run as root.

use std::path::Path;
use std::process::Command;

use crate::harness::{Server, User, bytes};

/// A file system of its own, gone at the end.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, said aloud, where nothing can be mounted.
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self(folder);
        if disk.mount_with(options) {
            return Some(disk);
        }
        eprintln!("skipped: no file system can be mounted here (are you root?)");
        None
    }

    fn mount_with(&self, options: &str) -> bool {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(self.path())
            .output();
        mounted.is_ok_and(|output| output.status.success())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn fill(user: &User) -> Vec<(String, Vec<u8>)> {
    let mut stored = Vec::new();
    for n in 0..1000 {
        let content = bytes(n, 400_000);
        let reply = user.create("name=a", &content);
        match reply.status {
            201 => {
                let fid = reply.json()["fid"].as_str().unwrap().to_owned();
                stored.push((fid, content));
            }
            507 => return stored,
            _ => panic!("{reply:?}"),
        }
    }
    panic!("the disk does not fill");
}

#[test]
fn a_full_disk_refuses_uploads_lets_delete_and_recovers_by_itself() {
    let Some(disk) = Disk::mount("size=24m") else {
        return;
    };
    let data = disk.path().join("data");
    let server = Server::with(&[
        ("KMS_DATA_DIR", data.to_str().unwrap()),
        ("KMS_RESERVE", "4MiB"),
        ("KMS_GC_INTERVAL", "100ms"),
        ("KMS_GC_GRACE", "0s"),
    ]);
    let user = server.new_user();
    for _ in 0..2 {
        let stored = fill(&user);
        assert!(stored.len() > 10, "{} files", stored.len());
        // Small ones as well, and for as long as there is no room.
        user.upload("small", b"small").expect_bare(9);
        for (fid, content) in &stored {
            assert!(user.read(fid) == *content);
        }
        for (fid, _) in &stored {
            user.delete(fid).expect_status(204);
        }
        crate::harness::until("there is room again", || {
            user.create("name=b", b"after all").status == 201
        });
    }
    let output = server.command(&["fsck"], "");
    assert!(output.status.success(), "{output:?}");
    assert!(!user.own().is_empty());
}

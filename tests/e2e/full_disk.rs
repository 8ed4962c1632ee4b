//! A disk that is full: a small file system in memory, for which the test has to run as root.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde_json::json;

use crate::harness::{Mount, Server, User, bytes};

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
    let Some(disk) = Mount::memory("size=24m") else {
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
        let lost = user.client.sign_in(&user.person);
        let stored = fill(&user);
        assert!(stored.len() > 10, "{} files", stored.len());
        // Whatever else stores is refused and changes nothing, or it is done.
        let favourite = json!({"fid": stored[0].0});
        let code = user.post("/app/user/favorite", favourite.clone()).code();
        assert!(code == 160 || code == 9, "{code}");
        let kept = user.post("/app/user/favorite", json!({})).json["total"].clone();
        assert_eq!(kept == 1, code == 160);
        let cancel = json!({"fid": stored[0].0, "cancel": true});
        let code = if code == 160 { 162 } else { 163 };
        user.post("/app/user/favorite", cancel).expect_bare(code);
        // Small ones as well, and for as long as there is no room.
        user.upload("small", b"small").expect_bare(9);
        for (fid, content) in &stored {
            assert!(user.read(fid) == *content);
        }
        // A session in the wrong hands can be ended however full the disk is.
        let revoke = json!({"revoke": "others"});
        user.post("/app/user/sessions", revoke).expect_bare(0);
        lost.info().expect_bare(3);
        for (fid, _) in &stored {
            user.erase(fid);
        }
        crate::harness::until("there is room again", || {
            user.create("name=b", b"after all").status == 201
        });
    }
    let output = server.command(&["fsck"], "");
    assert!(output.status.success(), "{output:?}");
    assert!(!user.own().is_empty());
}

/// Power went, and what takes room to be made anew is gone: the shared memory of the database. Nothing
/// is left of the disk.
fn lose_power_on_a_full_disk(server: &mut Server, filler: &Path) {
    server.kill();
    fs::remove_file(server.data_dir().join("kms.db-shm")).unwrap();
    let mut file = File::create(filler).unwrap();
    let piece = [0; 4096];
    let full = loop {
        if let Err(error) = file.write_all(&piece) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
}

#[test]
fn a_start_on_a_full_disk_after_a_power_cut_takes_the_reserve() {
    let Some(disk) = Mount::memory("size=24m") else {
        return;
    };
    let settings = [("KMS_RESERVE", "4MiB"), ("KMS_GC_INTERVAL", "100ms")];
    let mut server = Server::in_folder(&disk.path(), &settings);
    let user = server.new_user();
    let content = bytes(1, 400_000);
    let fid = user.publish("file", &content);
    let filler = disk.path().join("filler");
    lose_power_on_a_full_disk(&mut server, &filler);
    server.start_again();
    server.wait_for_log("the reserve was given back");
    assert!(user.read(&fid) == content);
    user.upload("more", &bytes(2, 1000)).expect_bare(9);
    user.delete(&fid).expect_status(204);
    fs::remove_file(filler).unwrap();
    crate::harness::until("there is room again", || {
        user.create("name=b", b"after all").status == 201
    });
}

#[test]
fn a_start_on_a_full_disk_without_a_reserve_says_what_it_lacks() {
    let Some(disk) = Mount::memory("size=24m") else {
        return;
    };
    let mut server = Server::in_folder(&disk.path(), &[("KMS_RESERVE", "0")]);
    let user = server.new_user();
    let content = bytes(1, 400_000);
    let fid = user.publish("file", &content);
    let filler = disk.path().join("filler");
    lose_power_on_a_full_disk(&mut server, &filler);
    for arguments in [&["--listen", "127.0.0.1:0"][..], &["fsck"]] {
        let output = server.command(arguments, "");
        assert!(!output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("the disk is full"), "{told}");
        assert!(told.contains(disk.path().to_str().unwrap()), "{told}");
    }
    fs::remove_file(filler).unwrap();
    server.start_again();
    assert!(user.read(&fid) == content);
}

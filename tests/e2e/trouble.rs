//! What the operator's commands find where not all is as a server left it: folders that are missing,
//! disks that are away, databases that are damaged, a backup that is under way.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::harness::server::run_to_end;
use crate::harness::{Server, bytes, md5_hex};

/// A server that does nothing by itself, and for which everything is old at once.
fn server() -> Server {
    Server::with(&[
        ("KMS_GC_INTERVAL", "0s"),
        ("KMS_SCRUB_RATE", "0B"),
        ("KMS_GC_GRACE", "0s"),
    ])
}

/// The lines of a command that answers JSON, and its exit status.
#[track_caller]
fn json(server: &Server, arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output = server.command(arguments, "");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.collect(), output.status.code())
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn commands_make_no_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let run = |arguments: &[&str]| run_to_end(folder.path(), &Vec::new(), arguments, "geheim-1\n");
    let backup = folder.path().join("backup");
    let commands: [(&[&str], i32); 7] = [
        (&["fsck"], 2),
        (&["gc"], 1),
        (&["gc", "--apply"], 1),
        (&["user", "list"], 1),
        (&["user", "add", "--phone", "13800138000", "--name", "a"], 1),
        (&["user", "passwd", "--phone", "13800138000"], 1),
        (&["backup", backup.to_str().unwrap()], 2),
    ];
    for is_there in [false, true] {
        if is_there {
            fs::create_dir(&data).unwrap();
        }
        for (command, code) in commands {
            let output = run(command);
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            assert!(told(&output).contains("kms.db"), "{output:?}");
            assert_eq!(data.exists(), is_there, "{command:?}");
            assert!(!is_there || names(&data).is_empty(), "{command:?}");
        }
    }
    // A server has begun to make one and did not come far.
    let database = data.join("kms.db");
    fs::write(&database, "").unwrap();
    for (command, code) in [commands[0], commands[1], commands[6]] {
        let output = run(command);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(told(&output).contains("no server has made"), "{output:?}");
        if command != commands[6].0 {
            assert!(fs::read(&database).unwrap().is_empty(), "{command:?}");
        }
    }
    fs::write(&database, "no database").unwrap();
    assert_eq!(run(&["fsck"]).status.code(), Some(2));
}

#[test]
fn a_damaged_database_is_a_finding_and_is_left_as_it_is() {
    let mut server = server();
    let user = server.new_user();
    for seed in 0..300 {
        user.publish("a", &bytes(seed, 50));
    }
    server.stop();
    let database = server.data_dir().join("kms.db");
    let sound = fs::read(&database).unwrap();
    let mut cut = sound.clone();
    cut.truncate(sound.len() / 2 / 4096 * 4096);
    let mut changed = sound.clone();
    // All but the first page, in which the schema is.
    changed[4096..].fill(0xff);
    for broken in [cut, changed] {
        fs::write(&database, &broken).unwrap();
        let (lines, code) = json(&server, &["fsck", "--json"]);
        assert_eq!(code, Some(1), "{lines:?}");
        let (summary, findings) = lines.split_last().unwrap();
        assert_eq!(summary["findings"], findings.len());
        assert_eq!(findings[0]["finding"], "database", "{findings:?}");
        assert!(fs::read(&database).unwrap() == broken);
    }
    fs::write(&database, &sound).unwrap();
    assert_eq!(json(&server, &["fsck", "--json"]).1, Some(0));
}

#[test]
fn what_was_flagged_while_it_was_away_is_promised_again() {
    let server = server();
    let user = server.new_user();
    let content = bytes(1, 100_000);
    let fid = user.publish("a", &content);
    let scrubbing = Server::with(&[("KMS_SCRUB_INTERVAL", "50ms")]);
    let other = scrubbing.new_user();
    other.publish("a", &content);
    let files = [server.only_blob().file, scrubbing.only_blob().file];
    let [here, there] = files.map(|file| (file.with_file_name("elsewhere"), file));
    for (elsewhere, file) in [&here, &there] {
        fs::rename(file, elsewhere).unwrap();
    }
    user.get_file(&fid).expect_bare(5);
    fs::rename(&here.0, &here.1).unwrap();
    let md5 = md5_hex(&content);
    user.instant("b", &md5).expect_bare(2);
    let (lines, code) = json(&server, &["fsck", "--json"]);
    assert_eq!(
        (lines[0]["finding"].as_str(), code),
        (Some("flagged as damaged"), Some(1))
    );
    let (_, code) = json(&server, &["fsck", "--json", "--quick", "--repair"]);
    assert_eq!(code, Some(1), "nobody has read it");
    let (lines, code) = json(&server, &["fsck", "--json", "--repair"]);
    assert_eq!(code, Some(0), "{lines:?}");
    assert_eq!(lines[0]["unflagged"], 1);
    user.instant("b", &md5).expect_code(131);
    assert!(user.read(&fid) == content);

    scrubbing.wait_for_log("stored content is damaged");
    fs::rename(&there.0, &there.1).unwrap();
    scrubbing.wait_for_log("is sound");
    other.instant("b", &md5).expect_code(131);
}

#[test]
fn a_disk_that_is_away_flags_nothing() {
    let server = Server::with(&[("KMS_GC_INTERVAL", "0s"), ("KMS_SCRUB_INTERVAL", "50ms")]);
    let user = server.new_user();
    let contents: Vec<_> = (0..3).map(|seed| bytes(seed, 100_000)).collect();
    let fids: Vec<_> = contents.iter().map(|it| user.publish("a", it)).collect();
    let small = user.publish("small", b"small");
    let (blobs, away) = (
        server.data_dir().join("blobs"),
        server.data_dir().join("away"),
    );
    fs::rename(&blobs, &away).unwrap();
    for mounted_on in [false, true] {
        if mounted_on {
            fs::create_dir(&blobs).unwrap();
        }
        for (fid, content) in fids.iter().zip(&contents) {
            user.get_file(fid).expect_bare(5);
            user.instant("b", &md5_hex(content)).expect_bare(5);
        }
        assert_eq!(user.read(&small), b"small");
        let output = server.command(&["fsck", "--repair"], "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(told(&output).contains("blobs"), "{output:?}");
        server.wait_for_log("content could not be scrubbed");
    }
    fs::remove_dir(&blobs).unwrap();
    fs::rename(&away, &blobs).unwrap();
    for (fid, content) in fids.iter().zip(&contents) {
        user.instant("b", &md5_hex(content)).expect_code(131);
        assert!(user.read(fid) == *content);
    }
    assert_eq!(server.command(&["fsck"], "").status.code(), Some(0));
}

#[test]
fn a_collection_beside_a_backup_says_that_it_waits_and_does_the_rest() {
    let mut server = server();
    let user = server.new_user();
    let fid = user.publish("a", &bytes(1, 100_000));
    user.erase(&fid);
    server.stop();
    let trashed = server.data_dir().join("trash/1-old");
    fs::write(&trashed, "old").unwrap();
    // As a backup holds it.
    let lease = File::open(server.data_dir().join("backup.lock")).unwrap();
    lease.lock_shared().unwrap();
    let (lines, code) = json(&server, &["gc", "--apply", "--json"]);
    assert_eq!(code, Some(0), "{lines:?}");
    let collected = &lines[0];
    assert_eq!(collected["waits_for_backup"], true);
    assert_eq!(
        (&collected["doomed"], &collected["removed"]),
        (&1.into(), &0.into())
    );
    assert_eq!(collected["emptied"], 1);
    let text = server.command(&["gc", "--apply"], "");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("waits for its end"), "{text}");
    drop(lease);
    let (lines, _) = json(&server, &["gc", "--apply", "--json"]);
    assert_eq!(lines[0]["waits_for_backup"], false);
    assert_eq!(lines[0]["removed"], 1);
}

#[test]
fn a_part_of_a_collection_that_fails_is_told_and_the_rest_is_done() {
    let mut server = server();
    let user = server.new_user();
    let fid = user.publish("a", &bytes(1, 100_000));
    user.erase(&fid);
    server.stop();
    fs::create_dir(server.data_dir().join("packs/0000000000000001")).unwrap();
    fs::write(server.data_dir().join("trash/1-old"), "old").unwrap();
    let output = server.command(&["gc", "--apply", "--json"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told(&output).contains("0000000000000001"), "{output:?}");
    let collected: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&collected["removed"], &collected["emptied"]),
        (&1.into(), &1.into())
    );
}

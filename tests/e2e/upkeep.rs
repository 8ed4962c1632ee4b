//! Collecting and checking with the operator's commands, against a folder in which things happened.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::harness::server::files_below;
use crate::harness::{Server, User, bytes, until};

const KIB: usize = 1024;

/// A server that does nothing by itself, and for which everything is old at once.
fn server() -> Server {
    Server::with(&[
        ("KMS_GC_INTERVAL", "0s"),
        ("KMS_SCRUB_RATE", "0B"),
        ("KMS_GC_GRACE", "0s"),
    ])
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `fsck` finds, by its kinds, and the summary.
#[track_caller]
fn fsck(server: &Server, arguments: &[&str]) -> (Vec<String>, Value) {
    let all = [&["fsck", "--json"][..], arguments].concat();
    let output = server.command(&all, "");
    let mut lines: Vec<Value> = text(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = lines.pop().unwrap_or_else(|| panic!("{output:?}"));
    assert_eq!(summary["findings"], lines.len(), "{output:?}");
    let expected = i32::from(!lines.is_empty());
    assert_eq!(output.status.code(), Some(expected), "{output:?}");
    let kinds = lines
        .iter()
        .map(|line| line["finding"].as_str().unwrap().to_owned())
        .collect();
    (kinds, summary)
}

#[track_caller]
fn assert_clean(server: &Server) -> Value {
    let (findings, summary) = fsck(server, &[]);
    assert!(findings.is_empty(), "{findings:?}");
    summary
}

#[track_caller]
fn gc(server: &Server, arguments: &[&str]) -> String {
    let output = server.command(&[&["gc"][..], arguments].concat(), "");
    assert!(output.status.success(), "{output:?}");
    text(&output)
}

/// All files of a folder but those of the database, with their content.
fn snapshot(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    files_below(data, &mut files);
    files.sort_unstable();
    let is_database = |path: &PathBuf| path.to_string_lossy().contains("kms.db");
    files.retain(|path| !is_database(path));
    files
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn count(folder: PathBuf) -> usize {
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    files.len()
}

/// Makes a file look as if nobody had touched it for long.
fn age(path: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(long_ago).unwrap();
}

fn publish_some(user: &User) -> Vec<(String, Vec<u8>)> {
    [100, 5 * KIB, 100 * KIB, 700 * KIB]
        .into_iter()
        .map(|size| {
            let content = bytes(size as u64, size);
            (user.publish("a", &content), content)
        })
        .collect()
}

#[test]
fn what_was_deleted_is_collected_and_the_rest_is_not_touched() {
    let mut server = server();
    let user = server.new_user();
    let gone = publish_some(&user);
    let kept = user.hide("kept", b"kept");
    user.set_avatar(b"a face").expect_code(120);
    for (fid, _) in &gone {
        user.erase(fid);
    }
    let before = snapshot(&server.data_dir());
    let told = gc(&server, &[]);
    assert!(told.contains("would be doomed: 4 "), "{told}");
    assert!(
        snapshot(&server.data_dir()) == before,
        "a dry run changes nothing"
    );
    assert_clean(&server);

    let refused = server.command(&["gc", "--apply"], "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    server.stop();
    let told = gc(&server, &["--apply"]);
    assert!(
        told.contains("doomed: 4 ") && told.contains("removed: 4 "),
        "{told}"
    );
    assert_eq!(server.blobs().len(), 2);
    assert_clean(&server);
    let again = gc(&server, &["--apply"]);
    assert!(
        again.contains("doomed: 0 ") && again.contains("removed: 0 "),
        "{again}"
    );

    server.start_again();
    assert_eq!(user.read(&kept), b"kept");
    assert_eq!(user.get_avatar().expect_code(121).data(), b"a face");
    for (_, content) in gone {
        let fid = user.publish("again", &content);
        assert!(user.read(&fid) == content);
    }
    assert_clean(&server);
}

#[test]
fn content_within_its_grace_is_not_collected() {
    let mut server = Server::with(&[("KMS_GC_INTERVAL", "0s")]);
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    user.erase(&fid);
    server.stop();
    let told = gc(&server, &["--apply"]);
    assert!(told.contains("doomed: 0 "), "{told}");
    assert_eq!(server.blobs().len(), 1);
}

#[test]
fn a_running_server_collects_by_itself_and_disturbs_nobody() {
    let server = Server::with(&[("KMS_GC_INTERVAL", "50ms"), ("KMS_GC_GRACE", "0s")]);
    let user = server.new_user();
    let kept = publish_some(&user);
    for round in 0..10 {
        let fid = user.publish("a", &bytes(round, 90 * KIB));
        let small = user.publish("b", &bytes(round, 90));
        user.erase(&fid);
        user.erase(&small);
        // The same bytes right away, whether they are known, doomed or gone.
        let again = user.publish("a", &bytes(round, 90));
        assert!(user.read(&again) == bytes(round, 90));
        user.erase(&again);
    }
    server.blobs_after_all(4);
    for (fid, content) in kept {
        assert!(user.read(&fid) == content);
    }
    assert_clean(&server);
    server.wait_for_log("collected");
}

#[test]
fn damage_of_every_kind_is_found_flagged_and_healed() {
    let server = server();
    let user = server.new_user();
    let files = publish_some(&user);
    assert_eq!(assert_clean(&server)["contents"], 4);
    let blob = |size: usize| {
        let blobs = server.blobs_after_all(4);
        blobs.into_iter().find(|it| it.size == size as u64).unwrap()
    };
    blob(5 * KIB).flip_a_byte();
    blob(700 * KIB).flip_a_byte();
    let (quick, _) = fsck(&server, &["--quick"]);
    assert!(quick.is_empty(), "{quick:?}");
    blob(100 * KIB).shorten(7);
    let lost = blob(100);
    lost.lose();
    let mut expected = ["changed", "changed", "missing", "wrong size"];
    expected.sort_unstable();
    let runs: [(&[&str], u64); 3] = [(&[], 0), (&["--repair"], 4), (&[], 0)];
    for (arguments, flagged) in runs {
        let before = snapshot(&server.data_dir());
        let (mut found, summary) = fsck(&server, arguments);
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(summary["flagged"], flagged);
        assert!(snapshot(&server.data_dir()) == before, "bytes were changed");
    }
    for (fid, content) in &files {
        user.instant("claimed", &crate::harness::md5_hex(content))
            .expect_bare(2);
        user.publish("again", content);
        assert!(user.read(fid) == *content);
    }
    server.blobs_after_all(4);
    assert_clean(&server);
}

#[test]
fn a_stray_is_left_alone_while_it_is_young_and_moved_to_the_trash_later() {
    let mut server = server();
    let user = server.new_user();
    let files = publish_some(&user);
    let large = server.blobs_after_all(4);
    let large = large.iter().find(|it| it.size == 700 * 1024).unwrap();
    let digits = "0".repeat(64);
    let folder = server.data_dir().join("blobs/00/00");
    fs::create_dir_all(&folder).unwrap();
    let stray = folder.join(format!("{digits}-{}", "1".repeat(32)));
    fs::write(&stray, "somebody's").unwrap();
    let lost_sums = folder.join(format!("{digits}-{}.sums", "2".repeat(32)));
    fs::copy(large.file.with_added_extension("sums"), &lost_sums).unwrap();
    assert_eq!(assert_clean(&server)["young"], 2);
    server.stop();
    gc(&server, &["--apply"]);
    assert!(stray.exists() && lost_sums.exists());

    age(&stray);
    age(&lost_sums);
    let (mut found, _) = fsck(&server, &[]);
    found.sort_unstable();
    assert_eq!(found, ["stray", "stray checksums"]);
    gc(&server, &[]);
    assert!(stray.exists() && lost_sums.exists());
    gc(&server, &["--apply"]);
    assert!(!stray.exists() && !lost_sums.exists());
    assert_clean(&server);
    let trash = server.data_dir().join("trash");
    let mut kept = Vec::new();
    files_below(&trash, &mut kept);
    let is_it = |path: &&PathBuf| fs::read(path).unwrap() == b"somebody's";
    assert_eq!((kept.len(), kept.iter().filter(is_it).count()), (2, 1));
    gc(&server, &["--apply"]);
    assert_eq!(count(trash.clone()), 2);
    gc(&server, &["--apply", "--trash-age", "0s"]);
    assert_eq!(count(trash), 0);
    server.start_again();
    for (fid, content) in files {
        assert!(user.read(&fid) == content);
    }
}

#[test]
fn after_a_kill_one_collection_makes_everything_clean() {
    let mut server = server();
    let user = server.new_user();
    let mut kept = Vec::new();
    for round in 0..4_u64 {
        kept.extend(publish_some(&user));
        let writers: Vec<_> = (0..4)
            .map(|n| {
                let user = user.clone();
                std::thread::spawn(move || {
                    // Until the server is gone in the middle of one of them.
                    for k in 0.. {
                        let size = if k % 2 == 0 { 3000 } else { 300_000 };
                        let content = bytes(round * 1_000_000 + n * 10_000 + k, size);
                        let body = content.as_slice();
                        let create = AssertUnwindSafe(|| user.create("name=a", body));
                        let sent = catch_unwind(create);
                        if sent.is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        let folder = server.data_dir().join("blobs");
        let before = count(folder.clone());
        until("uploads are under way", || {
            count(folder.clone()) > before + 5
        });
        server.kill();
        for writer in writers {
            writer.join().unwrap();
        }
        assert_clean(&server);
        // As a day later.
        let mut files = Vec::new();
        files_below(&server.data_dir().join("blobs"), &mut files);
        files_below(&server.data_dir().join("packs"), &mut files);
        files.iter().for_each(|path| age(path));
        gc(&server, &["--apply"]);
        let summary = assert_clean(&server);
        assert_eq!(summary["doomed"], 0);
        server.start_again();
    }
    for (fid, content) in kept {
        assert!(user.read(&fid) == content);
    }
}

#[test]
fn damage_that_nobody_asked_for_is_found_by_scrubbing_and_healed() {
    let server = Server::with(&[("KMS_SCRUB_RATE", "1GiB"), ("KMS_SCRUB_INTERVAL", "50ms")]);
    let user = server.new_user();
    let files = publish_some(&user);
    let damaged = server.blobs_after_all(4);
    for blob in &damaged {
        blob.flip_a_byte();
    }
    for (_, content) in &files {
        let md5 = crate::harness::md5_hex(content);
        until("the damage is noticed", || {
            user.instant("claimed", &md5).status == 404
        });
    }
    // The flags come first and the words behind them.
    until("the damage is told", || {
        server.log().matches("stored content is damaged").count() == 4
    });
    for (fid, content) in &files {
        user.publish("again", content);
        assert!(user.read(fid) == *content);
    }
    server.blobs_after_all(4);
    assert_clean(&server);
}

//! A disk for backups that is full. The test has to run as root.

use std::fs;

use crate::backup::{Place, at, expect_code, told};
use crate::harness::{Mount, Server, bytes};

/// At the copying of content, and at that of the database.
#[test]
fn a_backup_folder_that_fills_up_is_told_and_costs_no_older_backup() {
    let Some(disk) = Mount::memory("size=12m") else {
        return;
    };
    let place = Place {
        server: Server::start(),
        folder: tempfile::tempdir_in(disk.path()).unwrap(),
    };
    let user = place.server.new_user();
    let first = bytes(1, 3_000_000);
    let fid = user.publish("first", &first);
    place.back_up(&[]);
    let filler = disk.path().join("filler");
    let large: Vec<_> = (2..8).map(|seed| bytes(seed, 2_500_000)).collect();
    let fids: Vec<_> = large
        .iter()
        .map(|content| user.publish("later", content))
        .collect();
    for is_full_already in [false, true] {
        if is_full_already {
            // As far as there is room.
            let _ = fs::write(&filler, vec![0; 12 << 20]);
        }
        let output = place.run(&["backup"]);
        expect_code(&output, 2);
        let message = told(&output);
        assert!(message.contains("not finished"), "{message}");
        assert!(
            message.contains("No space left on device") || message.contains("disk is full"),
            "{message}"
        );
        expect_code(&place.run(&["backup", "--verify"]), 0);
    }
    let copy = place.restored();
    let there = at(&copy, &user.person);
    assert_eq!(there.own().len(), 1);
    assert!(there.read(&fid) == first);

    fs::remove_file(filler).unwrap();
    disk.remount("rw,size=64m");
    place.back_up(&[]);
    expect_code(&place.run(&["backup", "--verify"]), 0);
    let copy = place.restored();
    let there = at(&copy, &user.person);
    for (fid, content) in fids.iter().zip(&large) {
        assert!(there.read(fid) == *content);
    }
}

use super::*;
use crate::files::{BlobId, MockBlobRepository, MockUsageRepository, Used};
use crate::test_doubles::{NOW, clock_at, sha256_of, user};
use crate::upkeep::{Inspection, MockBlobInventory, MockUpkeepRepository};

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).unwrap()
}

fn blob(id: i64, text: &str) -> BlobRef {
    BlobRef {
        id: BlobId::from_i64(id),
        sha256: sha256_of(b"x"),
        size: 1,
        key: key(text),
        damaged: false,
    }
}

fn stored(text: &str, age: i64) -> Stored {
    Stored {
        item: StoredItem::Copy(key(text)),
        size: 1,
        modified: NOW.minus_millis(age),
    }
}

fn found(bytes: &[u8], checksums: Checksums, read: bool) -> Inspection {
    Inspection::Found {
        size: bytes.len() as u64,
        sha256: read.then(|| sha256_of(bytes)),
        checksums,
    }
}

/// A check over these rows and copies; `named` have a row.
fn fsck(rows_now: Vec<BlobRef>, copies: Vec<Stored>, named: &'static [&'static str]) -> Fsck {
    let mut rows = MockUpkeepRepository::new();
    rows.expect_check().returning(|| Ok(Vec::new()));
    let listed = rows_now.clone();
    rows.expect_list_live().returning(move |after, _| {
        let all = listed.iter().filter(|_| after.is_none());
        Ok(all.cloned().collect())
    });
    rows.expect_find_live_by_id()
        .returning(move |id| Ok(rows_now.iter().find(|blob| blob.id == id).cloned()));
    rows.expect_are_named()
        .returning(|keys| Ok(keys.iter().map(|it| named.contains(&it.as_str())).collect()));
    rows.expect_list_doomed().returning(|after, _| {
        let doomed = if after.is_none() {
            vec![blob(9, "doomed")]
        } else {
            Vec::new()
        };
        Ok(doomed)
    });
    let mut inventory = MockBlobInventory::new();
    inventory.on_list(move |each| {
        for stored in copies.clone() {
            if each(stored).is_break() {
                break;
            }
        }
        Ok(())
    });
    inventory.on_inspect(|key, bytes, _| {
        Ok(match key.as_str() {
            "missing" | "gone" => Inspection::Missing,
            "long" => found(b"xx", Checksums::Sound, bytes),
            "changed" => found(b"y", Checksums::Sound, bytes),
            "no-sums" => found(b"x", Checksums::Missing, bytes),
            "bad-sums" => found(b"x", Checksums::Damaged, bytes),
            _ => found(b"x", Checksums::Sound, bytes),
        })
    });
    Fsck {
        rows: Arc::new(rows),
        inventory: Arc::new(inventory),
        blobs: Arc::new(MockBlobRepository::new()),
        usage: Arc::new(counters(None)),
        clock: Arc::new(clock_at(NOW)),
        stray_age: 500,
    }
}

/// One account that holds a byte, of which `kept` says something else.
fn counters(kept: Option<Option<Used>>) -> MockUsageRepository {
    let rows = Used { bytes: 1, files: 1 };
    let mut usage = MockUsageRepository::new();
    usage.expect_count_next().returning(move |after| {
        Ok(after.is_none().then_some(Counted {
            user: user(),
            kept: kept.unwrap_or(Some(rows)),
            rows,
        }))
    });
    usage
}

#[test]
fn counters_that_are_wrong_or_missing_are_found_and_set_anew_when_that_is_asked_for() {
    let wrong = Used { bytes: 1, files: 2 };
    for kept in [Some(wrong), None] {
        for repair in [false, true] {
            let mut usage = counters(Some(kept));
            usage
                .expect_recount()
                .withf(|asked| *asked == user())
                .times(usize::from(repair))
                .returning(|_| Ok(()));
            let mut fsck = fsck(Vec::new(), Vec::new(), &[]);
            fsck.usage = Arc::new(usage);
            let (findings, report) = run(&fsck, Depth::Quick, repair);
            assert!(matches!(&findings[..], [Finding::Usage(found)] if found.kept == kept));
            assert_eq!(report.recounted, u64::from(repair));
        }
    }
}

fn run(fsck: &Fsck, depth: Depth, repair: bool) -> (Vec<Finding>, FsckReport) {
    let mut findings = Vec::new();
    let report = fsck
        .run(
            depth,
            repair,
            &mut |finding| findings.push(finding.clone()),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap()
        .unwrap();
    assert_eq!(report.findings, findings.len() as u64);
    (findings, report)
}

fn rows() -> Vec<BlobRef> {
    vec![
        blob(1, "sound"),
        blob(2, "missing"),
        blob(3, "long"),
        blob(4, "changed"),
        blob(5, "no-sums"),
        blob(6, "bad-sums"),
        BlobRef {
            damaged: true,
            ..blob(7, "healed-by-nobody")
        },
    ]
}

fn content(text: &str, fault: Fault) -> Finding {
    Finding::Content {
        key: key(text),
        fault,
    }
}

#[test]
fn every_kind_of_damage_is_found_and_only_reading_finds_changed_bytes() {
    let fsck = fsck(rows(), Vec::new(), &[]);
    let (full, report) = run(&fsck, Depth::Full, false);
    let expected = [
        content("missing", Fault::Missing),
        content("long", Fault::WrongSize(2)),
        content("changed", Fault::Changed),
        Finding::Checksums(key("bad-sums")),
        Finding::Flagged(key("healed-by-nobody")),
    ];
    assert_eq!(full, expected);
    assert_eq!((report.contents, report.bytes), (7, 7));
    assert_eq!(
        (report.without_checksums, report.doomed, report.flagged),
        (1, 1, 0)
    );
    let (quick, _) = run(&fsck, Depth::Quick, false);
    assert!(!quick.contains(&expected[2]) && quick.len() == 4);
}

#[test]
fn a_repair_flags_what_is_wrong_and_touches_nothing_else() {
    let mut fsck = fsck(rows(), Vec::new(), &[]);
    let mut blobs = MockBlobRepository::new();
    for (id, text) in [(2, "missing"), (3, "long"), (4, "changed")] {
        blobs
            .expect_flag_damaged()
            .withf(move |blob, at| blob.as_i64() == id && at.as_str() == text)
            .times(1)
            .returning(|_, _| Ok(()));
    }
    blobs
        .expect_unflag_damaged()
        .withf(|blob, at| blob.as_i64() == 7 && at.as_str() == "healed-by-nobody")
        .times(1)
        .returning(|_, _| Ok(()));
    fsck.blobs = Arc::new(blobs);
    let (findings, report) = run(&fsck, Depth::Full, true);
    assert_eq!((report.flagged, report.unflagged), (3, 1));
    assert!(!findings.contains(&Finding::Flagged(key("healed-by-nobody"))));
}

#[test]
fn a_flag_stays_where_the_copy_was_not_read_or_is_not_right() {
    let flagged = |id, text| BlobRef {
        damaged: true,
        ..blob(id, text)
    };
    // Whoever takes a flag back panics.
    let quick = fsck(vec![flagged(1, "sound")], Vec::new(), &[]);
    let (findings, report) = run(&quick, Depth::Quick, true);
    assert_eq!(findings, [Finding::Flagged(key("sound"))]);
    assert_eq!(report.unflagged, 0);
    let wrong = vec![
        flagged(1, "missing"),
        flagged(2, "long"),
        flagged(3, "changed"),
    ];
    let (findings, report) = run(&fsck(wrong, Vec::new(), &[]), Depth::Full, true);
    assert_eq!((findings.len(), report.unflagged), (3, 0));
}

#[test]
fn a_store_that_is_away_is_one_error_and_no_damage() {
    for unreadable in [false, true] {
        let mut fsck = fsck(rows(), Vec::new(), &[]);
        let mut inventory = MockBlobInventory::new();
        inventory.go_away();
        inventory.on_inspect(move |_, _, _| {
            if unreadable {
                return Err(PortError::internal("no device"));
            }
            Ok(Inspection::Missing)
        });
        fsck.inventory = Arc::new(inventory);
        let mut tell = |finding: &Finding| panic!("{finding:?}");
        let result = fsck.run(Depth::Full, true, &mut tell, &mut |_| {
            ControlFlow::Continue(())
        });
        assert!(result.is_err());
    }
}

#[test]
fn rows_too_broken_to_be_read_are_a_finding_and_sound_ones_an_error() {
    for broken in [true, false] {
        let mut fsck = fsck(Vec::new(), Vec::new(), &[]);
        let mut rows = MockUpkeepRepository::new();
        rows.expect_check()
            .returning(move || Ok(vec!["a page".to_owned(); usize::from(broken)]));
        rows.expect_list_live()
            .returning(|_, _| Err(PortError::internal("a page")));
        fsck.rows = Arc::new(rows);
        if broken {
            let (findings, report) = run(&fsck, Depth::Full, true);
            assert_eq!((findings.len(), report.contents), (2, 0));
        } else {
            let result = fsck.run(Depth::Full, true, &mut |_| {}, &mut |_| {
                ControlFlow::Continue(())
            });
            assert!(result.is_err());
        }
    }
}

#[test]
fn a_stray_is_found_when_it_is_too_old_to_be_an_upload_and_still_there() {
    let orphan = Stored {
        item: StoredItem::Checksums(key("held")),
        ..stored("held", 501)
    };
    let copies = vec![
        stored("held", 501),
        stored("stray", 501),
        stored("young", 500),
        stored("gone", 501),
        orphan.clone(),
    ];
    let (findings, report) = run(&fsck(Vec::new(), copies, &["held"]), Depth::Full, false);
    let stray = stored("stray", 501);
    assert_eq!(findings, [Finding::Stray(stray), Finding::Stray(orphan)]);
    assert_eq!(report.young, 1);
}

#[test]
fn broken_rows_are_told_first_and_the_rest_is_checked_all_the_same() {
    let mut fsck = fsck(Vec::new(), Vec::new(), &[]);
    let mut rows = MockUpkeepRepository::new();
    rows.expect_check()
        .returning(|| Ok(vec!["a page".to_owned()]));
    rows.expect_list_live().returning(|after, _| {
        Ok(vec![blob(2, "missing")]
            .into_iter()
            .filter(|_| after.is_none())
            .collect())
    });
    rows.expect_find_live_by_id()
        .returning(|_| Ok(Some(blob(2, "missing"))));
    rows.expect_are_named().returning(|_| Ok(Vec::new()));
    rows.expect_list_doomed().returning(|_, _| Ok(Vec::new()));
    fsck.rows = Arc::new(rows);
    let (findings, _) = run(&fsck, Depth::Quick, false);
    let expected = [
        Finding::Rows("a page".to_owned()),
        content("missing", Fault::Missing),
    ];
    assert_eq!(findings, expected);
}

#[test]
fn whoever_breaks_off_gets_no_report() {
    let copies = vec![stored("stray", 501)];
    for rows in [rows(), Vec::new()] {
        let fsck = fsck(rows, copies.clone(), &[]);
        let broken = fsck.run(Depth::Full, false, &mut |_| {}, &mut |_| {
            ControlFlow::Break(())
        });
        assert_eq!(broken.unwrap(), None);
    }
}

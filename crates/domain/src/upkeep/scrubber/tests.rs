use super::*;
use crate::files::{BlobRef, MockBlobRepository};
use crate::test_doubles::sha256_of;
use crate::upkeep::{Checksums, Inspection, MockBlobInventory, MockUpkeepRepository};

fn blob(id: i64, key: &str) -> BlobRef {
    BlobRef {
        id: BlobId::from_i64(id),
        sha256: sha256_of(b"x"),
        size: 1,
        key: BlobKey::parse(key).unwrap(),
        damaged: false,
    }
}

fn found(bytes: &[u8]) -> Inspection {
    Inspection::Found {
        size: bytes.len() as u64,
        sha256: Some(sha256_of(bytes)),
        checksums: Checksums::Sound,
    }
}

/// A scrubber over these rows, whose copies are what their keys say.
fn scrubber(listed: Vec<BlobRef>, now: Vec<BlobRef>, flags: &[(i64, &'static str)]) -> Scrubber {
    let mut rows = MockUpkeepRepository::new();
    rows.expect_list_live()
        .returning(move |_, _| Ok(listed.clone()));
    rows.expect_find_live_by_id()
        .returning(move |id| Ok(now.iter().find(|blob| blob.id == id).cloned()));
    let mut inventory = MockBlobInventory::new();
    inventory.on_inspect(|key, bytes, read| {
        assert!(bytes);
        if read(1).is_break() {
            return Ok(Inspection::Interrupted);
        }
        Ok(match key.as_str() {
            "missing" => Inspection::Missing,
            "unreadable" => return Err(PortError::internal("no sector")),
            "long" => found(b"xx"),
            "changed" => found(b"y"),
            _ => found(b"x"),
        })
    });
    let mut blobs = MockBlobRepository::new();
    for (id, key) in flags {
        let (id, key) = (BlobId::from_i64(*id), *key);
        blobs
            .expect_flag_damaged()
            .withf(move |blob, at| *blob == id && at.as_str() == key)
            .times(1)
            .returning(|_, _| Ok(()));
    }
    Scrubber {
        rows: Arc::new(rows),
        inventory: Arc::new(inventory),
        blobs: Arc::new(blobs),
    }
}

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn what_is_damaged_is_flagged_once_and_the_rest_is_not() {
    let rows = vec![
        blob(1, "sound"),
        blob(2, "missing"),
        blob(3, "long"),
        blob(4, "changed"),
        BlobRef {
            damaged: true,
            ..blob(5, "missing")
        },
    ];
    let flags = [(2, "missing"), (3, "long"), (4, "changed")];
    let scrubber = scrubber(rows.clone(), rows, &flags);
    let scrubbed = scrubber.step(None, &mut go_on).unwrap();
    let faults: Vec<_> = scrubbed
        .damaged
        .iter()
        .map(|(_, fault)| fault.clone())
        .collect();
    assert_eq!(
        faults,
        [Fault::Missing, Fault::WrongSize(2), Fault::Changed]
    );
    assert_eq!(scrubbed.last, Some(BlobId::from_i64(5)));
}

#[test]
fn a_copy_that_was_replaced_or_collected_meanwhile_is_no_damage() {
    let listed = vec![blob(1, "missing"), blob(2, "missing"), blob(3, "missing")];
    let now = vec![blob(1, "sound"), blob(2, "changed")];
    let scrubbed = scrubber(listed, now, &[(2, "changed")])
        .step(None, &mut go_on)
        .unwrap();
    assert_eq!(scrubbed.damaged.len(), 1);
    assert_eq!(scrubbed.last, Some(BlobId::from_i64(3)));
}

#[test]
fn a_step_that_breaks_off_goes_on_behind_what_was_looked_at() {
    let rows = vec![blob(1, "sound"), blob(2, "sound"), blob(3, "missing")];
    let mut asked = 0;
    // Asked twice for each: before it, and when it was read.
    let mut stop = |_| {
        asked += 1;
        if asked > 4 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let scrubbed = scrubber(rows.clone(), rows, &[])
        .step(None, &mut stop)
        .unwrap();
    assert_eq!(scrubbed.last, Some(BlobId::from_i64(2)));
    assert!(!scrubbed.is_over);
    let after = Some(BlobId::from_i64(7));
    let end = scrubber(Vec::new(), Vec::new(), &[]).step(after, &mut go_on);
    assert!(end.unwrap().is_over);
}

#[test]
fn what_a_device_does_not_give_is_told_and_not_flagged() {
    let rows = vec![blob(1, "unreadable"), blob(2, "sound")];
    let scrubbed = scrubber(rows.clone(), rows, &[])
        .step(None, &mut go_on)
        .unwrap();
    let faults: Vec<_> = scrubbed.damaged.into_iter().map(|(_, it)| it).collect();
    assert_eq!(faults, [Fault::Unreadable("no sector".to_owned())]);
    assert_eq!(scrubbed.last, Some(BlobId::from_i64(2)));
}

#[test]
fn a_flag_is_taken_back_from_what_was_read_and_is_right() {
    let flagged = |id, key| BlobRef {
        damaged: true,
        ..blob(id, key)
    };
    let rows = vec![
        flagged(1, "sound"),
        flagged(2, "changed"),
        flagged(3, "unreadable"),
    ];
    let mut scrubber = scrubber(rows.clone(), rows, &[]);
    let mut blobs = MockBlobRepository::new();
    blobs
        .expect_unflag_damaged()
        .withf(|blob, at| blob.as_i64() == 1 && at.as_str() == "sound")
        .times(1)
        .returning(|_, _| Ok(()));
    scrubber.blobs = Arc::new(blobs);
    let scrubbed = scrubber.step(None, &mut go_on).unwrap();
    assert_eq!(scrubbed.sound_again, [BlobKey::parse("sound").unwrap()]);
    assert_eq!(scrubbed.damaged, []);
    assert_eq!(scrubbed.last, Some(BlobId::from_i64(3)));
}

#[test]
fn a_store_that_is_away_is_one_error_and_no_damage() {
    let rows = vec![blob(1, "missing"), blob(2, "missing")];
    let mut scrubber = scrubber(rows.clone(), rows, &[]);
    let mut inventory = MockBlobInventory::new();
    inventory.go_away();
    inventory.on_inspect(|_, _, _| Ok(Inspection::Missing));
    scrubber.inventory = Arc::new(inventory);
    assert!(scrubber.step(None, &mut go_on).is_err());
}

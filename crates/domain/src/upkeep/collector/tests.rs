use super::*;
use crate::files::BlobKey;
use crate::test_doubles::{NOW, RecordingStore, Script, clock_at, sha256_of};
use crate::upkeep::{
    MockBlobInventory, MockBlobTrash, MockUpkeepRepository, RemovalHold, Unreferenced,
};
use crate::{PortErrorKind, Timestamp};

const POLICY: CollectionPolicy = CollectionPolicy {
    grace: 1000,
    stray_age: 500,
    trash_age: 700,
    exclusive: false,
};

fn blob(id: i64) -> BlobRef {
    BlobRef {
        id: BlobId::from_i64(id),
        sha256: sha256_of(b"x"),
        size: 10,
        key: key(&format!("b{id}")),
        damaged: false,
    }
}

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).unwrap()
}

fn stored(text: &str, modified: i64) -> Stored {
    Stored {
        item: StoredItem::Copy(key(text)),
        size: 7,
        modified: NOW.minus_millis(modified),
    }
}

/// What there is to collect.
#[derive(Clone, Default)]
struct World {
    unreferenced: Vec<i64>,
    doomed: Vec<i64>,
    stored: Vec<Stored>,
    named: Vec<&'static str>,
    backup_under_way: bool,
}

fn names(ids: &[BlobId]) -> String {
    let names: Vec<_> = ids.iter().map(|id| id.as_i64().to_string()).collect();
    names.join(",")
}

fn rows(script: &Script, world: &World) -> MockUpkeepRepository {
    let mut rows = MockUpkeepRepository::new();
    let (on, ids) = (script.clone(), world.unreferenced.clone());
    rows.expect_list_unreferenced()
        .returning(move |after, before, _| {
            on.call("rows.list_unreferenced")?;
            assert_eq!((after, before), (None, NOW.minus_millis(1000)));
            Ok(Unreferenced {
                blobs: ids.iter().map(|id| blob(*id)).collect(),
                next: None,
            })
        });
    let on = script.clone();
    rows.expect_doom().returning(move |ids, before| {
        assert_eq!(before, NOW.minus_millis(1000));
        on.call_with("rows.doom", &names(ids))?;
        Ok(ids.len())
    });
    let (on, ids) = (script.clone(), world.doomed.clone());
    rows.expect_list_doomed().returning(move |after, _| {
        on.call("rows.list_doomed")?;
        let ids = if after.is_none() { &ids[..] } else { &[] };
        Ok(ids.iter().map(|id| blob(*id)).collect())
    });
    let on = script.clone();
    rows.expect_confirm_doomed()
        .returning(move |ids| on.call_with("rows.confirm_doomed", &names(ids)));
    let on = script.clone();
    rows.expect_forget_doomed()
        .returning(move |ids| on.call_with("rows.forget_doomed", &names(ids)));
    let (on, named) = (script.clone(), world.named.clone());
    rows.expect_are_named().returning(move |keys| {
        on.call("rows.are_named")?;
        Ok(keys
            .iter()
            .map(|key| named.contains(&key.as_str()))
            .collect())
    });
    rows
}

fn collector(script: &Script, world: &World, policy: CollectionPolicy) -> Collector {
    let (on, found) = (script.clone(), world.stored.clone());
    let mut inventory = MockBlobInventory::new();
    inventory.on_list(move |each| {
        on.call("inventory.list")?;
        for stored in found.clone() {
            if each(stored).is_break() {
                break;
            }
        }
        Ok(())
    });
    let mut trash = MockBlobTrash::new();
    let on = script.clone();
    trash.expect_trash().returning(move |item, now| {
        assert_eq!(now, NOW);
        on.call_with("trash.trash", item.key().as_str())
    });
    let (on, backup) = (script.clone(), world.backup_under_way);
    trash.expect_hold_off_backups().returning(move || {
        on.call("trash.hold_off_backups")?;
        Ok((!backup).then(|| -> RemovalHold { Box::new(()) }))
    });
    let on = script.clone();
    trash.expect_reclaim().returning(move |before| {
        assert_eq!(before, NOW.minus_millis(500));
        on.call("trash.reclaim").map(|()| 4096)
    });
    let on = script.clone();
    trash.expect_empty().returning(move |before: Timestamp| {
        assert_eq!(before, NOW.minus_millis(700));
        on.call("trash.empty").map(|()| 1)
    });
    Collector::new(
        Arc::new(rows(script, world)),
        Some((Arc::new(RecordingStore::empty(script)), Arc::new(trash))),
        Arc::new(inventory),
        Arc::new(clock_at(NOW)),
        policy,
    )
}

fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn world() -> World {
    World {
        unreferenced: vec![1, 2],
        doomed: vec![3, 4],
        stored: vec![
            stored("stray", 501),
            stored("held", 501),
            stored("young", 500),
        ],
        named: vec!["held"],
        backup_under_way: false,
    }
}

const EXCLUSIVE: CollectionPolicy = CollectionPolicy {
    exclusive: true,
    ..POLICY
};

#[test]
fn while_a_backup_is_under_way_nothing_doomed_is_removed_and_the_rest_goes_on() {
    let script = Script::default();
    let world = World {
        backup_under_way: true,
        ..world()
    };
    let collected = collector(&script, &world, EXCLUSIVE).collect(&mut go_on);
    assert_eq!((collected.doomed, collected.removed), (2, 0));
    assert!(collected.waits_for_backup && !collected.is_idle());
    for call in ["rows.confirm_doomed", "store.remove", "rows.forget_doomed"] {
        assert_eq!(script.count(call), 0, "{call}");
    }
    assert_eq!(script.count("trash.trash"), 1);
}

#[test]
fn rows_are_doomed_before_bytes_go_and_forgotten_after() {
    let script = Script::default();
    let collected = collector(&script, &world(), EXCLUSIVE).collect(&mut go_on);
    assert_eq!(
        script.notes(),
        [
            "rows.list_unreferenced",
            "rows.doom 1,2",
            "rows.list_doomed",
            "trash.hold_off_backups",
            "rows.confirm_doomed 3,4",
            "store.remove b3",
            "store.remove b4",
            "rows.forget_doomed 3,4",
            "rows.list_doomed",
            "inventory.list",
            "rows.are_named",
            "rows.are_named",
            "trash.trash stray",
            "trash.reclaim",
            "trash.empty",
        ]
    );
    assert_eq!((collected.doomed, collected.doomed_bytes), (2, 20));
    assert_eq!((collected.removed, collected.removed_bytes), (2, 20));
    assert_eq!((collected.trashed, collected.trashed_bytes), (1, 7));
    assert_eq!((collected.reclaimed, collected.emptied), (4096, 1));
    assert_eq!((collected.young, collected.failed), (0, 0));
    assert!(!collected.waits_for_backup);
    assert!(!collected.is_idle());
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let script = Script::default();
    let mut collector = collector(&script, &world(), POLICY);
    collector.bytes = None;
    let collected = collector.collect(&mut go_on);
    assert_eq!(
        (collected.doomed, collected.removed, collected.trashed),
        (2, 2, 1)
    );
    for changing in [
        "rows.doom",
        "rows.confirm_doomed",
        "rows.forget_doomed",
        "store.remove",
        "trash.trash",
        "trash.reclaim",
        "trash.empty",
    ] {
        assert_eq!(script.count(changing), 0, "{changing}");
    }
}

#[test]
fn beside_uploads_a_stray_goes_only_when_it_is_seen_for_the_second_time() {
    let script = Script::default();
    let collector = collector(&script, &world(), POLICY);
    let first = collector.collect(&mut go_on);
    assert_eq!((first.trashed, first.young), (0, 1));
    let second = collector.collect(&mut go_on);
    assert_eq!((second.trashed, second.young), (1, 0));
    assert_eq!(script.count("trash.trash"), 1);
}

#[test]
fn a_stray_that_gets_a_row_at_the_last_moment_stays() {
    let script = Script::default();
    let world = world();
    let mut rows = MockUpkeepRepository::new();
    rows.expect_list_unreferenced().returning(|_, _, _| {
        Ok(Unreferenced {
            blobs: Vec::new(),
            next: None,
        })
    });
    rows.expect_list_doomed().returning(|_, _| Ok(Vec::new()));
    rows.expect_are_named()
        .returning(|keys| Ok(vec![keys.len() == 1; keys.len()]));
    let mut collector = collector(&script, &world, EXCLUSIVE);
    collector.rows = Arc::new(rows);
    let collected = collector.collect(&mut go_on);
    assert_eq!((collected.trashed, script.count("trash.trash")), (0, 0));
}

#[test]
fn checksums_without_a_copy_go_whatever_a_row_says_of_the_copy() {
    let script = Script::default();
    let mut world = world();
    world.stored = vec![Stored {
        item: StoredItem::Checksums(key("held")),
        ..stored("held", 501)
    }];
    let collected = collector(&script, &world, EXCLUSIVE).collect(&mut go_on);
    assert_eq!((collected.trashed, script.count("trash.trash")), (1, 1));
}

#[test]
fn a_copy_that_cannot_be_removed_keeps_its_row_and_holds_up_nobody() {
    let script = Script::failing_on("store.remove", PortErrorKind::Internal);
    let collected = collector(&script, &world(), EXCLUSIVE).collect(&mut go_on);
    assert_eq!((collected.removed, collected.failed), (0, 2));
    assert!(collected.failure.is_some());
    assert!(script.notes().contains(&"rows.forget_doomed".to_owned()));
    assert_eq!(script.count("trash.trash"), 1);
}

#[test]
fn nothing_is_unlinked_after_a_commit_that_failed() {
    for kind in [PortErrorKind::Internal, PortErrorKind::StorageFull] {
        let script = Script::failing_on("rows.confirm_doomed", kind);
        let collected = collector(&script, &world(), EXCLUSIVE).collect(&mut go_on);
        assert_eq!(collected.failure.unwrap().kind(), kind);
        assert_eq!(script.count("store.remove"), 0);
    }
}

#[test]
fn a_part_that_fails_is_told_and_keeps_nobody_from_the_others() {
    let world = world();
    for (call, left) in [
        ("rows.list_unreferenced", "rows.forget_doomed 3,4"),
        ("rows.doom", "rows.forget_doomed 3,4"),
        ("rows.list_doomed", "trash.trash stray"),
        ("trash.hold_off_backups", "trash.trash stray"),
        ("rows.confirm_doomed", "trash.trash stray"),
        ("rows.forget_doomed", "trash.trash stray"),
        ("inventory.list", "trash.reclaim"),
        ("rows.are_named", "trash.reclaim"),
        ("trash.reclaim", "trash.empty"),
        ("trash.empty", "trash.reclaim"),
    ] {
        let script = Script::failing_on(call, PortErrorKind::Unavailable);
        let collected = collector(&script, &world, EXCLUSIVE).collect(&mut go_on);
        let notes = script.notes();
        assert!(notes.contains(&left.to_owned()), "{call}: {notes:?}");
        assert!(notes.contains(&"trash.empty".to_owned()), "{call}");
        let told = collected.failure.map(|error| error.kind());
        assert_eq!(told, Some(PortErrorKind::Unavailable), "{call}");
        assert_eq!(collected.failed, 1, "{call}");
    }
}

#[test]
fn strays_that_were_listed_before_a_failure_are_moved() {
    let script = Script::default();
    let mut collector = collector(&script, &world(), EXCLUSIVE);
    let mut inventory = MockBlobInventory::new();
    inventory.on_list(|each| {
        let _ = each(stored("stray", 501));
        Err(PortError::internal("a folder cannot be listed"))
    });
    collector.inventory = Arc::new(inventory);
    let collected = collector.collect(&mut go_on);
    assert_eq!((collected.trashed, collected.failed), (1, 1));
}

#[test]
fn whoever_breaks_off_is_obeyed_before_the_next_batch() {
    for allowed in 0..3 {
        let script = Script::default();
        let mut left = allowed;
        let mut go_on = || {
            left -= 1;
            if left < 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        collector(&script, &world(), EXCLUSIVE).collect(&mut go_on);
        let changes = script.count("rows.doom") + script.count("rows.confirm_doomed");
        assert_eq!(changes, allowed.min(2) as usize);
    }
}

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use kms_domain::files::{Published, RedoMark};
use kms_domain::{PortError, wait_for};
use tempfile::TempDir;

use super::super::Packs;
use super::*;
use crate::disk::{DataDir, SyncGate};

/// Writes down what it is told, and refuses logs if it is to.
#[derive(Default)]
struct Ledger {
    told: Mutex<Vec<String>>,
    refuses: bool,
}

impl RedoLedger for Ledger {
    fn begin(&self, log: &str) -> Result<(), PortError> {
        self.told.lock().unwrap().push(format!("begin {log}"));
        if self.refuses {
            return Err(PortError::internal("refused"));
        }
        Ok(())
    }

    fn wait_for_room(&self) {}

    fn end(&self, log: &str) -> Result<(), PortError> {
        self.told.lock().unwrap().push(format!("end {log}"));
        Ok(())
    }
}

struct Scene {
    packs: Packs,
    folder: TempDir,
}

fn scene(ledger: Option<Arc<Ledger>>) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::open(folder.path()).unwrap();
    let packs = Packs::of(&dir, &Arc::new(SyncGate::new()));
    if let Some(ledger) = ledger {
        packs.keep_notes_for(ledger);
    }
    Scene { packs, folder }
}

impl Scene {
    fn append(&self, content: &[u8], note: Option<&[u8]>) -> Published {
        let sha256 = Sha256::from_bytes(sha2::Sha256::digest(content).into());
        let note = note.map(<[u8]>::to_vec);
        wait_for::<_, PortError>(|done| self.packs.append(sha256, content.to_vec(), note, done))
            .unwrap()
    }

    fn noted(&self, content: &[u8], note: &[u8]) -> RedoMark {
        let noted = self.append(content, Some(note)).noted.unwrap();
        noted.settling.wait().unwrap();
        noted.mark
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("packs")
    }

    /// The notes from `position` on.
    fn notes(&self, log: &str, position: u64) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        read_notes(&self.folder(), log, position, &mut |note| {
            found.push(note.note);
            Ok(())
        })
        .unwrap();
        found
    }

    /// Changes a byte of the one pack.
    fn garble(&self, at: u64) {
        let path = fs::read_dir(self.folder()).unwrap().next().unwrap();
        let path = path.unwrap().path();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    }
}

#[test]
fn notes_are_read_in_their_order_from_where_one_has_got_to() {
    let ledger = Arc::new(Ledger::default());
    let scene = scene(Some(Arc::clone(&ledger)));
    let one = scene.noted(b"one", b"note 1");
    assert!(scene.append(b"without", None).noted.is_none());
    let two = scene.noted(&[7; 10_000], b"note 2");
    assert_eq!(one.log, two.log);
    assert_eq!(scene.notes(&one.log, 0), [b"note 1", b"note 2"]);
    assert_eq!(scene.notes(&one.log, one.position), [b"note 2"]);
    assert!(scene.notes(&one.log, two.position).is_empty());
    let mut whole = Vec::new();
    read_notes(&scene.folder(), &one.log, 0, &mut |found| {
        whole.push((found.size, found.position));
        Ok(())
    })
    .unwrap();
    assert_eq!(whole, [(3, one.position), (10_000, two.position)]);
    drop(scene);
    let told = ledger.told.lock().unwrap();
    assert_eq!(
        *told,
        [format!("begin {}", one.log), format!("end {}", one.log)]
    );
}

#[test]
fn a_pack_that_nobody_knows_of_has_no_notes() {
    let ledger = Arc::new(Ledger {
        refuses: true,
        ..Ledger::default()
    });
    for ledger in [None, Some(Arc::clone(&ledger))] {
        let scene = scene(ledger);
        let published = scene.append(b"content", Some(b"note"));
        assert!(published.noted.is_none());
        let name = published.key.as_str().split('-').nth(1).unwrap();
        assert!(scene.notes(name, 0).is_empty());
    }
    // It was begun in vain, and so it does not end.
    assert_eq!(ledger.told.lock().unwrap().len(), 1);
}

#[test]
fn a_note_is_kept_exactly_if_it_fits_behind_the_content() {
    let scene = scene(Some(Arc::default()));
    let room = 4096 - 64 - 26;
    let mut kept = Vec::new();
    for (content, note, fits) in [
        (0, room, true),
        (1, room, false),
        (room - 5, 5, true),
        (room - 4, 5, false),
        (4096 - 64, 0, false),
    ] {
        let note = vec![b'n'; note];
        let published = scene.append(&vec![7; content], Some(&note));
        assert_eq!(published.noted.is_some(), fits, "{content} {}", note.len());
        kept.extend(fits.then_some(note));
        let name = published.key.as_str().split('-').nth(1).unwrap();
        assert_eq!(scene.notes(name, 0), kept, "{content}");
    }
}

#[test]
fn a_note_counts_only_beside_its_own_whole_content() {
    let (note, begin) = (b"note".as_slice(), 4096);
    // Of the content, of the note's check, of the note.
    for at in [64, 64 + 7 + 12, 64 + 7 + 26] {
        let scene = scene(Some(Arc::default()));
        let mark = scene.noted(b"content", note);
        let other = scene.noted(b"another", note);
        assert_eq!(scene.notes(&mark.log, 0).len(), 2);
        scene.garble(begin + at);
        assert_eq!(scene.notes(&mark.log, 0).len(), 1, "{at}");
        assert!(scene.notes(&mark.log, other.position).is_empty());
    }
    // Not beside that of another record.
    let scene = scene(Some(Arc::default()));
    let mark = scene.noted(b"content", note);
    assert!(scene.append(b"another", None).noted.is_none());
    let path = scene.folder().join(&mark.log);
    let mut bytes = fs::read(&path).unwrap();
    let padding = 64 + 7;
    bytes.copy_within(4096 + padding..8192, 8192 + padding);
    fs::write(&path, bytes).unwrap();
    assert_eq!(scene.notes(&mark.log, 0).len(), 1);
}

#[test]
fn what_was_removed_has_no_note() {
    let scene = scene(Some(Arc::default()));
    let published = scene.append(b"content", Some(b"note"));
    let noted = published.noted.unwrap();
    noted.settling.wait().unwrap();
    scene.packs.remove(&published.key).unwrap();
    assert!(scene.notes(&noted.mark.log, 0).is_empty());
}

#[test]
fn a_pack_that_cannot_be_read_is_told_and_one_that_was_given_up_has_no_notes() {
    let scene = scene(Some(Arc::default()));
    let log = scene.noted(b"content", b"note").log;
    let path = scene.folder().join(&log);
    let read = |log: &str| {
        let mut found = 0;
        let read = read_notes(&scene.folder(), log, 0, &mut |_| {
            found += 1;
            Ok(())
        });
        read.map(|was_read| was_read.then_some(found))
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(&log), Ok(Some(1)));
    assert!(read("../kms.db").is_err());
    let whole = fs::read(&path).unwrap();

    let mut damaged = whole.clone();
    damaged[10] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert_eq!(read(&log), Err("its head is damaged".to_owned()));
    // Nothing is left of what the disk had.
    fs::remove_file(&path).unwrap();
    assert!(read(&log).unwrap_err().contains("their disk may be away"));
    fs::write(&path, "").unwrap();
    assert_eq!(read(&log), Ok(None));
    // It alone is lost.
    fs::rename(&path, scene.folder().join("0123456789abcdef")).unwrap();
    assert_eq!(read(&log), Ok(None));
    fs::write(&path, whole).unwrap();
    assert_eq!(read(&log), Ok(Some(1)));
}

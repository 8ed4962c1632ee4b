use std::fs;

use super::*;

fn digest(first: u8) -> Sha256 {
    let mut bytes = [7; 32];
    bytes[0] = first;
    Sha256::from_bytes(bytes)
}

fn entry(first: u8, is_there: bool) -> Entry {
    Entry {
        sha256: digest(first),
        size: u64::from(first) * 1000,
        is_there,
    }
}

fn write(path: &Path, entries: &[Entry]) -> Totals {
    let mut writer = ManifestWriter::begin(path, "0.1.0", (&digest(200), 4096)).unwrap();
    for entry in entries {
        writer.add(entry).unwrap();
    }
    assert!(!path.exists());
    writer.finish().unwrap()
}

fn read(path: &Path) -> Result<Vec<Entry>, BackupError> {
    let mut reader = ManifestReader::open(path)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next()? {
        entries.push(entry);
    }
    Ok(entries)
}

#[test]
fn what_was_written_is_read_again() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("manifest");
    for entries in [
        vec![],
        vec![entry(1, true), entry(2, false), entry(255, true)],
    ] {
        let _ = fs::remove_file(&path);
        let totals = write(&path, &entries);
        assert_eq!(read(&path).unwrap(), entries);
        assert_eq!(ManifestReader::check(&path).unwrap(), totals);
        let reader = ManifestReader::open(&path).unwrap();
        assert_eq!(reader.database, (digest(200), 4096));
    }
}

#[test]
fn no_manifest_that_was_changed_or_cut_anywhere_is_taken_for_right() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("manifest");
    write(&path, &[entry(1, true), entry(2, false)]);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        fs::write(&path, &whole[..at]).unwrap();
        assert!(ManifestReader::check(&path).is_err(), "cut at {at}");
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert!(ManifestReader::check(&path).is_err(), "changed at {at}");
    }
}

#[test]
fn a_later_form_is_refused_as_such() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("manifest");
    fs::write(&path, "kms-backup 2\n").unwrap();
    let error = ManifestReader::check(&path).unwrap_err();
    assert!(error.to_string().contains("a newer release"), "{error}");
}

#[test]
fn several_are_walked_through_in_order_and_each_content_comes_once() {
    let temp = tempfile::tempdir().unwrap();
    let (first, second) = (temp.path().join("a"), temp.path().join("b"));
    write(&first, &[entry(1, true), entry(3, true), entry(5, false)]);
    write(&second, &[entry(2, true), entry(3, true), entry(4, false)]);
    let union = || {
        let readers = [&first, &second].map(|path| ManifestReader::open(path).unwrap());
        Union::of(readers.into()).unwrap()
    };
    let mut all = union();
    for wanted in [1, 2, 3] {
        assert_eq!(all.next().unwrap(), Some(entry(wanted, true)));
    }
    assert_eq!(all.next().unwrap(), None);
    let mut asked = union();
    let names: Vec<_> = (0..7)
        .filter(|first| asked.names(&digest(*first)).unwrap())
        .collect();
    assert_eq!(names, [1, 2, 3]);
}

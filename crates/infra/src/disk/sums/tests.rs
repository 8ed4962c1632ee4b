use super::*;

fn digest() -> Sha256 {
    Sha256::from_bytes([7; 32])
}

fn write(folder: &Path, size: usize) -> PathBuf {
    let path = folder.join("sums");
    let mut writer = SumsWriter::new(folder.join("staged"));
    writer.add(&vec![1; size]).unwrap();
    writer.finish(&digest()).unwrap().unwrap();
    writer.move_to(&path).unwrap();
    path
}

#[test]
fn the_checksums_do_not_depend_on_the_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..3 * BLOCK + 5).map(|at| (at % 251) as u8).collect();
    for piece in [1_000, BLOCK - 1, BLOCK, BLOCK + 1, bytes.len()] {
        let mut writer = SumsWriter::new(folder.path().join("staged"));
        for piece in bytes.chunks(piece) {
            writer.add(piece).unwrap();
        }
        writer.finish(&digest()).unwrap().unwrap();
        let path = folder.path().join("sums");
        writer.move_to(&path).unwrap();
        let sums = Sums::open(&path, &digest(), bytes.len() as u64).unwrap();
        let mut sums = sums.unwrap();
        assert_eq!(sums.get_now(0), None, "nothing was read yet");
        for (number, block) in bytes.chunks(BLOCK).enumerate() {
            assert_eq!(sums.get(number as u64), Some(sum_of(block)));
        }
        assert_eq!(sums.get_now(3), sums.get(3));
        assert_eq!(sums.get(4), None);
    }
}

#[test]
fn one_block_has_no_checksums_and_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    for size in [0, 1, BLOCK] {
        let mut writer = SumsWriter::new(folder.path().join("staged"));
        writer.add(&vec![1; size]).unwrap();
        assert!(writer.finish(&digest()).unwrap().is_none());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn full_pages_leave_the_memory() {
    const BLOCKS: u64 = 2 * PAGE_BLOCKS + 1;
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SumsWriter::new(folder.path().join("staged"));
    let mut block = vec![0; BLOCK];
    for number in 0..BLOCKS {
        block[..8].copy_from_slice(&number.to_le_bytes());
        writer.add(&block).unwrap();
        assert!(writer.sums.len() < PAGE_SUMS);
    }
    let size = BLOCKS * BLOCK_SIZE;
    writer.finish(&digest()).unwrap().unwrap();
    let path = folder.path().join("sums");
    writer.move_to(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 72 + 2 * 4096 + 16);
    let mut sums = Sums::open(&path, &digest(), size).unwrap().unwrap();
    for number in [0, BLOCKS - 1, PAGE_BLOCKS - 1, PAGE_BLOCKS, 2 * PAGE_BLOCKS] {
        block[..8].copy_from_slice(&number.to_le_bytes());
        assert_eq!(sums.get(number), Some(sum_of(&block)), "{number}");
    }
    // Sound pages in each other's place.
    let mut bytes = fs::read(&path).unwrap();
    let (first, second) = bytes[72..].split_at_mut(4096);
    first.swap_with_slice(&mut second[..4096]);
    fs::write(&path, bytes).unwrap();
    let mut sums = Sums::open(&path, &digest(), size).unwrap().unwrap();
    assert_eq!((sums.get(0), sums.get(PAGE_BLOCKS)), (None, None));
    assert!(sums.get(BLOCKS - 1).is_some());
}

#[test]
fn dropped_checksums_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = SumsWriter::new(folder.path().join("staged"));
    writer.add(&vec![1; 2 * BLOCK]).unwrap();
    writer.finish(&digest()).unwrap().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn checksums_of_other_bytes_and_damaged_ones_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let size = 2 * BLOCK_SIZE + 1;
    let path = write(folder.path(), 2 * BLOCK + 1);
    let open = |sha256, size| Sums::open(&path, &sha256, size).unwrap();
    assert!(open(Sha256::from_bytes([8; 32]), size).is_none());
    assert!(open(digest(), size - 1).is_none());
    let sound = fs::read(&path).unwrap();
    let is_usable = || {
        let sums = Sums::open(&path, &digest(), size).unwrap();
        sums.is_some_and(|mut sums| sums.get(0).is_some())
    };
    assert!(is_usable());
    for place in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(!is_usable(), "a flipped byte at {place}");
        fs::write(&path, &sound[..place]).unwrap();
        assert!(!is_usable(), "cut to {place}");
    }
    fs::remove_file(&path).unwrap();
    assert!(!is_usable());
}

use rawzip::ZipArchive;

use super::*;

/// 2023-11-14 22:13:20 UTC.
const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn count_of(length: usize) -> u64 {
    length.try_into().unwrap()
}

fn entry(name: &str, size: u64) -> Entry {
    Entry {
        name: name.to_owned(),
        size,
        time: NOON,
    }
}

/// The archive of these files.
fn write(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = files
        .iter()
        .map(|(name, bytes)| entry(name, count_of(bytes.len())));
    let plan = Plan::new(entries.collect()).unwrap();
    let mut archive = Vec::new();
    for (at, (_, bytes)) in files.iter().enumerate() {
        archive.extend(plan.local(at));
        archive.extend_from_slice(bytes);
        archive.extend(plan.descriptor(at, crc32fast::hash(bytes)));
    }
    for (at, (_, bytes)) in files.iter().enumerate() {
        archive.extend(plan.central(at, crc32fast::hash(bytes)));
    }
    archive.extend(plan.end());
    assert_eq!(count_of(archive.len()), plan.length());
    archive
}

#[test]
fn a_strict_reader_finds_every_file_as_it_was() {
    let files: [(&str, &[u8]); 4] = [
        ("a.txt", b"content"),
        ("报告.pdf", b"\0\x01PK\x03\x04PK\x07\x08"),
        ("empty", b""),
        ("large", &[7; 300_000]),
    ];
    for count in 0..=files.len() {
        let bytes = write(&files[..count]);
        let archive = ZipArchive::from_slice(&bytes).unwrap();
        assert_eq!(archive.entries_hint(), count_of(count));
        let mut entries = archive.entries();
        for (name, content) in &files[..count] {
            let record = entries.next_entry().unwrap().unwrap();
            assert_eq!(record.file_path().as_ref(), name.as_bytes());
            assert_eq!(record.uncompressed_size_hint(), count_of(content.len()));
            let found = archive.get_entry(record.wayfinder()).unwrap();
            assert_eq!(found.data(), *content);
            let mut read = Vec::new();
            std::io::copy(&mut found.verifying_reader(found.data()), &mut read).unwrap();
            assert_eq!(read, *content);
        }
        assert!(entries.next_entry().unwrap().is_none());
    }
}

#[test]
fn an_entry_is_of_the_64_bit_form_exactly_if_it_has_to_be() {
    for (size, is_large) in [
        (TOO_LARGE - 1, false),
        (TOO_LARGE, true),
        (TOO_LARGE + 1, true),
    ] {
        let plan = Plan::new(vec![entry("a", size), entry("b", 1)]).unwrap();
        let (local, descriptor) = (plan.local(0), plan.descriptor(0, 0));
        assert_eq!(local.len(), if is_large { 51 } else { 31 });
        assert_eq!(descriptor.len(), if is_large { 24 } else { 16 });
        assert_eq!(
            count_of(local.len() + descriptor.len()),
            plan.entries[0].around()
        );
        assert_eq!(local[4], if is_large { 45 } else { 20 });
        let needs = |record: &[u8]| u16::from_le_bytes([record[6], record[7]]);
        assert_eq!(needs(&plan.central(0, 0)), if is_large { 45 } else { 20 });
        // Behind it everything is too far away for 32 bits, which only the directory says.
        assert_eq!(plan.central(1, 0).len(), 47 + 12);
        assert_eq!(needs(&plan.central(1, 0)), 45);
        assert_eq!(plan.local(1)[4], 20);
        assert_eq!(plan.end().len(), 56 + 20 + 22);
        let records = plan.central(0, 0).len() + plan.central(1, 0).len();
        assert_eq!(count_of(records), plan.central_size);
        assert_eq!(plan.length(), plan.central_at + plan.central_size + 98);
    }
    assert_eq!(Plan::new(vec![entry("a", 1)]).unwrap().end().len(), 22);
}

#[test]
fn the_directory_of_a_large_archive_says_where_everything_is() {
    let sizes = [5 << 30, 1, 1 << 40];
    let plan = Plan::new(sizes.map(|size| entry("a", size)).to_vec()).unwrap();
    let mut tail: Vec<u8> = (0..3).flat_map(|at| plan.central(at, 9)).collect();
    tail.extend(plan.end());
    // The beginning is not there, so offsets are looked at as they are written.
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let end = &tail[tail.len() - 98..];
    assert_eq!(number(&end[32..40]), 3);
    assert_eq!(number(&end[40..48]), plan.central_size);
    assert_eq!(number(&end[48..56]), plan.central_at);
    assert_eq!(number(&end[64..72]), plan.central_at + plan.central_size);
    let third = plan.central(2, 9);
    let extra = &third[47..];
    assert_eq!(extra.len(), 4 + 24);
    assert_eq!(
        (number(&extra[4..12]), number(&extra[12..20])),
        (1 << 40, 1 << 40)
    );
    let offset = (5 << 30) + (31 + 20 + 24) + 1 + (31 + 16);
    assert_eq!(number(&extra[20..28]), offset);
}

#[test]
fn what_cannot_be_counted_is_no_archive() {
    assert!(Plan::new(vec![entry("a", u64::MAX)]).is_none());
    let half = u64::MAX / 2;
    assert!(Plan::new(vec![entry("a", half), entry("b", half)]).is_none());
    assert!(Plan::new(vec![entry(&"a".repeat(65_536), 1)]).is_none());
    assert!(Plan::new(vec![entry(&"a".repeat(65_535), 1)]).is_some());
}

#[test]
fn more_files_than_16_bits_count_are_counted_in_64() {
    for (count, length) in [(65_534, 22), (65_535, 98)] {
        let plan = Plan::new(vec![entry("a", 0); count]).unwrap();
        assert_eq!(plan.end().len(), length);
    }
}

#[test]
fn times_are_those_of_dos() {
    let at = |year, month, day, hour, minute, second| {
        let millis = 0;
        let utc = Utc {
            year,
            month,
            day,
            hour,
            minute,
            second,
            millis,
        };
        dos_time(utc.timestamp().unwrap())
    };
    assert_eq!(at(1980, 1, 1, 0, 0, 0), (0, 0x21));
    assert_eq!(at(1979, 12, 31, 23, 59, 59), (0, 0x21));
    assert_eq!(
        at(2023, 11, 14, 22, 13, 21),
        ((22 << 11) | (13 << 5) | 10, (43 << 9) | (11 << 5) | 14)
    );
    assert_eq!(at(2107, 12, 31, 23, 59, 59), (0xbf7d, 0xff9f));
    assert_eq!(at(2108, 1, 1, 0, 0, 0), (0xbf7d, 0xff9f));
}

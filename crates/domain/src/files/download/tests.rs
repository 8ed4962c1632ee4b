use std::io::{self, Read, Seek, SeekFrom};

use super::*;
use crate::codes::{Code, Coded as _};
use crate::test_doubles::{KINDS, RecordingStore, Script, blobs, fail_every_call, held};

const CONTENT: &[u8] = b"0123456789";

/// Opens what was stored as [`CONTENT`] and is `found` now.
fn open(script: &Script, found: &[u8]) -> Result<Download, DownloadError> {
    open_in(&RecordingStore::holding(script, found), script)
}

fn open_in(store: &dyn BlobStore, script: &Script) -> Result<Download, DownloadError> {
    Download::open(store, Arc::new(blobs(script)), held(CONTENT))
}

/// Reads to the end in blocks of `block` bytes: what was handed out, and how it ended.
fn drain(download: &mut Download, block: usize) -> (Vec<u8>, Option<DownloadError>) {
    let mut out = Vec::new();
    let mut buffer = vec![0; block];
    loop {
        match download.read(&mut buffer) {
            Ok(0) => return (out, None),
            Ok(count) => out.extend_from_slice(&buffer[..count]),
            Err(error) => return (out, Some(error)),
        }
    }
}

fn is_damaged(error: &DownloadError, expected: &str) -> bool {
    matches!(error, DownloadError::Damaged { key, reason }
        if key.as_str() == "held" && *reason == expected)
}

fn flags(script: &Script) -> usize {
    script.count("blobs.flag_damaged")
}

/// Reads [`CONTENT`] as far as `sound`, where it fails.
struct BrokenReader {
    sound: usize,
    place: usize,
    kind: io::ErrorKind,
}

impl Read for BrokenReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut rest = &CONTENT[self.place..self.sound];
        match rest.read(into)? {
            0 => Err(self.kind.into()),
            read => {
                self.place += read;
                Ok(read)
            }
        }
    }
}

impl Seek for BrokenReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(place) if place as usize <= self.sound => {
                self.place = place as usize;
                Ok(place)
            }
            _ => Err(self.kind.into()),
        }
    }
}

impl BlobReader for BrokenReader {
    fn size(&self) -> u64 {
        CONTENT.len() as u64
    }

    fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        self.read(into).map(Some)
    }
}

fn over_broken_reader(script: &Script, sound: usize, kind: io::ErrorKind) -> Download {
    let mut download = open(script, CONTENT).unwrap();
    download.reader = Box::new(BrokenReader {
        sound,
        place: 0,
        kind,
    });
    download
}

/// Content of which the store answers no byte from `sound` on, because they have changed.
fn changed_behind(script: &Script, sound: usize) -> Download {
    over_broken_reader(script, sound, io::ErrorKind::InvalidData)
}

#[test]
fn content_comes_out_whole_in_blocks_of_any_size() {
    for block in [1, 3, 5, 9, 10, 11, 1000] {
        let script = Script::default();
        let mut download = open(&script, CONTENT).unwrap();
        assert_eq!(download.size(), 10);
        let (out, error) = drain(&mut download, block);
        assert_eq!(out, CONTENT, "blocks of {block}");
        assert!(error.is_none());
        assert_eq!(download.read(&mut [0; 4]).unwrap(), 0, "the end stays");
        assert_eq!(flags(&script), 0);
    }
}

#[test]
fn each_read_goes_on_behind_the_last_one() {
    let mut download = open(&Script::default(), CONTENT).unwrap();
    let mut buffer = [0; 4];
    let counts = [(); 4].map(|()| download.read(&mut buffer).unwrap());
    assert_eq!(counts, [4, 4, 2, 0]);
}

#[test]
fn an_empty_buffer_takes_nothing_and_loses_nothing() {
    let mut download = open(&Script::default(), CONTENT).unwrap();
    assert_eq!(download.read(&mut []).unwrap(), 0);
    assert_eq!(drain(&mut download, 4).0, CONTENT);
}

#[test]
fn empty_content_is_at_its_end_at_once() {
    let script = Script::default();
    let store = RecordingStore::holding(&script, b"");
    let mut download = Download::open(&store, Arc::new(blobs(&script)), held(b"")).unwrap();
    assert_eq!(download.size(), 0);
    assert_eq!(download.read(&mut [0; 4]).unwrap(), 0);
}

#[test]
fn missing_bytes_are_flagged_and_not_opened() {
    let script = Script::default();
    let error = open_in(&RecordingStore::empty(&script), &script).unwrap_err();
    assert!(is_damaged(&error, "it is missing"), "{error}");
    assert_eq!(script.notes(), ["store.open held", "blobs.flag_damaged"]);
}

#[test]
fn a_size_off_by_one_either_way_is_flagged_and_not_opened() {
    for found in [&b"012345678"[..], b"01234567890"] {
        let script = Script::default();
        let error = open(&script, found).unwrap_err();
        assert!(is_damaged(&error, "its size has changed"), "{error}");
        assert_eq!(flags(&script), 1);
    }
}

#[test]
fn changed_bytes_never_leave_and_are_flagged() {
    for (sound, block) in [(0, 10), (3, 10), (9, 4), (9, 100)] {
        let script = Script::default();
        let mut download = changed_behind(&script, sound);
        let (out, error) = drain(&mut download, block);
        assert_eq!(out, CONTENT[..sound]);
        assert!(is_damaged(&error.unwrap(), "its bytes have changed"));
        assert_eq!(flags(&script), 1);
    }
}

#[test]
fn who_asks_again_after_changed_bytes_is_not_told_that_all_is_read() {
    let mut download = changed_behind(&Script::default(), 9);
    drain(&mut download, 4).1.unwrap();
    assert!(download.read(&mut [0; 4]).is_err());
    assert!(!download.is_complete());
}

#[test]
fn what_is_at_hand_is_read_at_once() {
    let script = Script::default();
    let mut download = over_broken_reader(&script, 10, io::ErrorKind::Other);
    let mut buffer = [0; 6];
    assert_eq!(download.read_now(&mut buffer), Some(6));
    assert_eq!(download.read_now(&mut buffer), Some(4));
    assert_eq!(buffer[..4], CONTENT[6..]);
    assert_eq!(download.read_now(&mut buffer), Some(0));
    assert_eq!(download.read_now(&mut []), Some(0));
}

#[test]
fn nothing_is_flagged_at_once_but_where_it_may_take_time() {
    let script = Script::default();
    let mut download = changed_behind(&script, 4);
    let mut buffer = [0; 6];
    assert_eq!(download.read_now(&mut buffer), Some(4));
    assert_eq!(download.read_now(&mut buffer), None);
    assert_eq!((flags(&script), download.remaining()), (0, 6));
    download.read(&mut buffer).unwrap_err();
    assert_eq!(flags(&script), 1);
    // A store that cannot tell what is at hand.
    let mut waiting = open(&Script::default(), CONTENT).unwrap();
    assert_eq!(waiting.read_now(&mut buffer), None);
    assert_eq!(waiting.read(&mut buffer).unwrap(), 6);
}

#[test]
fn bytes_that_end_early_are_flagged() {
    let script = Script::default();
    let store = RecordingStore {
        claimed_size: Some(10),
        ..RecordingStore::holding(&script, b"012345678")
    };
    let mut download = open_in(&store, &script).unwrap();
    let (out, error) = drain(&mut download, 5);
    assert_eq!(out, b"012345678");
    assert!(is_damaged(&error.unwrap(), "it is short"));
    assert_eq!(flags(&script), 1);
}

#[test]
fn a_device_that_fails_says_nothing_about_the_bytes() {
    let script = Script::default();
    let mut download = over_broken_reader(&script, 0, io::ErrorKind::PermissionDenied);
    let error = download.read(&mut [0; 4]).unwrap_err();
    assert!(matches!(error, DownloadError::Port(_)));
    assert_eq!(error.code(), Code::ServerError);
    assert_eq!(flags(&script), 0);
}

#[test]
fn every_failing_port_keeps_content_closed() {
    fail_every_call(
        &[],
        |script| match open_in(&RecordingStore::empty(script), script) {
            Err(DownloadError::Damaged { reason, .. }) => Ok(reason),
            Err(DownloadError::Port(error)) => Err(error.code()),
            Ok(_) => Ok("opened"),
        },
        |reason| *reason == "it is missing",
    );
}

#[test]
fn that_damage_could_not_be_flagged_comes_before_the_damage() {
    for (kind, code) in KINDS {
        let script = Script::failing_on("blobs.flag_damaged", kind);
        let mut changed = changed_behind(&script, 0);
        let mut short = over_broken_reader(&script, 0, io::ErrorKind::UnexpectedEof);
        for download in [&mut changed, &mut short] {
            let error = download.read(&mut [0; 10]).unwrap_err();
            assert!(matches!(error, DownloadError::Port(_)));
            assert_eq!(error.code(), code);
        }
        assert_eq!(flags(&script), 2);
    }
}

/// The part of [`CONTENT`], `found` now, that begins at `start`.
fn part(script: &Script, found: &[u8], start: u64, length: u64) -> Download {
    open(script, found).unwrap().part(start, length).unwrap()
}

#[test]
fn a_part_is_read_alone_in_blocks_of_any_size() {
    for (start, length, expected) in [
        (0, 1, &b"0"[..]),
        (0, 9, b"012345678"),
        (3, 4, b"3456"),
        (9, 1, b"9"),
        (8, 100, b"89"),
        (1, u64::MAX, b"123456789"),
        (5, 0, b""),
        (10, 1, b""),
        (u64::MAX, u64::MAX, b""),
    ] {
        for block in [1, 3, 100] {
            let script = Script::default();
            let mut download = part(&script, CONTENT, start, length);
            assert_eq!(download.remaining(), expected.len() as u64);
            assert_eq!(download.size(), 10, "of the whole");
            let (out, error) = drain(&mut download, block);
            assert!(error.is_none() && download.is_complete());
            assert_eq!(out, expected, "{length} from {start} in blocks of {block}");
            assert_eq!(flags(&script), 0);
        }
    }
}

#[test]
fn a_part_begins_anew_wherever_reading_was() {
    let mut download = open(&Script::default(), CONTENT).unwrap();
    download.read(&mut [0; 4]).unwrap();
    let mut whole = download.part(0, 10).unwrap();
    assert_eq!(drain(&mut whole, 4).0, CONTENT);
    let mut tail = whole.part(8, 2).unwrap();
    assert_eq!(drain(&mut tail, 4).0, b"89");
}

#[test]
fn a_part_that_ends_early_is_flagged() {
    let script = Script::default();
    let store = RecordingStore {
        claimed_size: Some(10),
        ..RecordingStore::holding(&script, b"012345678")
    };
    let mut download = open_in(&store, &script).unwrap().part(7, 3).unwrap();
    let (out, error) = drain(&mut download, 2);
    assert_eq!(out, b"78");
    assert!(is_damaged(&error.unwrap(), "it is short"));
    assert_eq!(flags(&script), 1);
}

#[test]
fn a_device_that_does_not_seek_says_nothing_about_the_bytes() {
    let script = Script::default();
    let download = over_broken_reader(&script, 0, io::ErrorKind::PermissionDenied);
    let error = download.part(1, 1).unwrap_err();
    assert_eq!(error.code(), Code::ServerError);
    assert_eq!(flags(&script), 0);
}

#[test]
fn debug_names_the_key_and_no_content() {
    let download = open(&Script::default(), CONTENT).unwrap();
    let shown = format!("{download:?}");
    assert!(shown.contains("held") && shown.contains("remaining: 10"));
    assert!(!shown.contains("0123"));
}

#[test]
fn flagged_bytes_are_read_as_far_as_they_are_sound() {
    let blob = BlobRef {
        damaged: true,
        ..held(CONTENT)
    };
    let script = Script::default();
    let store = RecordingStore::holding(&script, CONTENT);
    let flagged = Download::open(&store, Arc::new(blobs(&script)), blob).unwrap();
    let mut part = flagged.part(2, 5).unwrap();
    assert_eq!(drain(&mut part, 4).0, b"23456");
}

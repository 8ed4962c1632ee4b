//! Takes a file out of a zip without unpacking it: a zip and a gzip hold the same compressed stream, and differ in what
//! stands before and behind it. A file is therefore sent as it was released, and there is no decompressor in the server.

/// The end of the central directory, an entry of it, and the head of a file.
const END: [u8; 4] = *b"PK\x05\x06";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const FILE: [u8; 4] = *b"PK\x03\x04";
const DEFLATED: usize = 8;

/// The file whose path ends so, as gzip; `None` if the archive has none or is not understood.
pub(super) fn as_gzip(archive: &[u8], ending: &str) -> Option<Vec<u8>> {
    let end = archive.windows(4).rposition(|four| four == END)?;
    let mut at = number(archive, end.checked_add(16)?, 4)?;
    loop {
        if archive.get(at..at.checked_add(4)?)? != ENTRY {
            return None;
        }
        let field = |offset: usize, bytes| number(archive, at.checked_add(offset)?, bytes);
        let name_at = at.checked_add(46)?;
        let name_end = name_at.checked_add(field(28, 2)?)?;
        if archive.get(name_at..name_end)?.ends_with(ending.as_bytes()) {
            if field(10, 2)? != DEFLATED {
                return None;
            }
            let (sum, packed, size) = (at.checked_add(16)?, field(20, 4)?, at.checked_add(24)?);
            let stream = stream(archive, field(42, 4)?, packed)?;
            // No name, no time, an unknown system; behind it the checksum and the size, which the zip has in front.
            let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
            gzip.extend_from_slice(stream);
            gzip.extend_from_slice(archive.get(sum..sum.checked_add(4)?)?);
            gzip.extend_from_slice(archive.get(size..size.checked_add(4)?)?);
            return Some(gzip);
        }
        at = name_end
            .checked_add(field(30, 2)?)?
            .checked_add(field(32, 2)?)?;
    }
}

/// The compressed bytes behind the head of a file.
fn stream(archive: &[u8], head: usize, length: usize) -> Option<&[u8]> {
    if archive.get(head..head.checked_add(4)?)? != FILE {
        return None;
    }
    let name = number(archive, head.checked_add(26)?, 2)?;
    let extra = number(archive, head.checked_add(28)?, 2)?;
    let begin = head
        .checked_add(30)?
        .checked_add(name)?
        .checked_add(extra)?;
    archive.get(begin..begin.checked_add(length)?)
}

/// A number of `count` bytes, the least first.
fn number(archive: &[u8], at: usize, count: usize) -> Option<usize> {
    let bytes = archive.get(at..at.checked_add(count)?)?;
    bytes.iter().rev().try_fold(0_usize, |sum, byte| {
        sum.checked_mul(256)?.checked_add(usize::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip of two files, the second of them `b/x.txt` with the deflated bytes of "hello", made by hand.
    fn archive() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        let files: [(&str, u16, &[u8]); 2] = [
            ("a/x.md", 0, b"hello"),
            ("b/x.txt", 8, &[0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        ];
        for (name, method, data) in files {
            let head = u32::try_from(bytes.len()).unwrap();
            let name_length = u16::try_from(name.len()).unwrap();
            let length = u32::try_from(data.len()).unwrap();
            bytes.extend_from_slice(&FILE);
            bytes.extend_from_slice(&[0; 22]);
            bytes.extend_from_slice(&name_length.to_le_bytes());
            bytes.extend_from_slice(&3_u16.to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b"xyz");
            bytes.extend_from_slice(data);
            directory.extend_from_slice(&ENTRY);
            directory.extend_from_slice(&[0; 6]);
            directory.extend_from_slice(&method.to_le_bytes());
            directory.extend_from_slice(&[0; 4]);
            directory.extend_from_slice(&0x3610_a686_u32.to_le_bytes());
            directory.extend_from_slice(&length.to_le_bytes());
            directory.extend_from_slice(&5_u32.to_le_bytes());
            directory.extend_from_slice(&name_length.to_le_bytes());
            directory.extend_from_slice(&[0; 12]);
            directory.extend_from_slice(&head.to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
        }
        let directory_at = u32::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(&directory);
        bytes.extend_from_slice(&END);
        bytes.extend_from_slice(&[0; 12]);
        bytes.extend_from_slice(&directory_at.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes
    }

    #[test]
    fn a_file_keeps_its_compressed_bytes_its_checksum_and_its_size() {
        let gzip = as_gzip(&archive(), "/x.txt").unwrap();
        let expected = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
            0xa6, 0x10, 0x36, 5, 0, 0, 0,
        ];
        assert_eq!(gzip, expected);
    }

    #[test]
    fn what_is_not_there_or_not_compressed_is_none() {
        assert_eq!(as_gzip(&archive(), "/y.txt"), None);
        assert_eq!(as_gzip(&archive(), "/x.md"), None);
        assert_eq!(as_gzip(b"no archive", "/x.txt"), None);
    }

    #[test]
    fn an_archive_that_is_cut_off_anywhere_does_no_harm() {
        let whole = archive();
        for length in 0..whole.len() {
            // The last two bytes are the length of a comment, which nobody reads.
            let found = as_gzip(&whole[..length], "/x.txt");
            assert_eq!(found.is_some(), length >= whole.len() - 2, "{length}");
        }
    }

    #[test]
    fn both_files_of_swagger_ui_are_in_the_binary() {
        for name in [super::super::UI_SCRIPT, super::super::UI_STYLE] {
            let packed = super::super::from_release(name).unwrap();
            assert!(packed.len() > 10_000, "{name}: {}", packed.len());
        }
    }
}

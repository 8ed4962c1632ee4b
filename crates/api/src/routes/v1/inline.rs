//! What may be shown on the server's own origin instead of being saved: a few kinds of content that no browser
//! runs anything of. What the bytes are decides, and never what they are called: whoever uploads chooses the title.

use actix_web::http::header::HeaderValue;
use kms_domain::files::Download;

use super::disposition::Disposition;
use crate::error::ApiError;

/// The type of everything that is not shown.
pub(super) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const PNG: HeaderValue = HeaderValue::from_static("image/png");
const JPEG: HeaderValue = HeaderValue::from_static("image/jpeg");
const GIF: HeaderValue = HeaderValue::from_static("image/gif");
const WEBP: HeaderValue = HeaderValue::from_static("image/webp");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Bytes at the beginning that are looked at. Pictures need the first dozen; text needs enough that what is
/// no text shows it.
const LOOKED_AT: usize = 4096;

/// Looks at the beginning of `content`, and says how it may be shown. Blocks: for use inside a storage job.
pub(super) fn judge(
    mut content: Download,
) -> Result<(Disposition, HeaderValue, Download), ApiError> {
    let size = content.size();
    let mut begin = vec![0; usize::try_from(size).map_or(LOOKED_AT, |size| size.min(LOOKED_AT))];
    let mut filled = 0;
    while let Some(room) = begin.get_mut(filled..).filter(|room| !room.is_empty()) {
        match content.read(room)? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    begin.truncate(filled);
    let is_all = u64::try_from(filled).is_ok_and(|filled| filled == size);
    let content = content.part(0, size)?;
    Ok(match harmless(&begin, is_all) {
        Some(media_type) => (Disposition::Inline, media_type, content),
        None => (Disposition::Attachment, OCTETS, content),
    })
}

/// The type of content that begins so, if it is one of the harmless ones.
fn harmless(begin: &[u8], is_all: bool) -> Option<HeaderValue> {
    let after = |magic: &[u8]| begin.strip_prefix(magic);
    if after(b"\x89PNG\r\n\x1a\n").is_some() {
        return Some(PNG);
    }
    if after(b"\xff\xd8\xff").is_some() {
        return Some(JPEG);
    }
    if after(b"GIF87a").or_else(|| after(b"GIF89a")).is_some() {
        return Some(GIF);
    }
    let riff = after(b"RIFF").and_then(|rest| rest.get(4..));
    if riff.is_some_and(|rest| rest.starts_with(b"WEBPVP8")) {
        return Some(WEBP);
    }
    is_text(begin, is_all).then_some(TEXT)
}

/// UTF-8 of at least one character, none of which is a control character that texts do not have. The
/// last character may be cut where there is more to come.
fn is_text(begin: &[u8], is_all: bool) -> bool {
    let text = match std::str::from_utf8(begin) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && !is_all => {
            let (valid, _) = begin.split_at(error.valid_up_to());
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_usual = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    !text.is_empty() && text.chars().all(is_usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(begin: &[u8]) -> Option<String> {
        harmless(begin, true).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn pictures_are_known_by_how_they_begin() {
        for (begin, needed, media_type) in [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), 8, "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", 3, "image/jpeg"),
            (b"GIF87a\x01\0", 6, "image/gif"),
            (b"GIF89a\x01\0", 6, "image/gif"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", 15, "image/webp"),
            (b"RIFF\x10\0\0\0WEBPVP8L", 15, "image/webp"),
        ] {
            for enough in [begin, &begin[..needed]] {
                assert_eq!(kind(enough).as_deref(), Some(media_type), "{enough:?}");
            }
            // One byte short of it, or with another one, it is not.
            let short = &begin[..needed - 1];
            let mut other = begin.to_vec();
            other[needed - 1] ^= 1;
            for wrong in [short, &other] {
                assert_ne!(kind(wrong).as_deref(), Some(media_type), "{wrong:?}");
            }
        }
    }

    #[test]
    fn what_could_run_is_shown_as_text_or_not_at_all() {
        for begin in [
            "<!DOCTYPE html><script>alert(1)</script>",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
            "<?xml version=\"1.0\"?>",
            "报告\r\n\tform feed \u{c}",
            "\u{feff}with a mark",
        ] {
            let found = kind(begin.as_bytes());
            assert_eq!(
                found.as_deref(),
                Some("text/plain; charset=utf-8"),
                "{begin}"
            );
        }
        for begin in [
            b"".as_slice(),
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
            b"RIFF\x10\0\0\0WAVEfmt ",
            b"MZ\x90\0",
            b"\x7fELF",
            b"\0\0\0\x18ftypmp42",
            b"\xff\xfe<\0s\0c\0r\0i\0p\0t\0",
            b"a\0b",
            b"a\x1b[31m",
            b"caf\xe9",
        ] {
            assert_eq!(kind(begin), None, "{begin:?}");
        }
    }

    #[test]
    fn a_character_may_be_cut_only_where_more_follows() {
        let cut = &"字".as_bytes()[..2];
        let text = [b"text ".as_slice(), cut].concat();
        assert!(is_text(&text, false));
        assert!(!is_text(&text, true));
        assert!(!is_text(cut, false), "nothing of it is a character");
        assert!(!is_text(b"text \xff more", false));
    }
}

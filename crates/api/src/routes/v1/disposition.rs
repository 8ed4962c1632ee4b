//! The `Content-Disposition` of a download (RFC 6266, with the parameter encoding of RFC 8187).

use std::fmt::Write as _;

/// What a browser is to do with a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    /// Keep it as a file.
    Attachment,
    /// Show it.
    Inline,
}

impl Disposition {
    /// The value of the header, with the title as a file name.
    pub(super) fn value(self, title: &str) -> String {
        match self {
            Self::Attachment => with_name("attachment", title),
            Self::Inline => with_name("inline", title),
        }
    }
}

/// `kind` with the title as a file name, twice: reduced to ASCII for old clients, and whole.
/// Whatever the title holds, the value is plain ASCII that no header parser stumbles over.
fn with_name(kind: &str, title: &str) -> String {
    let name = file_name(title);
    let mut value = format!("{kind}; filename=\"");
    // A percent sign is decoded by some clients and not by others.
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '%');
    value.extend(name.chars().map(|c| if plain(c) { c } else { '_' }));
    value.push_str("\"; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

/// A title is a text; a file name must not lead anywhere and must not look like another one.
pub(super) fn file_name(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|c| if is_harmful(c) { '_' } else { c })
        .collect();
    match name.as_str() {
        "" | "." | ".." => "_".to_owned(),
        _ => name,
    }
}

/// Separators of paths, control characters, and those that turn the direction of reading, by which
/// `exe.fdp` can be made to look like a document.
fn is_harmful(c: char) -> bool {
    matches!(c, '/' | '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c.is_control()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn attachment(title: &str) -> String {
        Disposition::Attachment.value(title)
    }

    #[test]
    fn a_title_is_there_in_both_forms() {
        for (title, plain, encoded) in [
            ("a.txt", "a.txt", "a.txt"),
            (
                "my file (1).txt",
                "my file (1).txt",
                "my%20file%20%281%29.txt",
            ),
            ("报告.pdf", "__.pdf", "%E6%8A%A5%E5%91%8A.pdf"),
            ("😀", "_", "%F0%9F%98%80"),
            ("50% \"off\"", "50_ _off_", "50%25%20%22off%22"),
            ("a';b*=c", "a';b*=c", "a%27%3Bb%2A%3Dc"),
        ] {
            let expected = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
            assert_eq!(attachment(title), expected, "{title}");
            let shown = expected.replace("attachment", "inline");
            assert_eq!(Disposition::Inline.value(title), shown, "{title}");
        }
    }

    #[test]
    fn nothing_in_a_title_leads_elsewhere_or_breaks_the_header() {
        for (title, name) in [
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("C:\\boot.ini", "C:_boot.ini"),
            ("a\r\nSet-Cookie: x", "a__Set-Cookie: x"),
            ("a\0\u{7f}\u{85}", "a___"),
            ("a\u{202e}fdp.exe", "a_fdp.exe"),
            ("\u{2066}a\u{2069}\u{200f}\u{61c}", "_a___"),
            (".", "_"),
            ("..", "_"),
            ("/", "_"),
            ("", "_"),
        ] {
            assert_eq!(file_name(title), name, "{title:?}");
        }
    }

    proptest! {
        #[test]
        fn every_title_makes_a_header_of_two_parameters(title in any::<String>()) {
            let value = attachment(&title);
            prop_assert!(HeaderValue::from_str(&value).is_ok());
            prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(value.matches('"').count(), 2);
            prop_assert!(!value.contains(['\\', '/']));
        }
    }
}

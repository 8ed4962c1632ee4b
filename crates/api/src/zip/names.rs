//! Names of files in an archive: whatever a title is, what unpacks it writes one file, into its own folder.

use std::collections::{HashMap, HashSet};

/// Most bytes of a name, a number included that makes it unique. File systems have 255 at most.
const MOST_BYTES: usize = 240;
/// Bytes of an ending that is kept when a name is cut.
const MOST_ENDING: usize = 16;
/// Bytes of a number of seven digits with its blank and its brackets.
const MOST_NUMBER: usize = 10;
/// Names that mean devices on Windows, with any ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The names of one archive so far. No two are alike, also where capitals make no difference.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
    /// The number that was used last in front of an ending, for all names that begin so when they are cut.
    last: HashMap<(String, String), usize>,
}

impl Names {
    /// A name for one more file with this title.
    pub(crate) fn add(&mut self, title: &str) -> String {
        let name = safe(title);
        if self.taken.insert(folded(&name)) {
            return name;
        }
        let (stem, ending) = split(&name);
        // Names that differ only where they are cut would otherwise try each other's numbers.
        let room = MOST_BYTES.saturating_sub(MOST_NUMBER.saturating_add(ending.len()));
        let alike = (folded(cut(stem, room)), folded(ending));
        let mut number = self.last.get(&alike).copied().unwrap_or(1);
        loop {
            number = number.saturating_add(1);
            let tail = format!(" ({number}){ending}");
            let candidate = format!("{}{tail}", cut(stem, MOST_BYTES.saturating_sub(tail.len())));
            if self.taken.insert(folded(&candidate)) {
                self.last.insert(alike, number);
                return candidate;
            }
        }
    }
}

/// What is the same for names that some system takes to be the same. There are letters that only their
/// capitals show to be alike (`ſ` and `s`), and capitals that only their small letters do.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// A title as the name of a file on every system.
fn safe(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|c| if is_unsafe(c) { '_' } else { c })
        .collect();
    let mut name = closed(&name);
    let word = name.split('.').next().unwrap_or_default().trim_end();
    if is_device(&word.to_lowercase()) {
        name.insert(0, '_');
    }
    if name.is_empty() {
        return "_".to_owned();
    }
    let (stem, ending) = split(&name);
    let cut = cut(stem, MOST_BYTES.saturating_sub(ending.len()));
    closed(&format!("{cut}{ending}"))
}

/// Windows drops spaces and dots at the end, and then it is another name.
fn closed(name: &str) -> String {
    let kept = name.trim_end_matches([' ', '.']).len();
    let close = |(at, c)| if at < kept { c } else { '_' };
    name.char_indices().map(close).collect()
}

/// Separators of paths, drives and streams, what shells and Windows read as something else, control
/// characters, and those that are not seen or turn the direction of reading.
fn is_unsafe(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || c.is_control()
}

fn is_device(word: &str) -> bool {
    let numbered = |name: &str| {
        let mut number = word.strip_prefix(name)?.chars();
        let digit = number.next()?;
        (number.next().is_none() && (digit.is_ascii_digit() || "¹²³".contains(digit))).then_some(())
    };
    DEVICES.contains(&word) || numbered("com").is_some() || numbered("lpt").is_some()
}

/// A name in front of its ending, and the ending with its dot, if it has a short one.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len().saturating_sub(at) <= MOST_ENDING => name.split_at(at),
        _ => (name, ""),
    }
}

/// As much of a text as fits into so many bytes, in whole characters.
fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_in_a_title_leads_out_of_the_folder() {
        for (title, name) in [
            ("报告 (1).pdf", "报告 (1).pdf"),
            ("a", "a"),
            (".profile", ".profile"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("..\\..\\boot.ini", ".._.._boot.ini"),
            ("C:\\boot.ini", "C__boot.ini"),
            ("C:boot.ini", "C_boot.ini"),
            ("a:stream", "a_stream"),
            ("\\\\server\\share", "__server_share"),
            (".", "_"),
            ("..", "__"),
            ("...", "___"),
            ("", "_"),
            (" ", "_"),
            ("a. .", "a___"),
            ("a\0b\r\nc\u{7f}", "a_b__c_"),
            ("a\u{202e}fdp.exe", "a_fdp.exe"),
            ("a\u{200b}\u{feff}b", "a__b"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Com1 .log", "_Com1 .log"),
            ("lpt²", "_lpt²"),
            ("console", "console"),
            ("com10", "com10"),
        ] {
            assert_eq!(safe(title), name, "{title:?}");
        }
    }

    #[test]
    fn alike_titles_get_names_of_their_own() {
        let mut names = Names::default();
        let titles = [
            "a.txt",
            "A.TXT",
            "a.txt",
            "a (2).txt",
            "a.txt",
            ".a",
            ".a",
            "a/b",
            "a\\b",
        ];
        let found = titles.map(|title| names.add(title));
        assert_eq!(
            found,
            [
                "a.txt",
                "A (2).TXT",
                "a (3).txt",
                "a (2) (2).txt",
                "a (4).txt",
                ".a",
                ".a (2)",
                "a_b",
                "a_b (2)"
            ]
        );
    }

    #[test]
    fn long_titles_are_cut_in_front_of_their_endings() {
        let mut names = Names::default();
        let title = format!("{}.tar.gz", "字".repeat(248));
        let (first, second) = (names.add(&title), names.add(&title));
        assert!(
            first.len() <= MOST_BYTES && first.ends_with("字.gz"),
            "{first}"
        );
        assert!(
            second.len() <= MOST_BYTES && second.ends_with("字 (2).gz"),
            "{second}"
        );
    }

    #[test]
    fn capitals_of_every_script_make_no_difference() {
        let mut names = Names::default();
        let titles = [
            "s", "ſ", "K", "\u{212a}", "straße", "STRASSE", "ΟΔΟΣ", "οδος", "οδοσ",
        ];
        let found = titles.map(|title| names.add(title));
        let numbered = [
            "ſ (2)",
            "\u{212a} (2)",
            "STRASSE (2)",
            "οδος (2)",
            "οδοσ (3)",
        ];
        assert_eq!([1, 3, 5, 7, 8].map(|at| found[at].as_str()), numbered);
    }

    #[test]
    fn many_alike_titles_take_no_time() {
        let mut names = Names::default();
        let all: HashSet<_> = (0..10_000).map(|_| names.add("a.txt")).collect();
        assert_eq!(all.len(), 10_000);
        // Alike only when they are cut.
        let long = |n: usize| format!("{}{:06}.txt", "x".repeat(230), n / 2);
        let all: HashSet<_> = (0..60_000).map(|n| names.add(&long(n))).collect();
        assert_eq!(all.len(), 60_000);
    }

    proptest! {
        #[test]
        fn names_are_safe_and_unique_whatever_the_titles(
            titles in prop::collection::vec("(?s).{0,3}|\\PC{0,300}|[a.A ]{0,3}", 1..20)
        ) {
            let mut names = Names::default();
            let (mut seen, mut capitals) = (HashSet::new(), HashSet::new());
            for title in &titles {
                let name = names.add(title);
                prop_assert!(!name.is_empty() && name.len() <= MOST_BYTES, "{name:?}");
                prop_assert!(!name.chars().any(is_unsafe), "{name:?}");
                prop_assert!(!name.ends_with(['.', ' ']), "{name:?}");
                prop_assert!(seen.insert(name.to_lowercase()), "{name:?}");
                prop_assert!(capitals.insert(name.to_uppercase()), "{name:?}");
            }
        }
    }
}

//! "Did you mean": the known name that is closest to a mistyped one.

/// The candidate nearest to `name`, if it is near enough that a slip of the fingers explains it:
/// at most two edits, and at most a third of the name.
pub(crate) fn closest<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let allowed = (name.chars().count() / 3).min(2);
    candidates
        .map(|candidate| (distance(&name, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be added, dropped or replaced to turn one text into the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (above, a) in from.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        let mut next = vec![left];
        for (b, up) in to.chars().zip(row.iter().copied().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(up + 1).min(left + 1);
            diagonal = up;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn edits_are_counted() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("max_file", "max_file", 0),
            ("maxfile", "max_file", 1),
            ("max_flie", "max_file", 2),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["max_file", "max_body", "log", "listen"];
        let suggest = |name| closest(name, names.into_iter());
        assert_eq!(suggest("maxfile"), Some("max_file"));
        assert_eq!(suggest("MAX-FILE"), Some("max_file"));
        assert_eq!(suggest("max_bod"), Some("max_body"));
        assert_eq!(suggest("lgo"), None);
        assert_eq!(suggest("colour"), None);
        assert_eq!(suggest(""), None);
    }
}

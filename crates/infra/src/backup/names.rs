//! Names of generations: the time at which one was begun, in a form that sorts as time does and is a
//! file name everywhere.

use kms_domain::{Timestamp, Utc};

/// `2026-11-25T15-26-38.123Z`.
pub(super) fn name_of(time: Timestamp) -> String {
    let Utc {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millis,
    } = time.into();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{millis:03}Z")
}

/// The least name after `name`, which may be a time that there is not.
pub(super) fn name_after(name: &str) -> String {
    let mut carried = true;
    let mut next: Vec<char> = Vec::with_capacity(name.len());
    for c in name.chars().rev() {
        let (c, carries) = match c.to_digit(10).filter(|_| carried) {
            Some(9) => ('0', true),
            Some(digit) => (
                char::from_digit(digit.saturating_add(1), 10).unwrap_or(c),
                false,
            ),
            None => (c, carried),
        };
        carried = carries;
        next.push(c);
    }
    next.iter().rev().collect()
}

/// Whether a name is one of [`name_of`]'s, as far as its form goes.
pub(super) fn is_name(name: &str) -> bool {
    let form = b"0000-00-00T00-00-00.000Z";
    name.len() == form.len()
        && name.bytes().zip(form).all(|(found, wanted)| match wanted {
            b'0' => found.is_ascii_digit(),
            other => found == *other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_dates() {
        for (millis, name) in [
            (0, "1970-01-01T00-00-00.000Z"),
            (951_827_696_789, "2000-02-29T12-34-56.789Z"),
            (1_709_251_199_999, "2024-02-29T23-59-59.999Z"),
            (1_709_251_200_000, "2024-03-01T00-00-00.000Z"),
            (1_764_084_398_123, "2025-11-25T15-26-38.123Z"),
            (-1, "1969-12-31T23-59-59.999Z"),
        ] {
            assert_eq!(name_of(Timestamp::from_millis(millis)), name);
            assert!(is_name(name));
        }
    }

    #[test]
    fn the_next_name_is_greater() {
        for (name, next) in [
            ("2025-11-25T15-26-38.123Z", "2025-11-25T15-26-38.124Z"),
            ("2025-11-25T15-26-38.999Z", "2025-11-25T15-26-39.000Z"),
            ("2025-12-31T23-59-59.999Z", "2025-12-31T23-59-60.000Z"),
        ] {
            assert_eq!(name_after(name), next);
            assert!(is_name(next) && *next > *name);
        }
    }

    #[test]
    fn other_names_are_told_apart() {
        for name in [
            "",
            "lost+found",
            "2025-11-25T15-26-38.123",
            "2025-11-25T15:26:38.123Z",
            "2025-11-25T15-26-38.123Z~",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}

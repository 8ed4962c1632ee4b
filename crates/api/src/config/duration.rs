//! Lengths of time as people write them.

use std::time::Duration;

/// Every unit and its milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a whole number with a unit: `500ms`, `15s`, `10min`, `2h`, `30d`.
///
/// # Errors
/// A sentence for the operator where there is more to say than "this is no length of time".
pub(crate) fn parse(text: &str) -> Result<Duration, Option<String>> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start();
    if number.is_empty() {
        return Err(None);
    }
    if unit.is_empty() {
        return Err(Some(format!(
            "a number alone has no unit: write {number}s for seconds"
        )));
    }
    if unit.eq_ignore_ascii_case("m") {
        return Err(Some(format!("write {number}min for minutes")));
    }
    let (_, factor) = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
        .ok_or(None)?;
    let number: u64 = number.parse().map_err(|_| None)?;
    number
        .checked_mul(*factor)
        .map(Duration::from_millis)
        .ok_or(None)
}

/// Writes a length of time in the longest unit that divides it, so that [`parse`] reads it back.
/// What is finer than a millisecond is left out: no setting can hold it.
pub(crate) fn text(duration: Duration) -> String {
    let millis = duration.as_millis();
    UNITS
        .iter()
        .find(|(_, factor)| millis != 0 && millis.is_multiple_of(u128::from(*factor)))
        .map_or_else(
            || "0s".to_owned(),
            |(name, factor)| format!("{}{name}", millis / u128::from(*factor)),
        )
}

#[cfg(test)]
mod tests {
    use super::{parse, text};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn every_unit_of_time_is_read() {
        for (written, millis) in [
            ("500ms", 500),
            ("15s", 15_000),
            ("15 S", 15_000),
            ("10min", 600_000),
            ("2h", 7_200_000),
            (" 30d ", 2_592_000_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse(written),
                Ok(Duration::from_millis(millis)),
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for written in [
            "",
            "s",
            "-1s",
            "+1s",
            "1.5h",
            "1h30min",
            "3 weeks",
            "１s",
            "18446744073709551615d",
        ] {
            assert!(parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_advice() {
        assert!(parse("30").unwrap_err().unwrap().contains("30s"));
        assert!(parse("10m").unwrap_err().unwrap().contains("10min"));
    }

    #[test]
    fn a_time_is_shown_in_its_longest_unit() {
        for (millis, written) in [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (600_000, "10min"),
            (86_400_000, "1d"),
        ] {
            assert_eq!(text(Duration::from_millis(millis)), written);
        }
    }

    proptest! {
        #[test]
        fn any_time_is_read_back_as_it_was_shown(millis in any::<u64>(), shift in 0_u32..64) {
            let duration = Duration::from_millis(millis >> shift);
            prop_assert_eq!(parse(&text(duration)), Ok(duration));
        }
    }
}

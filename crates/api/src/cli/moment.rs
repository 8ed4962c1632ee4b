//! Times as operators read and write them: the part of RFC 3339 that is UTC.

use kms_domain::{Timestamp, Utc};

/// Reads `2026-11-25`, `2026-11-25T15:00:00Z` or `2026-11-25T15:00:00.123Z`: milliseconds since
/// 1970-01-01 UTC. `None` for everything else, days that there are not among it.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let [hour, minute, second, millis] = time.map_or(Some([0; 4]), of_day)?;
    let written = Utc {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millis,
    };
    written.timestamp().map(Timestamp::as_millis)
}

/// Writes `2026-11-25T15:00:00.123Z`.
pub fn text(millis: i64) -> String {
    let Utc {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millis,
    } = Timestamp::from_millis(millis).into();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

fn of_day(time: &str) -> Option<[i64; 4]> {
    let time = time.strip_suffix(['Z', 'z'])?;
    let (clock, millis) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, digits(fraction, 3)?),
        None => (time, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    Some([hour, minute, second, millis])
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn times_are_read_and_written() {
        for (written, millis, shown) in [
            ("1970-01-01", 0, "1970-01-01T00:00:00.000Z"),
            ("2000-02-29", 951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (
                "2026-11-25T15:26:38Z",
                1_795_620_398_000,
                "2026-11-25T15:26:38.000Z",
            ),
            ("1969-12-31 23:59:59.999z", -1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(parse(written), Some(millis), "{written}");
            assert_eq!(text(millis), shown);
        }
    }

    #[test]
    fn every_day_of_four_centuries_is_read_back() {
        for day in 0..=146_097 {
            let millis = day * DAY + 1;
            assert_eq!(parse(&text(millis)), Some(millis));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for written in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01T10:00:00",
            "2026-01-01T10:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T10:00:00+08:00",
            "+026-01-01",
        ] {
            assert_eq!(parse(written), None, "{written}");
        }
    }
}

//! Times as operators read and write them: the part of RFC 3339 that is UTC.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

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
    let days = days_until(year, month, day);
    // A day that there is not comes out as another one.
    if date_of(days) != (year, month, day) {
        return None;
    }
    let of_day = time.map_or(Some(0), of_day)?;
    Some(days * DAY + of_day)
}

/// Writes `2026-11-25T15:00:00.123Z`.
pub fn text(millis: i64) -> String {
    let (year, month, day) = date_of(millis.div_euclid(DAY));
    let of_day = millis.rem_euclid(DAY);
    let (seconds, fraction) = (of_day / 1000, of_day % 1000);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hour, minute) = (minutes / 60, minutes % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

fn of_day(time: &str) -> Option<i64> {
    let time = time.strip_suffix(['Z', 'z'])?;
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, digits(fraction, 3)?),
        None => (time, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    let is_a_time = hour < 24 && minute < 60 && second < 60;
    is_a_time.then_some(((hour * 60 + minute) * 60 + second) * 1000 + fraction)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's algorithm, which counts
/// from a first of March, so that a leap day is the last of its year).
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted = (month + 9) % 12;
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

/// The reverse of [`days_until`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let since = days.saturating_add(719_468);
    let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

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

use crate::Timestamp;

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A point in time as the Gregorian calendar and the clock have it in UTC, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// Counted as astronomers do, with a year 0.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 0 to 999.
    pub millis: i64,
}

impl From<Timestamp> for Utc {
    fn from(time: Timestamp) -> Self {
        let (year, month, day) = date_of(time.as_millis().div_euclid(DAY));
        let of_day = time.as_millis().rem_euclid(DAY);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (minutes, second) = (seconds / 60, seconds % 60);
        Self {
            year,
            month,
            day,
            hour: minutes / 60,
            minute: minutes % 60,
            second,
            millis,
        }
    }
}

impl Utc {
    /// The point in time. `None`: there is no such day or no such time of day, or the year has more than
    /// four digits.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        if !(0..=9999).contains(&self.year) || !(1..=12).contains(&self.month) {
            return None;
        }
        if !(1..=31).contains(&self.day) {
            return None;
        }
        let days = days_until(self.year, self.month, self.day);
        let minutes = self.hour.checked_mul(60)?.checked_add(self.minute)?;
        let seconds = minutes.checked_mul(60)?.checked_add(self.second)?;
        let of_day = seconds.checked_mul(1000)?.checked_add(self.millis)?;
        let time = Timestamp::from_millis((days * DAY).checked_add(of_day)?);
        // A day or a time that there is not comes out as another one.
        (Self::from(time) == self).then_some(time)
    }
}

/// Days from 1970-01-01 to a date (Howard Hinnant's algorithm, which counts from a first of March, so
/// that a leap day is the last of its year).
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
    fn every_day_of_four_centuries_is_found_again() {
        for day in 0..=146_097 {
            let time = Timestamp::from_millis(day * DAY + 1);
            assert_eq!(Utc::from(time).timestamp(), Some(time));
        }
    }

    #[test]
    fn what_there_is_not_is_no_point_in_time() {
        let sound = Utc::from(Timestamp::from_millis(0));
        assert_eq!(sound.timestamp(), Some(Timestamp::from_millis(0)));
        for broken in [
            Utc { month: 13, ..sound },
            Utc { month: 0, ..sound },
            Utc { day: 0, ..sound },
            Utc { day: 32, ..sound },
            Utc {
                month: 2,
                day: 29,
                ..sound
            },
            Utc { hour: 24, ..sound },
            Utc {
                minute: 60,
                ..sound
            },
            Utc {
                second: 60,
                ..sound
            },
            Utc {
                millis: 1000,
                ..sound
            },
            Utc {
                hour: i64::MAX,
                ..sound
            },
            Utc {
                year: i64::MAX,
                ..sound
            },
            Utc { year: -1, ..sound },
        ] {
            assert_eq!(broken.timestamp(), None, "{broken:?}");
        }
    }

    #[test]
    fn the_ends_of_time_have_a_date() {
        for millis in [i64::MIN, i64::MAX] {
            assert!((1..=12).contains(&Utc::from(Timestamp::from_millis(millis)).month));
        }
    }
}

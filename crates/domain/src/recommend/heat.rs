use std::fmt;

use super::float::of_i64;
use crate::Timestamp;
use crate::files::FileId;

/// The time in which what happened loses half of its weight: three days.
pub const HALF_LIFE_MILLIS: i64 = 3 * 24 * 60 * 60 * 1000;

/// How hot something is: the sum of `w · 2^(t / half-life)` over its events, of which the logarithm to the
/// base 2 is kept. All scores fade alike, so their order changes only when something happens, and nothing
/// is ever computed anew. One event of weight 1 alone has the heat `t / half-life`, so things without any
/// other event are in the order of their dates.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Heat(f64);

impl Heat {
    /// The heat of an entry that nothing happened to but its upload.
    #[must_use]
    pub fn of_upload(at: Timestamp) -> Self {
        Self(of_i64(at.as_millis()) / of_i64(HALF_LIFE_MILLIS))
    }

    /// The heat of one event that weighs so many halves.
    #[must_use]
    pub fn of_event(halves: u64, at: Timestamp) -> Self {
        let weight = super::float::of_u64(halves.max(1)) / 2.0;
        Self(Self::of_upload(at).0 + weight.log2())
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (high, low) = if self.0 >= other.0 {
            (self.0, other.0)
        } else {
            (other.0, self.0)
        };
        Self(high + (low - high).exp2().ln_1p() / std::f64::consts::LN_2)
    }

    /// So far below what an upload of this moment has that whatever is at most 1,000 half-lives older, some eight
    /// years, comes before it.
    #[must_use]
    pub fn sunk(at: Timestamp) -> Self {
        Self(Self::of_upload(at).0 - 1_000.0)
    }

    /// From a stored number. `None`: it is none.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// The number to store.
    #[must_use]
    pub const fn as_f64(self) -> f64 {
        self.0
    }
}

/// A place in the hot list. It names an entry that was public, and no number that counts uploads: that would
/// tell how many private ones there are in between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HotPosition {
    /// How hot the entry was.
    pub heat: Heat,
    /// Which entry. Among those of one heat, the order in which they were stored decides.
    pub entry: FileId,
}

impl HotPosition {
    /// Reads what [`Display`](fmt::Display) wrote. `None`: it did not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (heat, entry) = text.split_once('-')?;
        let position = Self {
            heat: Heat::from_f64(f64::from_bits(digits(heat)?))?,
            entry: FileId::parse(entry)?,
        };
        // An id is read in either case.
        (position.to_string() == text).then_some(position)
    }
}

/// 16 lower-case hexadecimal digits: one text for one number.
fn digits(text: &str) -> Option<u64> {
    let all = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 16 || !text.bytes().all(all) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

/// An opaque text, good for clients to bring back.
impl fmt::Display for HotPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.heat.0.to_bits(), self.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_700_000_000_000;
    const ENTRY: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(NOON + millis)
    }

    #[test]
    fn uploads_are_in_the_order_of_their_dates_to_the_millisecond() {
        assert!(Heat::of_upload(at(1)) > Heat::of_upload(at(0)));
        assert_eq!(Heat::of_event(2, at(5)), Heat::of_upload(at(5)));
    }

    #[test]
    fn an_event_is_worth_half_after_three_days() {
        let old = Heat::of_event(4, at(0));
        let new = Heat::of_event(2, at(HALF_LIFE_MILLIS));
        assert!((old.as_f64() - new.as_f64()).abs() < 1e-9);
        // Two equal ones are twice as hot, which is one half-life.
        let both = old.plus(new);
        assert!((both.as_f64() - old.as_f64() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_order_of_events_does_not_matter_and_old_ones_stop_counting() {
        let [a, b, c] = [(2, 0), (4, 1_000_000), (1, 500_000_000)]
            .map(|(halves, millis)| Heat::of_event(halves, at(millis)));
        let (one, other) = (a.plus(b).plus(c), c.plus(a).plus(b));
        assert!((one.as_f64() - other.as_f64()).abs() < 1e-9);
        let ancient = Heat::of_event(4, Timestamp::from_millis(0));
        assert_eq!(c.plus(ancient), c);
        let sunk = Heat::sunk(at(0));
        assert!(sunk < Heat::of_upload(at(-999 * HALF_LIFE_MILLIS)));
        assert!(sunk > Heat::of_upload(at(-1_001 * HALF_LIFE_MILLIS)));
    }

    #[test]
    fn a_position_survives_its_text_and_nothing_else_is_read() {
        let position = HotPosition {
            heat: Heat::of_event(4, at(7)),
            entry: FileId::parse(ENTRY).unwrap(),
        };
        let text = position.to_string();
        assert_eq!(text[16..], format!("-{ENTRY}"));
        assert_eq!(HotPosition::parse(&text), Some(position));
        let nan = format!("{:016x}-{ENTRY}", f64::NAN.to_bits());
        let infinite = format!("{:016x}-{ENTRY}", f64::INFINITY.to_bits());
        let counted = format!("{:016x}-{:016x}", 1.0_f64.to_bits(), 1);
        let upper = format!("{}-{}", &text[..16], ENTRY.to_uppercase());
        for wrong in [
            "",
            "-",
            "0",
            &text.to_uppercase(),
            &upper,
            &text.replace('-', "+"),
            &format!("{text} "),
            &text[1..],
            &nan,
            &infinite,
            &counted,
        ] {
            assert_eq!(HotPosition::parse(wrong), None, "{wrong:?}");
        }
    }
}

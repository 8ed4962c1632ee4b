//! Amounts of bytes as people write them.

use std::fmt;

/// Every unit, in the spelling that is shown, and the bytes it stands for.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// An amount of bytes: `100MiB`, `4 GiB`, `5MB` or `123`.
///
/// `KiB`, `MiB`, `GiB` and `TiB` are powers of 1024, `kB`, `MB`, `GB` and `TB` powers of 1000; case
/// does not matter. What is displayed parses back to the same amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Exactly `bytes` bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// `count` times 1024 bytes; what does not fit stays at the largest amount.
    #[must_use]
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 10))
    }

    /// `count` times 1024² bytes; what does not fit stays at the largest amount.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// `count` times 1024³ bytes; what does not fit stays at the largest amount.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 30))
    }

    /// `count` times 1024⁴ bytes; what does not fit stays at the largest amount.
    #[must_use]
    pub const fn tib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 40))
    }

    /// The amount in bytes.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The amount in bytes as a length in memory; the largest length where it does not fit.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Reads an amount.
    ///
    /// # Errors
    /// A sentence for the operator where there is more to say than "this is no size".
    pub(crate) fn parse(text: &str) -> Result<Self, Option<String>> {
        let text = text.trim();
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = unit.trim_start();
        if number.is_empty() {
            return Err(None);
        }
        if matches!(unit.to_ascii_lowercase().as_str(), "k" | "m" | "g" | "t") {
            let letter = unit.to_ascii_uppercase();
            return Err(Some(format!(
                "{unit} can mean two things: write {letter}iB for powers of 1024 or {letter}B for \
                 powers of 1000"
            )));
        }
        if unit.starts_with('.') {
            return Err(Some(
                "fractions are not read: write it in a smaller unit".to_owned(),
            ));
        }
        let factor = if unit.is_empty() {
            1
        } else {
            UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .ok_or(None)?
                .1
        };
        let number: u64 = number.parse().map_err(|_| None)?;
        number.checked_mul(factor).map(Self).ok_or(None)
    }
}

impl fmt::Display for ByteSize {
    /// Writes the unit that gives the smallest whole number: `5MB`, not `5000kB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, count) = UNITS
            .iter()
            .filter(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor))
            .map(|(name, factor)| (*name, self.0 / factor))
            .min_by_key(|(_, count)| *count)
            .unwrap_or(("B", self.0));
        write!(f, "{count}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<u64> {
        ByteSize::parse(text).ok().map(ByteSize::as_u64)
    }

    #[test]
    fn every_spelling_of_a_size_is_read() {
        for (text, bytes) in [
            ("123", 123),
            ("0", 0),
            ("7B", 7),
            ("100MiB", 100 << 20),
            ("100mib", 100 << 20),
            ("4 GiB", 4 << 30),
            ("  2KiB ", 2048),
            ("5MB", 5_000_000),
            ("5kb", 5_000),
            ("1 GB", 1_000_000_000),
            ("1TiB", 1 << 40),
            ("2TB", 2_000_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(read(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            " ",
            "MiB",
            "-1",
            "+5",
            "1_000",
            "5 apples",
            "1.5GiB",
            "５MB",
            "5 M iB",
            "0x10",
            "18446744073709551616",
            "16777216TiB",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_unit_with_two_meanings_is_refused_with_advice() {
        let advice = ByteSize::parse("5M").unwrap_err().unwrap();
        assert!(advice.contains("MiB") && advice.contains("MB"), "{advice}");
        assert!(
            ByteSize::parse("1.5GiB")
                .unwrap_err()
                .unwrap()
                .contains("smaller unit")
        );
    }

    #[test]
    fn a_size_is_shown_in_its_roundest_unit() {
        for (bytes, text) in [
            (0, "0B"),
            (1, "1B"),
            (1000, "1kB"),
            (1024, "1KiB"),
            (1025, "1025B"),
            (5_000_000_000_000, "5TB"),
            (64 << 20, "64MiB"),
        ] {
            assert_eq!(ByteSize::bytes(bytes).to_string(), text);
        }
        assert_eq!(ByteSize::kib(3).to_string(), "3KiB");
        assert_eq!(ByteSize::gib(3).to_string(), "3GiB");
        assert_eq!(ByteSize::tib(3).to_string(), "3TiB");
        assert_eq!(ByteSize::tib(u64::MAX).as_u64(), u64::MAX);
    }

    proptest! {
        #[test]
        fn any_size_is_read_back_as_it_was_shown(count in any::<u64>(), shift in 0_u32..64) {
            let size = ByteSize::bytes(count >> shift);
            prop_assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
        }
    }
}

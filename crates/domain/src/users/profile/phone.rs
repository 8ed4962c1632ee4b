use std::fmt;
use std::ops::RangeInclusive;

/// The country code under which a mainland number may also be written.
const MAINLAND_PREFIX: &str = "+86";

/// A telephone number in its canonical form, the name under which people log in.
///
/// A mainland number is kept as its 11 bare digits, whether or not `+86` was written before it;
/// any other number is kept in E.164 form. `Debug` shows only the ends, so that a log cannot hold
/// a whole number by accident.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Why a text is no [`Phone`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a phone is 11 digits starting with 1, or + and 7 to 15 digits")]
pub struct PhoneError;

impl Phone {
    /// Digits of a mainland Chinese number; the first is a 1.
    pub const MAINLAND_DIGITS: usize = 11;
    /// Least and most digits after the `+`. The most is E.164's; the least keeps short codes out.
    pub const E164_DIGITS: RangeInclusive<usize> = 7..=15;

    /// Reads a mainland or an E.164 number. Only ASCII digits count, and nothing is trimmed.
    ///
    /// # Errors
    /// [`PhoneError`] for everything else.
    pub fn parse(raw: &str) -> Result<Self, PhoneError> {
        if let Some(national) = raw.strip_prefix(MAINLAND_PREFIX)
            && is_mainland(national)
        {
            return Ok(Self(national.to_owned()));
        }
        let legal = match raw.strip_prefix('+') {
            Some(digits) => Self::E164_DIGITS.contains(&digits.len()) && all_digits(digits),
            None => is_mainland(raw),
        };
        if legal {
            Ok(Self(raw.to_owned()))
        } else {
            Err(PhoneError)
        }
    }

    /// The canonical form: bare digits for mainland numbers, `+…` for the rest.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.0.get(..3).unwrap_or_default();
        let tail = self
            .0
            .get(self.0.len().saturating_sub(2)..)
            .unwrap_or_default();
        write!(f, "Phone({head}…{tail})")
    }
}

fn is_mainland(text: &str) -> bool {
    text.len() == Phone::MAINLAND_DIGITS && text.starts_with('1') && all_digits(text)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mainland_numbers_have_one_form_with_and_without_country_code() {
        for raw in ["13800138000", "+8613800138000"] {
            assert_eq!(Phone::parse(raw).unwrap().as_str(), "13800138000");
        }
    }

    #[test]
    fn international_numbers_keep_their_plus() {
        for raw in [
            "+1234567",
            "+123456789012345",
            "+85212345678",
            "+8612345678",
        ] {
            assert_eq!(Phone::parse(raw).unwrap().as_str(), raw);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for raw in [
            "",
            "1380013800",
            "138001380000",
            "23800138000",
            "+123456",
            "+1234567890123456",
            "8613800138000",
            "1380013800a",
            " 13800138000",
            "13800138000 ",
            "138 0013 8000",
            "138-0013-8000",
            "１３８００１３８０００",
            "١٣٨٠٠١٣٨٠٠٠",
            "+",
            "++1234567",
            "+86 13800138000",
            "1380013800\0",
        ] {
            assert_eq!(Phone::parse(raw), Err(PhoneError), "{raw:?}");
        }
    }

    #[test]
    fn debug_never_shows_the_whole_number() {
        let shown = format!("{:?}", Phone::parse("13800138000").unwrap());
        assert_eq!(shown, "Phone(138…00)");
    }
}

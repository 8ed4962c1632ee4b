/// The name an account shows: 1 to 16 Unicode scalar values, not all of them white space, no
/// control characters. Kept exactly as given; two accounts may share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

/// Why a text is no [`DisplayName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisplayNameError {
    /// Nothing, or nothing but white space.
    #[error("a name must not be blank")]
    Blank,
    /// More than 16 characters.
    #[error("a name has at most 16 characters")]
    TooLong,
    /// A control character, NUL and line breaks among them.
    #[error("a name must not hold control characters")]
    Control,
}

impl DisplayName {
    /// Most characters of a name, the contract's `maxlength`.
    pub const MAX_CHARS: usize = 16;

    /// Checks `raw` and keeps it as it is.
    ///
    /// # Errors
    /// [`DisplayNameError`] names the first rule broken.
    pub fn parse(raw: &str) -> Result<Self, DisplayNameError> {
        if raw.chars().any(char::is_control) {
            return Err(DisplayNameError::Control);
        }
        if raw.chars().all(char::is_whitespace) {
            return Err(DisplayNameError::Blank);
        }
        if raw.chars().count() > Self::MAX_CHARS {
            return Err(DisplayNameError::TooLong);
        }
        Ok(Self(raw.to_owned()))
    }

    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_scalar_values_and_sixteen_is_the_last() {
        for raw in ["张", "a", "1234567890123456", &"😀".repeat(16), " a "] {
            assert_eq!(DisplayName::parse(raw).unwrap().as_str(), raw);
        }
        for raw in ["12345678901234567", &"😀".repeat(17)] {
            assert_eq!(DisplayName::parse(raw), Err(DisplayNameError::TooLong));
        }
    }

    #[test]
    fn joined_emoji_count_each_scalar() {
        let family = "👨\u{200d}👩\u{200d}👧"; // Five scalar values that look like one.
        assert!(DisplayName::parse(&family.repeat(3)).is_ok());
        assert_eq!(
            DisplayName::parse(&family.repeat(4)),
            Err(DisplayNameError::TooLong)
        );
    }

    #[test]
    fn blanks_and_control_characters_are_refused() {
        for raw in ["", " ", "   ", "\u{3000}"] {
            assert_eq!(DisplayName::parse(raw), Err(DisplayNameError::Blank));
        }
        for raw in ["a\0", "a\nb", "\t", "a\u{7f}", "a\u{85}"] {
            assert_eq!(DisplayName::parse(raw), Err(DisplayNameError::Control));
        }
    }
}

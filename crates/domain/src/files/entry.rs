use std::fmt;

use uuid::Uuid;

/// Length of a hyphenated UUID.
const HYPHENATED: usize = 36;

/// Identity of an entry, the contract's `fid`: a random UUID, hyphenated, lower case. It grants
/// nothing: whether somebody may read the entry is decided each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(Uuid);

impl FileId {
    /// Wraps an id that the [`IdSource`](crate::IdSource) made or a repository stored.
    #[must_use]
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the hyphenated form in either case. `None`: no entry can have this id, which is the
    /// same as "not found" and deliberately no error of its own.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        // Uuid reads braces, URNs and bare digits as well; a fid has one form.
        if raw.len() != HYPHENATED {
            return None;
        }
        Uuid::try_parse(raw).ok().map(Self)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The title of an entry: 1 to 255 Unicode scalar values without control characters. It is a text
/// and no path: `/` and `..` mean nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// Why a text is no [`Title`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// No character at all.
    #[error("a title must not be empty")]
    Empty,
    /// More than 255 characters.
    #[error("a title has at most 255 characters")]
    TooLong,
    /// A control character, NUL and line breaks among them.
    #[error("a title must not hold control characters")]
    Control,
}

impl Title {
    /// Most characters of a title.
    pub const MAX_CHARS: usize = 255;

    /// Checks `raw` and keeps it as it is.
    ///
    /// # Errors
    /// [`TitleError`] names the first rule broken.
    pub fn parse(raw: &str) -> Result<Self, TitleError> {
        if raw.chars().any(char::is_control) {
            return Err(TitleError::Control);
        }
        match raw.chars().count() {
            0 => Err(TitleError::Empty),
            1..=Self::MAX_CHARS => Ok(Self(raw.to_owned())),
            _ => Err(TitleError::TooLong),
        }
    }

    /// The title as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an owner files an entry under, the contract's `classify`: 1 to 32 Unicode scalar values, not only
/// white space, without control characters. It is the owner's own and is shown to nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

/// Why a text is no [`Label`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Nothing, or nothing but white space.
    #[error("a label must not be blank")]
    Blank,
    /// More than 32 characters.
    #[error("a label has at most 32 characters")]
    TooLong,
    /// A control character, NUL and line breaks among them.
    #[error("a label must not hold control characters")]
    Control,
}

impl Label {
    /// Most characters of a label.
    pub const MAX_CHARS: usize = 32;

    /// Checks `raw` and keeps it as it is.
    ///
    /// # Errors
    /// [`LabelError`] names the first rule broken.
    pub fn parse(raw: &str) -> Result<Self, LabelError> {
        if raw.chars().any(char::is_control) {
            return Err(LabelError::Control);
        }
        if raw.chars().all(char::is_whitespace) {
            return Err(LabelError::Blank);
        }
        if raw.chars().count() > Self::MAX_CHARS {
            return Err(LabelError::TooLong);
        }
        Ok(Self(raw.to_owned()))
    }

    /// The label as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who may read an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Everybody who is signed in.
    Public,
    /// Its owner alone; to everybody else it does not exist.
    Private,
}

impl Visibility {
    /// From the wire's `public`.
    #[must_use]
    pub const fn from_public(public: bool) -> Self {
        if public { Self::Public } else { Self::Private }
    }

    /// As the wire's `public`.
    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fid_has_exactly_one_form_in_either_case() {
        let text = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(FileId::parse(text).unwrap().to_string(), text);
        assert_eq!(FileId::parse(&text.to_uppercase()), FileId::parse(text));
        for raw in [
            "",
            "67e5504410b1426f9247bb680e5fe0c8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67e55044-10b1-426f-9247-bb680e5fe0c",
            "67e55044-10b1-426f-9247-bb680e5fe0c8 ",
            "67e55044-10b1-426f-9247-bb680e5fe0cg",
            "../../../../../../../../etc/passwd..",
        ] {
            assert_eq!(FileId::parse(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn labels_end_at_32_characters_and_are_never_blank() {
        for raw in ["a", " a ", "合同", &"字".repeat(32), "%'_"] {
            assert_eq!(Label::parse(raw).unwrap().as_str(), raw);
        }
        assert_eq!(Label::parse(&"字".repeat(33)), Err(LabelError::TooLong));
        for raw in ["", " ", "\u{3000}"] {
            assert_eq!(Label::parse(raw), Err(LabelError::Blank), "{raw:?}");
        }
        for raw in ["a\0", "a\nb", "\t"] {
            assert_eq!(Label::parse(raw), Err(LabelError::Control), "{raw:?}");
        }
    }

    #[test]
    fn titles_are_texts_and_no_paths() {
        for raw in [
            "a",
            " ",
            "../../etc/passwd",
            "报告.pdf",
            "a\u{202e}fdp.exe",
            "%'_\"; DROP TABLE files",
            &"字".repeat(255),
        ] {
            assert_eq!(Title::parse(raw).unwrap().as_str(), raw);
        }
        assert_eq!(Title::parse(""), Err(TitleError::Empty));
        assert_eq!(Title::parse(&"字".repeat(256)), Err(TitleError::TooLong));
        for raw in ["a\0", "a\rb", "a\nb", "\t", "\u{9f}"] {
            assert_eq!(Title::parse(raw), Err(TitleError::Control), "{raw:?}");
        }
    }
}

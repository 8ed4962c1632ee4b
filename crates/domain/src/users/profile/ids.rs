use std::fmt;

use uuid::Uuid;

/// Identity of an account: a random UUID, the contract's `userid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Uuid);

/// Identity of a session, safe to show: it grants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

/// Reads the one form that ids have on the wire; `Uuid` reads braces, URNs and bare digits as well.
fn read(raw: &str) -> Option<Uuid> {
    let is_hyphenated = raw.len() == uuid::fmt::Hyphenated::LENGTH;
    is_hyphenated.then(|| Uuid::try_parse(raw).ok()).flatten()
}

impl UserId {
    /// Wraps an id that the [`IdSource`](crate::IdSource) made or a repository stored.
    #[must_use]
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the hyphenated form in either case. `None`: no account can have this id.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        read(raw).map(Self)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl SessionId {
    /// Wraps an id that the [`IdSource`](crate::IdSource) made or a repository stored.
    #[must_use]
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads the hyphenated form in either case. `None`: no session can have this id.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        read(raw).map(Self)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form_in_either_case_of_letters() {
        let text = "6f1c2f0e-0000-4000-8000-00000000000a";
        for raw in [text.to_owned(), text.to_uppercase()] {
            assert_eq!(SessionId::parse(&raw).unwrap().to_string(), text);
            assert_eq!(UserId::parse(&raw).unwrap().to_string(), text);
        }
        for raw in [
            "",
            "others",
            "6f1c2f0e00004000800000000000000a",
            "{6f1c2f0e-0000-4000-8000-00000000000a}",
            "6f1c2f0e-0000-4000-8000-00000000000g",
        ] {
            assert_eq!(SessionId::parse(raw), None, "{raw}");
            assert_eq!(UserId::parse(raw), None, "{raw}");
        }
    }
}

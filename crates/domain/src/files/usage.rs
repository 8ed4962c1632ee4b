//! How much an account holds, and how much it may.

/// What an account holds: each of its entries with the full size of its content, whoever else has that
/// content too. So usage tells its owner nothing about others, and no deletion by somebody else
/// changes it. Avatars count nothing: there is one, and its size has a limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes.
    pub bytes: u64,
    /// Entries.
    pub files: u64,
}

/// How much an account may hold. `None`: as much as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Most bytes.
    pub bytes: Option<u64>,
    /// Most entries.
    pub files: Option<u64>,
}

impl Quota {
    /// No limit at all.
    pub const NONE: Self = Self {
        bytes: None,
        files: None,
    };
}

/// What the operator has decided about one kind of limit of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// Nothing: what holds for everybody holds.
    #[default]
    Default,
    /// There is none.
    Unlimited,
    /// This much; of zero, nothing more can be stored.
    AtMost(u64),
}

impl Limit {
    const fn or(self, default: Option<u64>) -> Option<u64> {
        match self {
            Self::Default => default,
            Self::Unlimited => None,
            Self::AtMost(most) => Some(most),
        }
    }
}

/// What the operator has decided about one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnQuota {
    /// About its bytes.
    pub bytes: Limit,
    /// About its entries.
    pub files: Limit,
}

impl OwnQuota {
    /// What holds, given what holds for everybody.
    #[must_use]
    pub const fn over(self, default: Quota) -> Quota {
        Quota {
            bytes: self.bytes.or(default.bytes),
            files: self.files.or(default.files),
        }
    }
}

/// The kept counters of an account, and what was decided about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What it holds.
    pub used: Used,
    /// What the operator has decided about it.
    pub own: OwnQuota,
}

impl Usage {
    /// How it stands to its limits, given what holds for everybody.
    #[must_use]
    pub const fn standing(&self, default: Quota) -> Standing {
        Standing {
            used: self.used,
            quota: self.own.over(default),
        }
    }
}

/// How an account stands to its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it holds. May be more than the limit, if that was lowered.
    pub used: Used,
    /// What it may hold.
    pub quota: Quota,
}

impl Standing {
    /// Bytes that one more entry may have. 0: there can be none, because an entry has at least one.
    #[must_use]
    pub const fn room(&self) -> u64 {
        if let Some(most) = self.quota.files
            && self.used.files >= most
        {
            return 0;
        }
        match self.quota.bytes {
            Some(most) => most.saturating_sub(self.used.bytes),
            None => u64::MAX,
        }
    }

    /// Whether one more entry of `size` bytes stays within the limits.
    #[must_use]
    pub fn has_room_for(&self, size: u64) -> bool {
        let is_countable = self.used.bytes.checked_add(size).is_some();
        let files = self.quota.files.is_none_or(|most| self.used.files < most);
        is_countable && files && size <= self.room()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(used: (u64, u64), bytes: Option<u64>, files: Option<u64>) -> Standing {
        Standing {
            used: Used {
                bytes: used.0,
                files: used.1,
            },
            quota: Quota { bytes, files },
        }
    }

    #[test]
    fn the_last_byte_and_the_last_entry_fit_and_no_more() {
        let bytes = standing((7, 1), Some(10), None);
        assert_eq!(bytes.room(), 3);
        assert!(bytes.has_room_for(3) && !bytes.has_room_for(4));
        assert_eq!(standing((7, 1), None, Some(2)).room(), u64::MAX);
        let full = standing((7, 2), None, Some(2));
        assert!(full.room() == 0 && !full.has_room_for(0));
    }

    #[test]
    fn who_is_above_a_lowered_limit_has_no_room() {
        let above = standing((11, 3), Some(10), Some(2));
        assert!(above.room() == 0 && !above.has_room_for(1));
        assert_eq!(standing((11, 3), Some(10), None).room(), 0);
    }

    #[test]
    fn what_was_decided_about_an_account_counts_more_than_what_holds_for_everybody() {
        let default = Quota {
            bytes: Some(5),
            files: None,
        };
        let over = |bytes, files| OwnQuota { bytes, files }.over(default);
        assert_eq!(over(Limit::Default, Limit::Default), default);
        assert_eq!(over(Limit::Unlimited, Limit::Default), Quota::NONE);
        let both = over(Limit::AtMost(0), Limit::AtMost(9));
        assert_eq!((both.bytes, both.files), (Some(0), Some(9)));
    }
}

use crate::Timestamp;
use crate::files::BlobId;
use crate::users::UserId;

const DAY_MILLIS: i64 = 86_400_000;

/// What somebody did with a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Has made a public entry over it.
    Own,
    /// Has made it a favourite.
    Favourite,
    /// Has downloaded somebody else's entry.
    Download,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Own, Self::Favourite, Self::Download];

    /// How much it says, in halves, so that sums are exact: 1.0, 2.0 and 0.5.
    #[must_use]
    pub const fn halves(self) -> u64 {
        match self {
            Self::Own => 2,
            Self::Favourite => 4,
            Self::Download => 1,
        }
    }
}

/// Something that happened to a content that was public then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Who did it.
    pub user: UserId,
    /// With which content.
    pub content: BlobId,
    /// What.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
}

/// The last day on which each kind counted, in days since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// Of [`Kind::Own`].
    pub own: Option<i64>,
    /// Of [`Kind::Favourite`].
    pub favourite: Option<i64>,
    /// Of [`Kind::Download`].
    pub download: Option<i64>,
}

impl Days {
    /// The last day of `kind`; `None`: it never happened.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Own => self.own,
            Kind::Favourite => self.favourite,
            Kind::Download => self.download,
        }
    }

    /// Notes that `kind` happened at `at`. `false`: a day at least as late is noted already.
    pub fn note(&mut self, kind: Kind, at: Timestamp) -> bool {
        let day = at.as_millis().div_euclid(DAY_MILLIS);
        let noted = match kind {
            Kind::Own => &mut self.own,
            Kind::Favourite => &mut self.favourite,
            Kind::Download => &mut self.download,
        };
        let is_new = noted.is_none_or(|last| last < day);
        if is_new {
            *noted = Some(day);
        }
        is_new
    }
}

/// All that one user ever did with one content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// The content.
    pub content: BlobId,
    /// Its place in the user's order, given at the first event.
    pub ordinal: i64,
    /// When the first event happened.
    pub first_at: Timestamp,
    /// What happened, and when last.
    pub days: Days,
}

impl Interaction {
    /// How much the user cares, in halves: each kind that happened, once.
    #[must_use]
    pub fn halves(&self) -> u64 {
        let seen = |kind: &Kind| self.days.of(*kind).is_some();
        Kind::ALL.into_iter().filter(seen).map(Kind::halves).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_counts_once_a_day_and_weighs_once() {
        let mut days = Days::default();
        let at = Timestamp::from_millis;
        assert!(days.note(Kind::Download, at(DAY_MILLIS - 1)));
        assert!(!days.note(Kind::Download, at(0)));
        assert!(days.note(Kind::Download, at(DAY_MILLIS)));
        // A clock that jumped back makes no new day.
        assert!(!days.note(Kind::Download, at(1)));
        assert!(days.note(Kind::Own, at(-1)));
        assert_eq!(days.own, Some(-1));
        let mut interaction = Interaction {
            content: BlobId::from_i64(1),
            ordinal: 0,
            first_at: at(0),
            days,
        };
        assert_eq!(interaction.halves(), 1 + 2);
        interaction.days.note(Kind::Favourite, at(0));
        assert_eq!(interaction.halves(), 1 + 2 + 4);
    }
}

use super::Event;
use crate::PortError;

/// Where events are learned, in small transactions. Each method takes the next few of what has happened,
/// changes interactions, counters and heat, and remembers how far it came, all in one transaction: after a
/// crash, learning goes on where it was, and nothing counts twice or is lost. Every method may block.
///
/// An event counts only if its entry is public at the moment when it is learned. What happened while
/// something was private is never learned, also not when it is published later; publishing is an event of
/// its own.
#[cfg_attr(test, mockall::automock)]
pub trait InteractionRepository: Send + Sync {
    /// Whether entries, favourites or contents wait to be learned of. Only looks.
    ///
    /// # Errors
    /// [`PortError`].
    fn is_behind(&self) -> Result<bool, PortError>;

    /// Learns from at most `most` entries and from as many favourites that were stored since the last call, in
    /// the order in which they were stored, and looks again at as many contents whose entries were published,
    /// unpublished or removed: the newest public entry gets the heat of its content, the others lose theirs,
    /// and of what is collected nothing stays. Answers how many rows were looked at: 0 when there is nothing
    /// left.
    ///
    /// # Errors
    /// [`PortError`]; then nothing was changed.
    fn learn_next(&self, most: usize) -> Result<usize, PortError>;

    /// Learns what is in none of the tables, which is downloads.
    ///
    /// # Errors
    /// [`PortError`]; then nothing was changed.
    fn learn(&self, events: &[Event]) -> Result<(), PortError>;
}

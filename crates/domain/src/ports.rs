//! What every port shares: how it fails, what time is, and where ids come from.

use std::error::Error as StdError;
use std::sync::mpsc::sync_channel;

use uuid::Uuid;

/// Milliseconds since 1970-01-01 00:00 UTC, the unit of every date on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A point in time, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The point `millis` earlier, stopping at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn minus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_sub(millis))
    }
}

/// What is called with the outcome of a write that its caller does not wait for: once, from any
/// thread, after the write is durable or has failed; of bytes that are published with a note perhaps
/// before that ([`Noted`](crate::files::Noted)). It must neither block nor panic, because a
/// thread that serves everybody runs it. Dropped without a call, it means that the adapter broke
/// down, and that it is unknown whether the write took effect.
pub type Done<T> = Box<dyn FnOnce(Result<T, PortError>) + Send>;

/// Waits for the outcome of what `begin` begins.
///
/// # Errors
/// The outcome's; a [`PortErrorKind::Internal`] if it is never told.
pub fn wait_for<T, E>(begin: impl FnOnce(Box<dyn FnOnce(Result<T, E>) + Send>)) -> Result<T, E>
where
    T: Send + 'static,
    E: From<PortError> + Send + 'static,
{
    let (sender, outcome) = sync_channel(1);
    begin(Box::new(move |result| {
        // A caller that has gone away wants no answer.
        let _ = sender.send(result);
    }));
    outcome.recv().map_err(PortError::internal)?
}

/// The time of day. Never blocks; may jump in either direction, as system clocks do.
#[cfg_attr(test, mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// Source of random identifiers.
#[cfg_attr(test, mockall::automock)]
pub trait IdSource: Send + Sync {
    /// A fresh version 4 UUID from a cryptographic source: no two calls ever answer the same, and
    /// none can be guessed from others. Ids that are made one after another may begin with the same
    /// 32 bits, so that an index of them grows in one place at a time; the other 90 are random in each.
    ///
    /// # Errors
    /// [`PortErrorKind::Internal`] when the operating system gives no randomness.
    fn new_id(&self) -> Result<Uuid, PortError>;
}

/// Lets the reads of a request share a state of what is stored, which is quicker than a state for each,
/// and what they answer agrees.
pub trait OneState: Send + Sync {
    /// Calls `reads` once. What the repositories answer in it, on the calling thread, may all be of the
    /// time of the first read. So nothing in it may write and then read that back, or read again
    /// because something has moved.
    fn during(&self, reads: &mut dyn FnMut());
}

/// Why a port could not answer, in the only terms a use case can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// Busy, locked or timed out: the same call may succeed later, and nothing was changed.
    Unavailable,
    /// No room left on the device: nothing was changed.
    StorageFull,
    /// Anything else. For a write it is unknown whether it took effect.
    Internal,
}

/// A failure of an adapter: a kind for the use case, the cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .kind {
    PortErrorKind::Unavailable => "the storage is busy",
    PortErrorKind::StorageFull => "the storage is full",
    PortErrorKind::Internal => "the storage failed",
})]
pub struct PortError {
    kind: PortErrorKind,
    #[source]
    source: Box<dyn StdError + Send + Sync>,
}

impl PortError {
    /// Wraps the adapter's own error under `kind`.
    pub fn new(kind: PortErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// [`PortErrorKind::Internal`] around `source`.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(PortErrorKind::Internal, source)
    }

    /// The kind a use case decides by.
    #[must_use]
    pub const fn kind(&self) -> PortErrorKind {
        self.kind
    }
}

/// An error with its causes in one line, each of which tells its own level only.
#[must_use]
pub fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_keeps_its_milliseconds() {
        for millis in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(Timestamp::from_millis(millis).as_millis(), millis);
        }
        assert!(Timestamp::from_millis(-1) < Timestamp::from_millis(0));
    }

    #[test]
    fn going_back_stops_at_the_ends_of_the_range() {
        let minus = |at: i64, millis| Timestamp::from_millis(at).minus_millis(millis).as_millis();
        assert_eq!(minus(10, 3), 7);
        assert_eq!(minus(3, 10), -7);
        assert_eq!(minus(10, -3), 13);
        assert_eq!(minus(i64::MIN + 1, 1), i64::MIN);
        assert_eq!(minus(i64::MIN, 1), i64::MIN);
        assert_eq!(minus(i64::MAX - 1, -1), i64::MAX);
        assert_eq!(minus(i64::MAX, -1), i64::MAX);
        assert_eq!(minus(0, i64::MIN), i64::MAX);
    }

    #[test]
    fn an_error_tells_its_own_level_and_keeps_its_cause() {
        for (kind, text) in [
            (PortErrorKind::Unavailable, "the storage is busy"),
            (PortErrorKind::StorageFull, "the storage is full"),
            (PortErrorKind::Internal, "the storage failed"),
        ] {
            let error = PortError::new(kind, "disk 3 is on fire");
            assert_eq!(error.kind(), kind);
            assert_eq!(error.to_string(), text);
            assert_eq!(error.source().unwrap().to_string(), "disk 3 is on fire");
        }
    }

    #[test]
    fn who_waits_gets_the_outcome_from_whatever_thread() {
        let told = wait_for(|done: Done<u8>| {
            std::thread::spawn(move || done(Ok(7)));
        });
        assert_eq!(told.unwrap(), 7);
        let failed = wait_for(|done: Done<u8>| {
            done(Err(PortError::new(PortErrorKind::StorageFull, "full")));
        });
        assert_eq!(failed.unwrap_err().kind(), PortErrorKind::StorageFull);
    }

    #[test]
    fn who_waits_for_an_outcome_that_is_dropped_is_told_so() {
        let lost: Result<u8, PortError> = wait_for(drop);
        assert_eq!(lost.unwrap_err().kind(), PortErrorKind::Internal);
    }

    #[test]
    fn causes_follow_their_error_in_one_line() {
        let cause = PortError::internal("disk 3 is on fire");
        let error = PortError::new(PortErrorKind::Unavailable, cause);
        assert_eq!(
            with_causes(&error),
            "the storage is busy: the storage failed: disk 3 is on fire"
        );
    }

    #[test]
    fn internal_wraps_any_error() {
        let cause = std::io::Error::other("disk 3 is on fire");
        let error = PortError::internal(cause);
        assert_eq!(error.kind(), PortErrorKind::Internal);
        assert!(error.source().unwrap().is::<std::io::Error>());
    }
}

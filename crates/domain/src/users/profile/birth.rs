/// A birth date as the client gave it: by convention milliseconds since 1970-01-01 UTC, negative
/// before. Every 64-bit value is legal; the server only keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth(i64);

impl Birth {
    /// Any 64-bit integer is a birth.
    #[must_use]
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    /// The value as given.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

//! A buffer that refuses to grow past a limit.

/// Collects one small value. Its memory is kept and used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Capped {
    bytes: Vec<u8>,
    limit: usize,
}

impl Capped {
    /// Begins a new value of at most `limit` bytes.
    pub(super) fn start(&mut self, limit: usize) {
        self.bytes.clear();
        self.limit = limit;
    }

    /// Appends `run`, or returns false and appends nothing when the value would become too long.
    pub(super) fn push(&mut self, run: &[u8]) -> bool {
        let fits = run.len() <= self.limit.saturating_sub(self.bytes.len());
        if fits {
            self.bytes.extend_from_slice(run);
        }
        fits
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value as text, when it is UTF-8.
    pub(super) fn text(&self) -> Option<String> {
        std::str::from_utf8(&self.bytes).ok().map(str::to_owned)
    }
}

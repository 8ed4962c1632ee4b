//! Bytes as choices: whoever makes the bytes up decides what happens.

/// Reads the choices; zeros behind the end.
pub(crate) struct Dice<'a>(pub(crate) &'a [u8]);

impl Dice<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// One of `list`.
    pub(crate) fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()].clone()
    }

    /// True once in `of`.
    pub(crate) fn once_in(&mut self, of: u8) -> bool {
        self.byte() % of == of - 1
    }

    /// A place below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let two = usize::from(self.byte()) << 8 | usize::from(self.byte());
        if end == 0 { 0 } else { two % end }
    }

    /// Cuts a body in one to four pieces.
    pub(crate) fn cut(&mut self, body: Vec<u8>) -> Vec<Vec<u8>> {
        let mut pieces = vec![body];
        for _ in 0..self.byte() % 4 {
            let last = pieces.pop().unwrap_or_default();
            let at = self.below(last.len() + 1);
            let (one, two) = last.split_at(at);
            pieces.extend([one.to_vec(), two.to_vec()]);
        }
        pieces
    }
}

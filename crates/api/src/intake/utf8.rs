//! UTF-8 validation of a text that comes in pieces.

use super::ScanError;

/// Validates a text piece by piece; a character may lie across any border.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    /// The beginning of a character whose rest has not come yet: `partial[..len]`, never four bytes.
    partial: [u8; 4],
    len: usize,
}

impl Utf8Check {
    pub(super) fn push(&mut self, mut run: &[u8]) -> Result<(), ScanError> {
        while self.len > 0 {
            let Some((byte, rest)) = run.split_first() else {
                return Ok(());
            };
            run = rest;
            if let Some(slot) = self.partial.get_mut(self.len) {
                *slot = *byte;
            }
            self.len += 1;
            match std::str::from_utf8(self.partial.get(..self.len).unwrap_or_default()) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(INVALID),
            }
        }
        match std::str::from_utf8(run) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let tail = run.get(error.valid_up_to()..).unwrap_or_default();
                for (slot, byte) in self.partial.iter_mut().zip(tail) {
                    *slot = *byte;
                }
                self.len = tail.len();
                Ok(())
            }
            Err(_) => Err(INVALID),
        }
    }

    /// Says that the text ends here, or that something follows that no character may reach into.
    pub(super) fn end(&self) -> Result<(), ScanError> {
        if self.len == 0 { Ok(()) } else { Err(INVALID) }
    }
}

const INVALID: ScanError = ScanError::Malformed("invalid UTF-8");

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pieces: &[&[u8]]) -> bool {
        let mut check = Utf8Check::default();
        pieces.iter().all(|piece| check.push(piece).is_ok()) && check.end().is_ok()
    }

    #[test]
    fn every_cut_gives_the_verdict_of_the_standard_library() {
        let texts: [&[u8]; 12] = [
            "aé€😀z".as_bytes(),
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"a\xed\xa0\x80b",
            b"\xed\x9f\xbf\xee\x80\x80",
            b"\xf4\x8f\xbf\xbf",
            b"\xf4\x90\x80\x80",
            b"\xe2\x82",
            b"\x80",
            b"\xe2\x82a",
            b"\xff\xfe",
        ];
        for text in texts {
            let expected = std::str::from_utf8(text).is_ok();
            for i in 0..=text.len() {
                for j in i..=text.len() {
                    let pieces = [&text[..i], &text[i..j], &text[j..]];
                    assert_eq!(verdict(&pieces), expected, "{text:x?} cut at {i} and {j}");
                }
            }
        }
    }
}

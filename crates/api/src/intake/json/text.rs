//! Strings: the payload's, the ones to capture, and the ones to throw away.

use memchr::{memchr2, memchr2_iter};

use super::{
    JsonScanner, Known, Role, ScanError, State, Value,
    escape::{Escape, Step},
};
use crate::intake::{
    fields::NUL,
    payload::{GATHER, LONG_RUN},
};

impl JsonScanner {
    /// Reads a string up to its next escape or its end. Returns what follows.
    pub(super) fn text<'a>(
        &mut self,
        key: bool,
        rest: &'a [u8],
        payload: &mut Vec<u8>,
    ) -> Result<&'a [u8], ScanError> {
        if let Some(escape) = self.escape.take() {
            let Some((byte, after)) = rest.split_first() else {
                return Ok(rest);
            };
            match escape.step(*byte)? {
                Step::More(escape) => self.escape = Some(escape),
                Step::Done(character) => self.character(character, payload)?,
            }
            return Ok(after);
        }
        let rest = self.escaped_payload(rest, payload)?;
        let end = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let (run, rest) = rest.split_at(end);
        self.run(run, payload)?;
        let Some((byte, after)) = rest.split_first() else {
            return Ok(rest);
        };
        self.utf8.end()?;
        if *byte == b'\\' {
            self.escape = Some(Escape::Backslash);
        } else if key {
            self.end_key()?;
        } else {
            if let Role::Payload = self.role {
                self.payload.finish(payload)?;
            }
            self.end_value(|scanner| scanner.capture.text().map(Value::Text));
        }
        Ok(after)
    }

    /// Reads ahead through a payload with many escapes of the kinds that base64 needs, and stops at the latest
    /// before the first other escape, the end of the string, or one window. Returns what follows.
    ///
    /// It does nothing that [`Self::text`] alone would not do; it exists because common clients write each
    /// slash as `\/` and break lines with `\n`, and going through the whole machine for each takes several times
    /// as long as all the rest.
    fn escaped_payload<'a>(
        &mut self,
        rest: &'a [u8],
        payload: &mut Vec<u8>,
    ) -> Result<&'a [u8], ScanError> {
        let Role::Payload = self.role else {
            return Ok(rest);
        };
        let (near, _) = rest.split_at(rest.len().min(LONG_RUN));
        if memchr2(b'"', b'\\', near).is_none() {
            return Ok(rest);
        }
        let (window, _) = rest.split_at(rest.len().min(GATHER));
        let mut from = 0;
        let mut stop = None;
        for at in memchr2_iter(b'"', b'\\', window) {
            let mut from_here = window.get(at..).unwrap_or_default().iter();
            let character = match (from_here.next(), from_here.next()) {
                (Some(b'\\'), Some(b'/')) => b"/",
                (Some(b'\\'), Some(b'n')) => b"\n",
                (Some(b'\\'), Some(b'r')) => b"\r",
                (Some(b'\\'), Some(b't')) => b"\t",
                _ => {
                    stop = Some(at);
                    break;
                }
            };
            self.payload
                .gather(window.get(from..at).unwrap_or_default());
            self.payload.gather(character);
            from = at + 2;
        }
        let stop = stop.unwrap_or(window.len());
        self.payload
            .gather(window.get(from..stop).unwrap_or_default());
        let (read, rest) = rest.split_at(stop);
        if has_control(read) {
            return Err(RAW_CONTROL);
        }
        // Less than a bulk stays gathered until more comes or the chunk ends.
        self.payload.push(&[], payload)?;
        Ok(rest)
    }

    fn end_key(&mut self) -> Result<(), ScanError> {
        // A key that outgrew the longest name has turned from `Key` to `Skip`.
        if self.depth == 1 {
            self.known = match self.role {
                Role::Key => self.fields.shape().lookup(self.capture.bytes()),
                Role::Field | Role::Payload | Role::Skip => Known::Unknown,
            };
            self.fields.refuse_second(self.known)?;
        }
        self.state = State::Colon;
        Ok(())
    }

    /// Takes string bytes that hold no escape.
    fn run(&mut self, run: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        if has_control(run) {
            return Err(RAW_CONTROL);
        }
        if let Role::Payload = self.role {
            // Base64 is ASCII, and the decoder checks that a `data:` head is UTF-8.
            return Ok(self.payload.push(run, payload)?);
        }
        self.utf8.push(run)?;
        self.capture(run)
    }

    /// Takes an unescaped character.
    fn character(&mut self, character: char, payload: &mut Vec<u8>) -> Result<(), ScanError> {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        match self.role {
            Role::Payload => Ok(self.payload.push(bytes, payload)?),
            Role::Field if character == '\0' => Err(NUL),
            Role::Field | Role::Key | Role::Skip => self.capture(bytes),
        }
    }

    fn capture(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        match self.role {
            Role::Key if !self.capture.push(bytes) => self.role = Role::Skip,
            Role::Field if !self.capture.push(bytes) => return Err(ScanError::FieldTooLong),
            Role::Field | Role::Key | Role::Payload | Role::Skip => {}
        }
        Ok(())
    }
}

/// Whether there is a byte that a JSON string may hold only escaped. Without an early exit, so that it is
/// compiled to wide instructions.
fn has_control(run: &[u8]) -> bool {
    run.iter().fold(false, |found, byte| found | (*byte < b' '))
}

const RAW_CONTROL: ScanError = ScanError::Malformed("a raw control character in a string");

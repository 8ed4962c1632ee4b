//! A push parser for `application/x-www-form-urlencoded`.

use memchr::{memchr, memchr3};

use super::{
    Known, MAX_TEXT, ScanError, Shape,
    capped::Capped,
    fields::{Fields, NUL, Value},
    payload::PayloadText,
    utf8::Utf8Check,
};

/// Reads the pairs of a form, whatever the sizes of the chunks it comes in.
///
/// A pair without `=` has an empty value, an empty pair is none, and an empty body is a form without fields.
/// Names and values are UTF-8 once decoded. In the payload a space, escaped or not, is read as the `+` that
/// some client forgot to escape.
#[derive(Debug)]
pub struct FormScanner {
    fields: Fields,
    part: Part,
    percent: Option<Percent>,
    utf8: Utf8Check,
    /// The name or value being captured.
    capture: Capped,
    longest_name: usize,
    payload: PayloadText,
    failed: Option<ScanError>,
}

/// Where in a pair the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// At the start: a `&` here would end an empty pair.
    Start,
    Name,
    /// In a name longer than all known ones.
    LongName,
    Value(Known),
}

/// A percent escape that has begun.
#[derive(Debug, Clone, Copy)]
enum Percent {
    First,
    Second(u8),
}

impl FormScanner {
    /// A parser for a route of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let longest_name = shape.longest_name();
        let mut capture = Capped::default();
        capture.start(longest_name);
        Self {
            fields: Fields::new(shape),
            part: Part::Start,
            percent: None,
            utf8: Utf8Check::default(),
            capture,
            longest_name,
            payload: PayloadText::default(),
            failed: None,
        }
    }

    /// See [`Scanner::feed`](super::Scanner::feed).
    ///
    /// # Errors
    /// See [`Scanner::feed`](super::Scanner::feed).
    pub fn feed(&mut self, chunk: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let before = payload.len();
        let result = self.scan(chunk, payload);
        self.failed = result.err();
        self.fields
            .add_payload(payload.len().saturating_sub(before));
        result
    }

    /// See [`Scanner::finish`](super::Scanner::finish).
    ///
    /// # Errors
    /// See [`Scanner::finish`](super::Scanner::finish).
    pub fn finish(mut self, payload: &mut Vec<u8>) -> Result<Fields, ScanError> {
        // The end of the body ends a pair just as `&` does.
        self.feed(b"&", payload)?;
        Ok(self.fields)
    }

    /// The fields of the route.
    pub(super) fn shape(&self) -> Shape {
        self.fields.shape()
    }

    /// See [`Scanner::seen`](super::Scanner::seen).
    #[must_use]
    pub fn seen(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// See [`Scanner::payload_started`](super::Scanner::payload_started).
    #[must_use]
    pub fn payload_started(&self) -> bool {
        self.fields.has_payload()
    }

    fn scan(&mut self, chunk: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        let mut rest = chunk;
        while let Some((byte, after)) = rest.split_first() {
            if let Some(percent) = self.percent.take() {
                self.percent(percent, *byte, payload)?;
                rest = after;
                continue;
            }
            let end = self.next_stop(rest).unwrap_or(rest.len());
            let (run, from_stop) = rest.split_at(end);
            self.run(run, payload)?;
            let Some((stop, after)) = from_stop.split_first() else {
                break;
            };
            match stop {
                b'&' => self.end_pair(payload)?,
                b'=' => self.end_name()?,
                b'%' => self.percent = Some(Percent::First),
                _ => self.run(self.space(), payload)?,
            }
            rest = after;
        }
        Ok(self.payload.flush(payload)?)
    }

    /// The place of the next byte that is not itself.
    fn next_stop(&self, rest: &[u8]) -> Option<usize> {
        match self.part {
            Part::Value(Known::Payload) => memchr3(b'&', b'%', b' ', rest),
            Part::Value(_) => memchr3(b'&', b'%', b'+', rest),
            Part::Start | Part::Name | Part::LongName => rest
                .iter()
                .position(|byte| matches!(byte, b'&' | b'=' | b'%' | b'+')),
        }
    }

    /// What a space, or what stands for one, is read as.
    fn space(&self) -> &'static [u8] {
        match self.part {
            Part::Value(Known::Payload) => b"+",
            Part::Start | Part::Name | Part::LongName | Part::Value(_) => b" ",
        }
    }

    fn percent(
        &mut self,
        percent: Percent,
        byte: u8,
        payload: &mut Vec<u8>,
    ) -> Result<(), ScanError> {
        let digit = char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or(ScanError::Malformed("a bad percent escape"))?;
        match percent {
            Percent::First => {
                self.percent = Some(Percent::Second(digit));
                Ok(())
            }
            Percent::Second(high) => match (high << 4) | digit {
                b' ' => self.run(self.space(), payload),
                byte => self.run(&[byte], payload),
            },
        }
    }

    /// Takes decoded bytes of a name or a value.
    fn run(&mut self, run: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        if run.is_empty() {
            return Ok(());
        }
        if self.part == Part::Start {
            self.part = Part::Name;
        }
        if self.part == Part::Value(Known::Payload) {
            // Base64 is ASCII, and the decoder checks that a `data:` head is UTF-8.
            return Ok(self.payload.push(run, payload)?);
        }
        self.utf8.push(run)?;
        match self.part {
            Part::Name if !self.capture.push(run) => self.part = Part::LongName,
            Part::Value(Known::Field(_)) if memchr(0, run).is_some() => return Err(NUL),
            Part::Value(Known::Field(_)) if !self.capture.push(run) => {
                return Err(ScanError::FieldTooLong);
            }
            Part::Start | Part::Name | Part::LongName | Part::Value(_) => {}
        }
        Ok(())
    }

    fn end_name(&mut self) -> Result<(), ScanError> {
        self.utf8.end()?;
        let known = match self.part {
            Part::Start | Part::Name => self.fields.shape().lookup(self.capture.bytes()),
            Part::LongName | Part::Value(_) => Known::Unknown,
        };
        self.fields.refuse_second(known)?;
        if known == Known::Payload {
            self.fields.begin_payload()?;
        }
        self.capture.start(MAX_TEXT);
        self.part = Part::Value(known);
        Ok(())
    }

    fn end_pair(&mut self, payload: &mut Vec<u8>) -> Result<(), ScanError> {
        if let Part::Name | Part::LongName = self.part {
            self.end_name()?;
        }
        self.utf8.end()?;
        match self.part {
            Part::Value(Known::Payload) => self.payload.finish(payload)?,
            Part::Value(Known::Field(at)) => {
                if let Some(text) = self.capture.text() {
                    self.fields.set(at, Value::Form(text));
                }
            }
            Part::Start | Part::Name | Part::LongName | Part::Value(Known::Unknown) => {}
        }
        self.capture.start(self.longest_name);
        self.part = Part::Start;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

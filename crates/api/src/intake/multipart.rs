//! A push parser for `multipart/form-data` (RFC 7578 over RFC 2046).
//!
//! A part ends where its delimiter says, and nowhere else: a `Content-Length` in the head of a part is not
//! looked at, because a wrong one must not cut a file short.

use memchr::{memchr, memmem::Finder, memrchr};

use super::{
    Known, MAX_TEXT, ScanError, Shape,
    fields::{Fields, Value},
};

/// Most characters of a boundary (RFC 2046, 5.1.1).
const MAX_BOUNDARY: usize = 70;
/// Most bytes of the head of one part, and of the padding behind a delimiter.
const MAX_HEAD: usize = 8 * 1024;

/// Reads the parts of a form, whatever the sizes of the chunks it comes in. The payload's part is raw bytes;
/// parts of other names are read over.
#[derive(Debug)]
pub struct MultipartScanner {
    fields: Fields,
    /// CR, LF, two hyphens and the boundary.
    delimiter: Finder<'static>,
    state: State,
    /// Within content: the end of it that may be the beginning of a delimiter. Within a head: the line so far.
    held: Vec<u8>,
    /// Bytes of the current head.
    head: usize,
    /// What the head of the current part names.
    known: Known,
    /// The text of a small field.
    text: Vec<u8>,
    /// One more name for the payload's part.
    other_payload: Option<&'static str>,
    failed: Option<ScanError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter: thrown away.
    Preamble,
    /// Right behind a delimiter.
    Delimited,
    /// In the head of a part.
    Head,
    /// In the content of a part.
    Content,
    /// Behind the closing delimiter: thrown away.
    Epilogue,
}

impl MultipartScanner {
    /// A parser for a route of this shape. `content_type` is the header's value.
    ///
    /// # Errors
    /// It names no boundary, or none that can be.
    pub fn new(shape: Shape, content_type: &str) -> Result<Self, ScanError> {
        let boundary = parameter(content_type, "boundary")
            .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
            .ok_or(ScanError::Malformed("no boundary of a multipart body"))?;
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Ok(Self {
            fields: Fields::new(shape),
            delimiter: Finder::new(&delimiter).into_owned(),
            state: State::Preamble,
            // The first delimiter may stand at the very start, as if a line had ended before it.
            held: b"\r\n".to_vec(),
            head: 0,
            known: Known::Unknown,
            text: Vec::new(),
            other_payload: None,
            failed: None,
        })
    }

    /// The payload may have this name instead of its own. It may still be there only once.
    #[must_use]
    pub fn or_payload(mut self, name: &'static str) -> Self {
        self.other_payload = Some(name);
        self
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
    pub fn finish(self) -> Result<Fields, ScanError> {
        match (self.failed, self.state) {
            (Some(error), _) => Err(error),
            (None, State::Epilogue) => Ok(self.fields),
            (None, _) => Err(ScanError::Malformed("the multipart body is cut off")),
        }
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
        while !rest.is_empty() {
            rest = match self.state {
                State::Preamble | State::Content => self.content(rest, payload)?,
                State::Delimited | State::Head => self.line(rest)?,
                State::Epilogue => return Ok(()),
            };
        }
        Ok(())
    }

    /// Takes content up to the next delimiter. Answers what follows it.
    fn content<'a>(
        &mut self,
        rest: &'a [u8],
        payload: &mut Vec<u8>,
    ) -> Result<&'a [u8], ScanError> {
        if self.held.is_empty() {
            return self.search(rest, payload);
        }
        // What was held back is only a few bytes: it is decided with as many of the next ones as a
        // delimiter has, and the rest of the chunk is searched where it lies.
        let size = self.delimiter.needle().len();
        let (few, after) = rest.split_at(rest.len().min(size));
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(few);
        let left = self.search(&joined, payload)?.len();
        if self.state == State::Delimited {
            // Only new bytes can be behind a delimiter that was not whole before.
            return Ok(rest
                .get(few.len().saturating_sub(left)..)
                .unwrap_or_default());
        }
        Ok(after)
    }

    /// Searches contiguous bytes for the delimiter, takes what comes before it, and holds back an end that may be
    /// its beginning. Answers what follows the delimiter.
    fn search<'a>(
        &mut self,
        bytes: &'a [u8],
        payload: &mut Vec<u8>,
    ) -> Result<&'a [u8], ScanError> {
        if let Some(at) = self.delimiter.find(bytes) {
            let (content, from) = bytes.split_at(at);
            self.take(content, payload)?;
            self.end_part()?;
            self.state = State::Delimited;
            self.head = 0;
            return Ok(from
                .get(self.delimiter.needle().len()..)
                .unwrap_or_default());
        }
        let keep = self.doubtful(bytes);
        let (content, held) = bytes.split_at(bytes.len() - keep);
        self.take(content, payload)?;
        self.held = held.to_vec();
        Ok(&[])
    }

    /// How many bytes at the end may be the beginning of a delimiter.
    fn doubtful(&self, bytes: &[u8]) -> usize {
        let needle = self.delimiter.needle();
        let most = bytes.len().min(needle.len() - 1);
        let (_, mut end) = bytes.split_at(bytes.len() - most);
        let mut keep = 0;
        while let Some(at) = memrchr(b'\r', end) {
            let candidate = most - at;
            let (_, tail) = bytes.split_at(bytes.len() - candidate);
            if needle.starts_with(tail) {
                keep = candidate;
            }
            end = end.get(..at).unwrap_or_default();
        }
        keep
    }

    fn take(&mut self, content: &[u8], payload: &mut Vec<u8>) -> Result<(), ScanError> {
        if self.state != State::Content {
            return Ok(());
        }
        match self.known {
            Known::Payload => payload.extend_from_slice(content),
            Known::Field(_) => {
                self.text.extend_from_slice(content);
                if self.text.len() > MAX_TEXT {
                    return Err(ScanError::FieldTooLong);
                }
            }
            Known::Unknown => {}
        }
        Ok(())
    }

    fn end_part(&mut self) -> Result<(), ScanError> {
        if self.state == State::Content
            && let Known::Field(at) = self.known
        {
            let text = String::from_utf8(std::mem::take(&mut self.text))
                .map_err(|_| ScanError::Malformed("a field is not UTF-8"))?;
            let name = self.fields.shape().fields.get(at).copied();
            self.fields.insert_form(name.unwrap_or_default(), &text)?;
        }
        Ok(())
    }

    /// Reads to the end of a line: the padding behind a delimiter, or a line of a head.
    fn line<'a>(&mut self, rest: &'a [u8]) -> Result<&'a [u8], ScanError> {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (part, after) = rest.split_at(end);
        self.held.extend_from_slice(part);
        // Before the length is judged: what follows the last delimiter is no head, however much of it comes at once.
        if self.state == State::Delimited && self.held.starts_with(b"--") {
            self.state = State::Epilogue;
            return Ok(&[]);
        }
        self.head = self.head.saturating_add(part.len());
        if self.head > MAX_HEAD {
            return Err(ScanError::Malformed("a part with too long a head"));
        }
        if !self.held.ends_with(b"\n") {
            return Ok(after);
        }
        let line = std::mem::take(&mut self.held);
        let line = line.strip_suffix(b"\r\n").ok_or(ScanError::Malformed(
            "a line of a part does not end in CR LF",
        ))?;
        if self.state == State::Delimited {
            if !line.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                return Err(ScanError::Malformed("something behind a boundary"));
            }
            self.known = Known::Unknown;
            self.state = State::Head;
        } else if line.is_empty() {
            self.begin_part()?;
        } else {
            self.header(line);
        }
        Ok(after)
    }

    fn header(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else {
            return;
        };
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-disposition")
            && let Some(name) = parameter(value, "name")
        {
            self.known = if self.other_payload == Some(name.as_str()) {
                Known::Payload
            } else {
                self.fields.shape().lookup(name.as_bytes())
            };
        }
    }

    fn begin_part(&mut self) -> Result<(), ScanError> {
        self.fields.refuse_second(self.known)?;
        if self.known == Known::Payload {
            self.fields.begin_payload()?;
        }
        self.text.clear();
        self.state = State::Content;
        Ok(())
    }
}

/// The value of a parameter of a header such as `form-data; name="a\"b"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let (_, mut rest) = header.split_once(';')?;
    loop {
        let end = rest.find(['=', ';'])?;
        let (name, after) = rest.split_at(end);
        let Some(after) = after.strip_prefix('=') else {
            // A word without a value.
            rest = after.get(1..)?;
            continue;
        };
        let (value, next) = parameter_value(after.trim_start());
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next?;
    }
}

/// A quoted or a plain value, and what follows the next semicolon.
fn parameter_value(text: &str) -> (String, Option<&str>) {
    let Some(quoted) = text.strip_prefix('"') else {
        return match text.split_once(';') {
            Some((value, rest)) => (value.trim_end().to_owned(), Some(rest)),
            None => (text.trim_end().to_owned(), None),
        };
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(character) = chars.next() {
        match character {
            '"' => break,
            // Only these two are ever escaped: browsers write the backslashes of a file's name plainly.
            '\\' if chars.as_str().starts_with(['"', '\\']) => value.extend(chars.next()),
            other => value.push(other),
        }
    }
    (value, chars.as_str().split_once(';').map(|(_, rest)| rest))
}

#[cfg(test)]
mod tests;

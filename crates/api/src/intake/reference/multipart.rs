//! What the multipart scanner is compared with: it has the whole body at hand, and cuts it up.

use super::super::{Fields, Known, Shape};

/// Most bytes from a delimiter to the content of its part, the rest of the delimiter's line included.
const MAX_HEAD: usize = 8 * 1024;

/// What the multipart scanner has to say of a body.
pub fn multipart(body: &[u8], boundary: &str, shape: Shape) -> super::Outcome {
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first delimiter may stand at the very start.
    let body = [b"\r\n", body].concat();
    let mut fields = Fields::new(shape);
    let mut payload = Vec::new();
    let (_, mut rest) = cut(&body, &delimiter)?;
    while !rest.starts_with(b"--") {
        let (lines, from) = head(rest)?;
        let known = lines
            .iter()
            .filter_map(|line| name(line))
            .next_back()
            .map_or(Known::Unknown, |name| shape.lookup(name.as_bytes()));
        let (content, after) = cut(from, &delimiter)?;
        match known {
            Known::Unknown => {}
            Known::Payload => {
                fields.begin_payload().ok()?;
                fields.add_payload(content.len());
                payload = content.to_vec();
            }
            Known::Field(at) => {
                let text = std::str::from_utf8(content).ok()?;
                fields.insert_form(shape.fields[at], text).ok()?;
            }
        }
        rest = after;
    }
    Some((fields, payload))
}

/// What is before the first `mark`, and what is behind it.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|place| place == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// The lines of a head, and the content behind it.
fn head(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (mut lines, mut rest) = (Vec::new(), bytes);
    loop {
        // A line ends at its first line feed, and there must be a carriage return before it.
        let (line, after) = cut(rest, b"\n")?;
        let line = line.strip_suffix(b"\r")?;
        rest = after;
        if lines.is_empty() {
            // The end of the delimiter's own line.
            line.iter()
                .all(|byte| b" \t".contains(byte))
                .then_some(())?;
        } else if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    (bytes.len() - rest.len() <= MAX_HEAD).then_some((lines, rest))
}

/// The name that a line gives to its part.
fn name(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let (header, value) = line.split_once(':')?;
    let named = parameters(value)
        .into_iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("name"));
    header
        .eq_ignore_ascii_case("content-disposition")
        .then_some(named?.1)
}

/// The parameters of a header, character by character.
fn parameters(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut chars = header.chars().peekable();
    // The value itself.
    chars.by_ref().find(|c| *c == ';');
    while chars.peek().is_some() {
        let mut key = String::new();
        let mut end = None;
        for c in chars.by_ref() {
            if c == '=' || c == ';' {
                end = Some(c);
                break;
            }
            key.push(c);
        }
        if end != Some('=') {
            // A word without a value.
            continue;
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut value = String::new();
        if chars.next_if_eq(&'"').is_some() {
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                let escaped = chars.next_if(|next| c == '\\' && (*next == '"' || *next == '\\'));
                value.push(escaped.unwrap_or(c));
            }
            chars.by_ref().find(|c| *c == ';');
        } else {
            value.extend(chars.by_ref().take_while(|c| *c != ';'));
            value.truncate(value.trim_end().len());
        }
        found.push((key.trim().to_owned(), value));
    }
    found
}

//! What the parsers are compared with, for the property tests and the fuzz targets: a full JSON parser, a
//! plain base64 decoder, a plain multipart reader, and the parsers themselves fed in other pieces. Only in
//! builds for tests.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "written for plainness; a panic is how it tells of a difference"
)]

mod multipart;
pub mod oracle;

pub use multipart::multipart as plain_multipart;

use super::{Base64Stream, Fields, ScanError, Scanner, Shape};

/// The route that all bodies are for.
pub const SHAPE: Shape = Shape {
    fields: &["token", "name", "n"],
    payload: Some("data"),
};

/// One like a browser's, and one that is hard to tell from the hyphens around it.
pub const BOUNDARIES: [&str; 2] = ["XX", "-"];

/// The fields and the payload, or a refusal.
pub type Outcome = Option<(Fields, Vec<u8>)>;

/// The JSON scanner must agree with the full parser, in pieces of these sizes and byte by byte.
pub fn check_json(body: &[u8], sizes: &[usize]) {
    let whole = json(body, sizes);
    assert_eq!(json(body, &[1]), whole, "single bytes differ");
    if let Some(expected) = oracle::json(body, SHAPE) {
        assert_eq!(whole, expected, "the full parser differs");
    }
}

/// The form scanner must say the same of every cut.
pub fn check_form(body: &[u8], sizes: &[usize]) {
    let whole = form(body, &[usize::MAX]);
    assert_eq!(form(body, sizes), whole, "the cut matters");
    assert_eq!(form(body, &[1]), whole, "single bytes differ");
}

/// The multipart scanner must agree with the plain reader, whole, in pieces of these sizes and byte by byte.
pub fn check_multipart(body: &[u8], sizes: &[usize]) {
    for boundary in BOUNDARIES {
        let expected = plain_multipart(body, boundary, SHAPE);
        assert_eq!(
            multipart(body, boundary, &[usize::MAX]),
            expected,
            "the plain reader differs"
        );
        assert_eq!(
            multipart(body, boundary, sizes),
            expected,
            "the cut matters"
        );
        assert_eq!(
            multipart(body, boundary, &[1]),
            expected,
            "single bytes differ"
        );
    }
}

/// The base64 decoder must agree with the plain one, in pieces of these sizes and byte by byte.
pub fn check_base64(text: &[u8], sizes: &[usize]) {
    let expected = oracle::decode(text);
    assert_eq!(
        base64(text, &[usize::MAX]),
        expected,
        "the plain decoder differs"
    );
    assert_eq!(base64(text, sizes), expected, "the cut matters");
    assert_eq!(base64(text, &[1]), expected, "single bytes differ");
}

/// Feeds a body in chunks of the sizes given, round and round.
fn scan(mut scanner: Scanner, mut body: &[u8], sizes: &[usize]) -> Result<Outcome, ScanError> {
    let mut payload = Vec::new();
    for size in sizes.iter().cycle() {
        if body.is_empty() {
            break;
        }
        let (chunk, rest) = body.split_at(body.len().min(*size));
        scanner.feed(chunk, &mut payload)?;
        body = rest;
    }
    Ok(Some((scanner.finish(&mut payload)?, payload)))
}

pub fn json(body: &[u8], sizes: &[usize]) -> Outcome {
    scan(Scanner::json(SHAPE), body, sizes).unwrap_or(None)
}

pub fn form(body: &[u8], sizes: &[usize]) -> Outcome {
    scan(Scanner::form(SHAPE), body, sizes).unwrap_or(None)
}

pub fn multipart(body: &[u8], boundary: &str, sizes: &[usize]) -> Outcome {
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let scanner = Scanner::multipart(SHAPE, &content_type).ok()?;
    scan(scanner, body, sizes).unwrap_or(None)
}

pub fn base64(text: &[u8], sizes: &[usize]) -> Option<Vec<u8>> {
    let (mut stream, mut out, mut rest) = (Base64Stream::default(), Vec::new(), text);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(*size));
        stream.push(chunk, &mut out).ok()?;
        rest = after;
    }
    stream.finish(&mut out).ok()?;
    Some(out)
}

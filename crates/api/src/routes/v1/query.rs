use crate::error::ApiError;
use crate::intake::{Fields, Scanner, Shape};

/// A query is written like a form, and read like one.
pub(crate) fn query(text: &str, shape: Shape) -> Result<Fields, ApiError> {
    let mut scanner = Scanner::form(shape);
    // A shape without a payload field yields no payload.
    let mut none = Vec::new();
    scanner.feed(text.as_bytes(), &mut none)?;
    Ok(scanner.finish(&mut none)?)
}

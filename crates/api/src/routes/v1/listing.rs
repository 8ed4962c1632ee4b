//! What lists have in common: pages with an opaque cursor, and a link to the next one (RFC 8288).

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LINK;
use kms_domain::Timestamp;
use kms_domain::codes::Code;
use kms_domain::files::{ListPosition, TrashPosition};
use serde::Serialize;
use serde_json::json;

use super::reply;
use crate::error::ApiError;
use crate::intake::Fields;
use crate::openapi::{Field, Kind, optional};

/// Entries on a page of a client that does not say, and the most that it may say.
const USUAL: usize = 100;
pub(super) const MOST: usize = 256;

pub(super) const CURSOR: Field = optional(
    "cursor",
    Kind::of(
        |_| json!({"type": "string", "pattern": r"^(0|-?[1-9][0-9]{0,17})\.(0|-?[1-9][0-9]{0,17})$"}),
    ),
    "Where the page begins: `next` of the one before, as it came.",
);
pub(super) const LIMIT: Field = optional(
    "limit",
    Kind::of(|_| json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL})),
    "Most entries of the page.",
);

/// A place in a list, which clients give back as they got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    millis: i64,
    seq: i64,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
}

impl Page {
    /// The fields `cursor` and `limit` of a query.
    pub(super) fn of(query: &Fields) -> Result<Self, ApiError> {
        let after = match query.optional_text("cursor")? {
            Some(text) => Some(Cursor::parse(text).ok_or_else(no_cursor)?),
            None => None,
        };
        Ok(Self {
            after,
            limit: Self::limit_of(query)?,
        })
    }

    /// The field `limit` alone.
    pub(super) fn limit_of(query: &Fields) -> Result<usize, ApiError> {
        match query.integer("limit")? {
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=MOST).contains(limit))
                .ok_or_else(|| ApiError::bad_format(format!("a page has 1 to {MOST} entries"))),
            None => Ok(USUAL),
        }
    }
}

/// The refusal of a cursor that was never answered.
pub(super) fn no_cursor() -> ApiError {
    ApiError::bad_format("there is no such cursor")
}

impl Cursor {
    /// Reads what [`text`](Self::text) has written, and nothing else.
    fn parse(text: &str) -> Option<Self> {
        let (millis, seq) = text.split_once('.')?;
        let cursor = Self {
            millis: millis.parse().ok()?,
            seq: seq.parse().ok()?,
        };
        (cursor.text() == text).then_some(cursor)
    }

    /// As clients see it.
    pub(super) fn text(self) -> String {
        format!("{}.{}", self.millis, self.seq)
    }
}

impl From<ListPosition> for Cursor {
    fn from(place: ListPosition) -> Self {
        Self {
            millis: place.created_at.as_millis(),
            seq: place.seq,
        }
    }
}

impl From<Cursor> for ListPosition {
    fn from(cursor: Cursor) -> Self {
        Self {
            created_at: Timestamp::from_millis(cursor.millis),
            seq: cursor.seq,
        }
    }
}

impl From<TrashPosition> for Cursor {
    fn from(place: TrashPosition) -> Self {
        Self {
            millis: place.deleted_at.as_millis(),
            seq: place.seq,
        }
    }
}

impl From<Cursor> for TrashPosition {
    fn from(cursor: Cursor) -> Self {
        Self {
            deleted_at: Timestamp::from_millis(cursor.millis),
            seq: cursor.seq,
        }
    }
}

/// The first `limit` of what a use case has found, and where the next page begins: behind the last of
/// them if there are more, else where the use case says.
pub(super) fn cut<T, P: Into<Cursor>>(
    mut found: Vec<T>,
    limit: usize,
    place: impl Fn(&T) -> P,
    next: Option<P>,
) -> (Vec<T>, Option<Cursor>) {
    if found.len() <= limit {
        return (found, next.map(Into::into));
    }
    found.truncate(limit);
    let next = found.last().map(|last| place(last).into());
    (found, next)
}

/// A page of a list at `path`. `filters` stand in the link to the next one as they are asked for.
pub(super) fn answer(
    list: &impl Serialize,
    path: &str,
    limit: usize,
    filters: &[(&str, &str)],
    next: Option<Cursor>,
) -> Result<HttpResponse, ApiError> {
    let next = next.map(Cursor::text);
    linked(list, path, limit, filters, next.as_deref())
}

/// The same of a list whose cursors are of another kind; none of their characters has to be escaped.
pub(super) fn linked(
    list: &impl Serialize,
    path: &str,
    limit: usize,
    filters: &[(&str, &str)],
    next: Option<&str>,
) -> Result<HttpResponse, ApiError> {
    let mut response = reply::object(StatusCode::OK, Code::Done, list)?;
    if let Some(next) = next {
        let mut link = format!("<{path}?cursor={next}&limit={limit}");
        for (name, value) in filters {
            let _ = write!(link, "&{name}={}", escaped(value));
        }
        link.push_str(">; rel=\"next\"");
        reply::insert(response.headers_mut(), LINK, &link)?;
    }
    Ok(response)
}

/// A text as a value of a query.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_in_no_other_form() {
        for (millis, seq) in [
            (0, 0),
            (1_700_000_000_000, 7),
            (-5, i64::MAX),
            (i64::MIN, -1),
        ] {
            let cursor = Cursor { millis, seq };
            assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
        for text in [
            "", ".", "1", "1.", ".1", "+1.2", "01.2", "1.2 ", "1.2.3", "a.b", "-0.1",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_page_that_was_cut_goes_on_behind_its_last() {
        let place = |n: &i64| ListPosition {
            created_at: Timestamp::from_millis(*n),
            seq: *n,
        };
        let cursor = |n| Cursor { millis: n, seq: n };
        assert_eq!(
            cut(vec![3, 2, 1], 2, place, None),
            (vec![3, 2], Some(cursor(2)))
        );
        assert_eq!(cut(vec![3, 2], 2, place, None), (vec![3, 2], None));
        let more = Some(place(&2));
        assert_eq!(
            cut(vec![3, 2], 2, place, more),
            (vec![3, 2], Some(cursor(2)))
        );
        assert_eq!(escaped("a b/报~"), "a%20b%2F%E6%8A%A5~");
    }
}

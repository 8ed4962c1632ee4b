//! What lists have in common: pages with an opaque cursor, and a link to the next one (RFC 8288).

use std::fmt::{self, Write as _};
use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LINK;
use kms_domain::Timestamp;
use kms_domain::codes::Code;
use kms_domain::files::{DatedPlace, FileId};
use serde::Serialize;
use serde_json::json;

use super::reply;
use crate::error::ApiError;
use crate::intake::Fields;
use crate::openapi::{Field, Kind, optional};

/// Entries on a page of a client that does not say, and the most that it may say.
const USUAL: usize = 100;
pub(super) const MOST: usize = 256;

/// The identity at the end of a cursor.
const IDENTITY: &str = r"\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

pub(super) const CURSOR: Field = optional(
    "cursor",
    Kind::of(|_| {
        let date = r"^(0|-?[1-9][0-9]{0,17})";
        json!({"type": "string", "pattern": format!("{date}{IDENTITY}")})
    }),
    "Where the page begins: `next` of the one before, as it came.",
);
pub(super) const SORTED_CURSOR: Field = optional(
    "cursor",
    Kind::of(
        |_| json!({"type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,1361}}{IDENTITY}")}),
    ),
    "Where the page begins: `next` of the one before, as it came, with the same `sort`.",
);
pub(super) const LIMIT: Field = optional(
    "limit",
    Kind::of(|_| json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL})),
    "Most entries of the page.",
);

/// Which part of a list that a date orders is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) after: Option<DatedPlace>,
    pub(super) limit: usize,
}

impl Page {
    /// The fields `cursor` and `limit` of a query.
    pub(super) fn of(query: &Fields) -> Result<Self, ApiError> {
        let after = match query.optional_text("cursor")? {
            Some(text) => Some(dated_place(text).ok_or_else(no_cursor)?),
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

/// A place in a list as clients see it, and give it back: what orders the entry there, and its identity.
pub(super) fn cursor(key: impl fmt::Display, id: FileId) -> String {
    format!("{key}.{id}")
}

/// Reads what [`cursor`] has written of a number, and nothing else.
pub(super) fn number_place<N: FromStr + fmt::Display + Copy>(text: &str) -> Option<(N, FileId)> {
    let (key, id) = text.split_once('.')?;
    let (key, id) = (key.parse::<N>().ok()?, FileId::parse(id)?);
    (cursor(key, id) == text).then_some((key, id))
}

/// The same of a date.
pub(super) fn dated_place(text: &str) -> Option<DatedPlace> {
    let (millis, id) = number_place(text)?;
    let date = Timestamp::from_millis(millis);
    Some(DatedPlace { date, id })
}

/// What [`dated_place`] reads.
pub(super) fn dated_cursor(place: DatedPlace) -> String {
    cursor(place.date.as_millis(), place.id)
}

/// The first `limit` of what a use case has found, and where the next page begins: behind the last of
/// them if there are more, else where the use case says.
pub(super) fn cut<T>(
    mut found: Vec<T>,
    limit: usize,
    place: impl Fn(&T) -> DatedPlace,
    next: Option<DatedPlace>,
) -> (Vec<T>, Option<String>) {
    if found.len() <= limit {
        return (found, next.map(dated_cursor));
    }
    found.truncate(limit);
    let next = found.last().map(|last| dated_cursor(place(last)));
    (found, next)
}

/// A page of a list at `path`. `filters` stand in the link to the next one as they are asked for; no character of
/// a cursor has to be escaped.
pub(super) fn answer(
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

    const ID: &str = "00000000-0000-4000-8000-00000000000a";

    fn place(millis: i64) -> DatedPlace {
        DatedPlace {
            date: Timestamp::from_millis(millis),
            id: FileId::parse(ID).unwrap(),
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_in_no_other_form() {
        for millis in [0, 1_700_000_000_000, -5, i64::MIN, i64::MAX] {
            let place = place(millis);
            assert_eq!(dated_place(&dated_cursor(place)), Some(place));
        }
        for key in [
            "",
            "+1",
            "01",
            " 1",
            "1.2",
            "a",
            "-0",
            "9223372036854775808",
        ] {
            let text = format!("{key}.{ID}");
            assert_eq!(dated_place(&text), None, "{text:?}");
        }
        let upper = ID.to_uppercase();
        for id in ["", "1", "x", &upper, &format!("{ID} "), &format!("{ID}.1")] {
            let text = format!("1.{id}");
            assert_eq!(dated_place(&text), None, "{text:?}");
        }
        assert_eq!(dated_place("1"), None);
        assert_eq!(number_place::<u64>(&format!("-1.{ID}")), None);
    }

    #[test]
    fn a_page_that_was_cut_goes_on_behind_its_last() {
        let at = |n: &i64| place(*n);
        let cursor = |n| Some(dated_cursor(place(n)));
        assert_eq!(cut(vec![3, 2, 1], 2, at, None), (vec![3, 2], cursor(2)));
        assert_eq!(cut(vec![3, 2], 2, at, None), (vec![3, 2], None));
        let more = Some(place(2));
        assert_eq!(cut(vec![3, 2], 2, at, more), (vec![3, 2], cursor(2)));
        assert_eq!(escaped("a b/报~"), "a%20b%2F%E6%8A%A5~");
    }
}

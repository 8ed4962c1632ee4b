//! An owner's entries in an order that clients choose.
//!
//! The order by date follows the index. The others sort: an index for each of them would be paid for by every
//! upload, and what is looked through is what one account has.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use kms_domain::files::{DatedPlace, FileId, Label, ListedFile, OwnFilter, OwnOrder, Visibility};
use kms_domain::users::UserId;

use super::error::{During, SqliteError};
use super::files::SummaryRow;
use super::row::{RowName, count};

/// The entries that are behind a place, in an order.
macro_rules! select {
    ($behind:literal, $order:literal) => {
        concat!(
            "SELECT f.seq, f.id, f.title, f.label, f.public, f.created_at, b.size \
             FROM files AS f JOIN blobs AS b ON b.id = f.blob_id \
             WHERE f.owner = ?1 AND (?2 IS NULL OR f.public = ?2) AND (?3 IS NULL OR f.label = ?3) AND ",
            $behind,
            " ORDER BY ",
            $order,
            " LIMIT ?6"
        )
    };
}

// The first condition of a date is what the index can seek.
const NEWEST: &str = select!(
    "f.created_at <= ?4 AND (f.created_at < ?4 OR f.id < ?5)",
    "f.created_at DESC, f.id DESC"
);
const OLDEST: &str = select!(
    "f.created_at >= ?4 AND (f.created_at > ?4 OR f.id > ?5)",
    "f.created_at, f.id"
);
const NAME: &str = select!(
    "(f.title COLLATE NOCASE, f.id) > (?4, ?5)",
    "f.title COLLATE NOCASE, f.id"
);
const LARGEST: &str = select!(
    "b.size <= ?4 AND (b.size < ?4 OR f.id > ?5)",
    "b.size DESC, f.id"
);
const SMALLEST: &str = select!("(b.size, f.id) > (?4, ?5)", "b.size, f.id");

/// What an order compares with.
enum Key<'a> {
    Number(i64),
    Text(&'a str),
}

#[derive(QueryableByName)]
struct SortedRow {
    #[diesel(embed)]
    summary: SummaryRow,
    #[diesel(sql_type = BigInt)]
    size: i64,
}

impl SortedRow {
    fn into_domain(self) -> Result<ListedFile, SqliteError> {
        let file = self.summary.into_domain()?;
        let row = RowName {
            table: "files",
            id: &file.id,
        };
        let size = u64::try_from(self.size).map_err(|e| row.broken(e))?;
        Ok(ListedFile { file, size })
    }
}

pub(super) fn list(
    conn: &mut SqliteConnection,
    owner: UserId,
    order: &OwnOrder,
    filter: &OwnFilter,
    limit: usize,
) -> Result<Vec<ListedFile>, SqliteError> {
    let owner = owner.as_uuid().into_bytes();
    let (statement, key, id) = behind(order);
    let query = sql_query(statement)
        .into_boxed::<Sqlite>()
        .bind::<Binary, _>(owner.as_slice())
        .bind::<Nullable<Bool>, _>(filter.visibility.map(Visibility::is_public))
        .bind::<Nullable<Text>, _>(filter.label.as_ref().map(Label::as_str));
    let query = match key {
        Key::Number(number) => query.bind::<BigInt, _>(number),
        Key::Text(text) => query.bind::<Text, _>(text),
    };
    let rows: Vec<SortedRow> = query
        .bind::<Binary, _>(id.as_slice())
        .bind::<BigInt, _>(count(limit))
        .load(conn)
        .during("list_sorted")?;
    rows.into_iter().map(SortedRow::into_domain).collect()
}

/// The statement of an order, and the place behind which the entries are wanted. At the beginning it is one that is
/// no entry's.
fn behind(order: &OwnOrder) -> (&'static str, Key<'_>, Vec<u8>) {
    let bytes = |id: FileId| id.as_uuid().into_bytes().to_vec();
    let dated = |place: &Option<DatedPlace>, none| {
        place.map_or((Key::Number(none), Vec::new()), |place| {
            (Key::Number(place.date.as_millis()), bytes(place.id))
        })
    };
    let sized = |place: &Option<(u64, FileId)>, none| {
        place.map_or((Key::Number(none), Vec::new()), |(size, id)| {
            // Nothing is larger than what the column holds.
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            (Key::Number(size), bytes(id))
        })
    };
    let (statement, (key, id)) = match order {
        OwnOrder::Newest(place) => (NEWEST, dated(place, i64::MAX)),
        OwnOrder::Oldest(place) => (OLDEST, dated(place, i64::MIN)),
        OwnOrder::Name(place) => {
            let place = place.as_ref();
            let place = place.map_or((Key::Text(""), Vec::new()), |(title, id)| {
                (Key::Text(title.as_str()), bytes(*id))
            });
            (NAME, place)
        }
        OwnOrder::Largest(place) => (LARGEST, sized(place, i64::MAX)),
        OwnOrder::Smallest(place) => (SMALLEST, sized(place, -1)),
    };
    (statement, key, id)
}

//! Favourites whose source is gone for good and was private then: nobody can ever see them again.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool};
use kms_domain::files::{FileId, LostSource};

use super::error::{During, SqliteError};
use super::row::{RowName, count};

/// A source that is neither there nor in the trash any more cannot come back.
macro_rules! lost {
    () => {
        "NOT EXISTS (SELECT 1 FROM files AS f WHERE f.id = w.source) \
        AND NOT EXISTS (SELECT 1 FROM trash AS t WHERE t.id = w.source)"
    };
}

/// The walk in windows: where each ends, and the first lost source in it.
const FIND_LOST: &str = concat!(
    "SELECT w.source, ",
    lost!(),
    " AS is_lost FROM withheld AS w WHERE w.source > ?1 ORDER BY w.source LIMIT ?2"
);

const IS_LOST: &str = concat!(
    "SELECT w.source, 1 AS is_lost FROM withheld AS w WHERE w.source = ?1 AND ",
    lost!()
);

const REMOVE_WITHHELD: &str = "\
    DELETE FROM favourites WHERE seq IN (\
        SELECT seq FROM favourites WHERE source = ?1 AND owner <> source_owner LIMIT ?2)";

#[derive(QueryableByName)]
struct SourceRow {
    #[diesel(sql_type = Binary)]
    source: Vec<u8>,
    #[diesel(sql_type = Bool)]
    is_lost: bool,
}

/// See [`FavouriteRepository::find_lost`](kms_domain::files::FavouriteRepository::find_lost).
pub(super) fn find_lost(
    conn: &mut SqliteConnection,
    after: Option<FileId>,
    window: usize,
) -> Result<LostSource, SqliteError> {
    // Every id is behind the empty one.
    let after = after.map_or(Vec::new(), |id| id.as_uuid().as_bytes().to_vec());
    let seen: Vec<SourceRow> = sql_query(FIND_LOST)
        .bind::<Binary, _>(after)
        .bind::<BigInt, _>(count(window))
        .load(conn)
        .during("find_lost")?;
    let row = RowName {
        table: "withheld",
        id: &"",
    };
    let id = |it: &SourceRow| row.file_id("source", &it.source);
    let lost = seen.iter().find(|it| it.is_lost);
    let is_end = lost.is_none() && seen.len() < window;
    let last = lost.or(seen.last()).filter(|_| !is_end);
    Ok(LostSource {
        found: lost.map(id).transpose()?,
        next: last.map(id).transpose()?,
    })
}

/// See [`FavouriteRepository::remove_withheld`](kms_domain::files::FavouriteRepository::remove_withheld).
pub(super) fn remove(
    conn: &mut SqliteConnection,
    source: FileId,
    limit: usize,
) -> Result<bool, SqliteError> {
    let source = source.as_uuid().into_bytes();
    let lost: Option<SourceRow> = sql_query(IS_LOST)
        .bind::<Binary, _>(source.as_slice())
        .get_result(conn)
        .optional()
        .during("look for a lost source")?;
    if lost.is_none() {
        return Ok(false);
    }
    let removed = sql_query(REMOVE_WITHHELD)
        .bind::<Binary, _>(source.as_slice())
        .bind::<BigInt, _>(count(limit))
        .execute(conn)
        .during("remove favourites that are withheld for ever")?;
    if removed < limit {
        // Those that are left are its owner's, from whom they are not withheld.
        sql_query("DELETE FROM withheld WHERE source = ?")
            .bind::<Binary, _>(source.as_slice())
            .execute(conn)
            .during("forget a lost source")?;
    }
    Ok(removed >= limit)
}

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use kms_domain::files::{
    BlobId, DatedPlace, Detached, FileId, FileSummary, ListPosition, TrashRepository, TrashedFile,
    Visibility,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::row::{Hex, RowName, count};
use super::schema::{blobs, trash};
use super::usage::charge_stored;

/// Takes an entry out of `files` and says what it was. What it takes up is given back by a trigger, and
/// charged again by the one of `trash`: in this order the sum never grows beyond what it was.
const TAKE: &str = "\
    DELETE FROM files WHERE id = ? AND owner = ? \
    RETURNING seq, id, owner, title, label, md5, blob_id, public, created_at";

const LAY_DOWN: &str = "\
    INSERT INTO trash (seq, id, owner, title, label, md5, blob_id, public, created_at, deleted_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const PICK_UP: &str = "\
    DELETE FROM trash WHERE id = ? AND owner = ? \
    RETURNING seq, id, owner, title, label, md5, blob_id, public, created_at";

const PUT_BACK: &str = "\
    INSERT INTO files (seq, id, owner, title, label, md5, blob_id, public, created_at, twin) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT twin FROM blobs WHERE id = ?7))";

/// The oldest come first in the index, so it stops at the limit.
const PURGE_BEFORE: &str = "\
    DELETE FROM trash WHERE seq IN (\
        SELECT seq FROM trash WHERE deleted_at < ? ORDER BY deleted_at, seq LIMIT ?)";

/// Deleted entries in SQLite.
#[derive(Clone)]
pub struct SqliteTrashRepository {
    db: SqliteDatabase,
}

impl SqliteTrashRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

/// An entry on its way from one table to the other.
#[derive(QueryableByName)]
struct MovedRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    owner: Vec<u8>,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Nullable<Text>)]
    label: Option<String>,
    #[diesel(sql_type = Binary)]
    md5: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    blob_id: i64,
    #[diesel(sql_type = Bool)]
    public: bool,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

/// Runs a statement that removes one entry of `owner` and answers it.
fn take(
    conn: &mut SqliteConnection,
    statement: &'static str,
    owner: UserId,
    id: FileId,
) -> Result<Option<MovedRow>, SqliteError> {
    sql_query(statement)
        .bind::<Binary, _>(id.as_uuid().as_bytes().as_slice())
        .bind::<Binary, _>(owner.as_uuid().as_bytes().as_slice())
        .get_result(conn)
        .optional()
        .during("take an entry")
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = trash, check_for_backend(diesel::sqlite::Sqlite))]
struct TrashRow {
    seq: i64,
    id: Vec<u8>,
    title: String,
    label: Option<String>,
    public: bool,
    created_at: i64,
    deleted_at: i64,
}

impl TrashRow {
    fn into_domain(self, size: i64) -> Result<TrashedFile, SqliteError> {
        let row = RowName {
            table: "trash",
            id: &Hex(&self.id),
        };
        Ok(TrashedFile {
            file: FileSummary {
                id: row.file_id("id", &self.id)?,
                title: row.title(&self.title)?,
                label: row.label(self.label)?,
                visibility: Visibility::from_public(self.public),
                position: ListPosition {
                    created_at: Timestamp::from_millis(self.created_at),
                    seq: self.seq,
                },
            },
            size: u64::try_from(size).map_err(|e| row.broken(e))?,
            deleted_at: Timestamp::from_millis(self.deleted_at),
        })
    }
}

impl TrashRepository for SqliteTrashRepository {
    fn discard(&self, owner: UserId, id: FileId, at: Timestamp) -> Result<Detached, PortError> {
        self.db.write("discard", move |conn| {
            let Some(file) = take(conn, TAKE, owner, id)? else {
                return Ok(Detached::NotFound);
            };
            sql_query(LAY_DOWN)
                .bind::<BigInt, _>(file.seq)
                .bind::<Binary, _>(file.id)
                .bind::<Binary, _>(file.owner)
                .bind::<Text, _>(file.title)
                .bind::<Nullable<Text>, _>(file.label)
                .bind::<Binary, _>(file.md5)
                .bind::<BigInt, _>(file.blob_id)
                .bind::<Bool, _>(file.public)
                .bind::<BigInt, _>(file.created_at)
                .bind::<BigInt, _>(at.as_millis())
                .execute(conn)
                .during("discard")?;
            Ok(Detached::Removed)
        })
    }

    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<TrashedFile>, PortError> {
        self.db.read(|conn| {
            let owner = owner.as_uuid().into_bytes();
            let page = trash::table
                .inner_join(blobs::table)
                .filter(trash::owner.eq(owner.as_slice()))
                .select((TrashRow::as_select(), blobs::size))
                .order((trash::deleted_at.desc(), trash::id.desc()))
                .limit(count(limit));
            let rows: Vec<(TrashRow, i64)> = match after {
                Some(after) => {
                    let date = after.date.as_millis();
                    let id = after.id.as_uuid().into_bytes().to_vec();
                    // The first condition is what the index can seek.
                    page.filter(trash::deleted_at.le(date))
                        .filter(trash::deleted_at.lt(date).or(trash::id.lt(id)))
                        .load(conn)
                }
                None => page.load(conn),
            }
            .during("list the trash")?;
            rows.into_iter()
                .map(|(row, size)| row.into_domain(size))
                .collect()
        })
    }

    fn restore(&self, owner: UserId, id: FileId) -> Result<bool, PortError> {
        self.db.write("restore", move |conn| {
            let Some(file) = take(conn, PICK_UP, owner, id)? else {
                return Ok(false);
            };
            sql_query(PUT_BACK)
                .bind::<BigInt, _>(file.seq)
                .bind::<Binary, _>(file.id)
                .bind::<Binary, _>(file.owner)
                .bind::<Text, _>(file.title)
                .bind::<Nullable<Text>, _>(file.label)
                .bind::<Binary, _>(file.md5)
                .bind::<BigInt, _>(file.blob_id)
                .bind::<Bool, _>(file.public)
                .bind::<BigInt, _>(file.created_at)
                .execute(conn)
                .during("restore")?;
            charge_stored(conn, owner, BlobId::from_i64(file.blob_id))?;
            Ok(true)
        })
    }

    fn purge(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.db.write("purge", move |conn| {
            let own = trash::table
                .filter(trash::id.eq(id.as_uuid().into_bytes().to_vec()))
                .filter(trash::owner.eq(owner.as_uuid().into_bytes().to_vec()));
            let removed = diesel::delete(own).execute(conn).during("purge")?;
            Ok(if removed == 0 {
                Detached::NotFound
            } else {
                Detached::Removed
            })
        })
    }

    fn purge_before(&self, deleted_before: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.db.write("purge_before", move |conn| {
            sql_query(PURGE_BEFORE)
                .bind::<BigInt, _>(deleted_before.as_millis())
                .bind::<BigInt, _>(count(limit))
                .execute(conn)
                .during("purge_before")
        })
    }
}

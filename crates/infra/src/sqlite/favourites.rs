use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use kms_domain::files::{
    DatedPlace, Edited, EntryChange, Favoured, Favourite, FavouriteRepository, FileId, Label,
    LostSource, Md5, NewFavourite, StoredFile, Title, Visibility,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::blobs::BlobRow;
use super::error::{During, SqliteError};
use super::row::{Hex, RowName, count};
use super::schema::{blobs, favourites, files, is_public};
use super::usage::charge;
use super::withheld;

/// Whether a favourite is to be seen: what is withheld from others is not withheld from its owner.
macro_rules! visible {
    () => {
        "(v.owner = v.source_owner \
            OR NOT EXISTS (SELECT 1 FROM withheld AS w WHERE w.source = v.source))"
    };
}

const LIST: &str = concat!(
    "SELECT v.id, v.source, v.title, v.label, v.source_owner, u.name, b.size, v.created_at \
    FROM favourites AS v JOIN users AS u ON u.id = v.source_owner \
    JOIN blobs AS b ON b.id = v.blob_id \
    WHERE v.owner = ?1 AND v.created_at <= ?2 AND (v.created_at < ?2 OR v.id < ?3) AND ",
    visible!(),
    " ORDER BY v.created_at DESC, v.id DESC LIMIT ?4"
);

const FIND: &str = concat!(
    "SELECT v.seq, v.title, v.label, v.md5, v.created_at, \
    b.id, b.sha256, b.size, b.store_key, b.damaged_at \
    FROM favourites AS v JOIN blobs AS b ON b.id = v.blob_id \
    WHERE v.id = ?1 AND v.owner = ?2 AND ",
    visible!()
);

/// One that can be seen, by its own identity or by that of its source.
const FIND_NAMED: &str = concat!(
    "SELECT v.id FROM favourites AS v WHERE v.id = ?1 AND v.owner = ?2 AND ",
    visible!(),
    " UNION ALL SELECT v.id FROM favourites AS v WHERE v.owner = ?2 AND v.source = ?1 AND ",
    visible!(),
    " LIMIT 1"
);

const REMOVE: &str = concat!(
    "DELETE FROM favourites WHERE seq = (SELECT v.seq FROM favourites AS v \
        WHERE v.id = ?1 AND v.owner = ?2 \
    UNION ALL SELECT v.seq FROM favourites AS v WHERE v.owner = ?2 AND v.source = ?1 AND ",
    visible!(),
    " LIMIT 1)"
);

/// Favourites in SQLite.
#[derive(Clone)]
pub struct SqliteFavouriteRepository {
    db: SqliteDatabase,
}

impl SqliteFavouriteRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Insertable)]
#[diesel(table_name = favourites)]
struct NewFavouriteRow<'a> {
    id: &'a [u8],
    owner: &'a [u8],
    source: &'a [u8],
    source_owner: &'a [u8],
    title: &'a str,
    md5: &'a [u8],
    blob_id: i64,
    created_at: i64,
}

#[derive(QueryableByName)]
struct ListedRow {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    source: Vec<u8>,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Nullable<Text>)]
    label: Option<String>,
    #[diesel(sql_type = Binary)]
    source_owner: Vec<u8>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    size: i64,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

impl ListedRow {
    fn into_domain(self) -> Result<Favourite, SqliteError> {
        let row = RowName {
            table: "favourites",
            id: &Hex(&self.id),
        };
        Ok(Favourite {
            id: row.file_id("id", &self.id)?,
            source: row.file_id("source", &self.source)?,
            title: row.title(&self.title)?,
            label: row.label(self.label)?,
            size: u64::try_from(self.size).map_err(|e| row.broken(e))?,
            source_owner: row.user_id("source_owner", &self.source_owner)?,
            source_owner_name: row.display_name(&self.name)?,
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Nullable<Text>)]
    label: Option<String>,
    #[diesel(sql_type = Binary)]
    md5: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(embed)]
    blob: BlobRow,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

/// What of a favourite is changed. What is `None` stays.
#[derive(AsChangeset)]
#[diesel(table_name = favourites)]
struct ChangeRow<'a> {
    title: Option<&'a str>,
    label: Option<Option<&'a str>>,
}

/// What a favourite is made of.
#[derive(Queryable, Selectable)]
#[diesel(table_name = files, check_for_backend(diesel::sqlite::Sqlite))]
struct SourceFileRow {
    owner: Vec<u8>,
    title: String,
    md5: Vec<u8>,
    blob_id: i64,
}

/// A favourite that its owner reads as an entry.
pub(super) fn find_own_favourite(
    conn: &mut SqliteConnection,
    owner: UserId,
    id: FileId,
) -> Result<Option<StoredFile>, SqliteError> {
    let Some(found) = find(conn, owner, id)? else {
        return Ok(None);
    };
    let row = RowName {
        table: "favourites",
        id: &id,
    };
    Ok(Some(StoredFile {
        id,
        owner,
        title: row.title(&found.title)?,
        label: row.label(found.label)?,
        md5: Md5::from_bytes(row.array("md5", &found.md5)?),
        visibility: Visibility::Private,
        created_at: Timestamp::from_millis(found.created_at),
        blob: found.blob.into_domain()?,
    }))
}

fn find(
    conn: &mut SqliteConnection,
    owner: UserId,
    id: FileId,
) -> Result<Option<FoundRow>, SqliteError> {
    sql_query(FIND)
        .bind::<Binary, _>(id.as_uuid().as_bytes().as_slice())
        .bind::<Binary, _>(owner.as_uuid().as_bytes().as_slice())
        .get_result(conn)
        .optional()
        .during("find a favourite")
}

fn find_named(
    conn: &mut SqliteConnection,
    owner: UserId,
    id: FileId,
) -> Result<Option<IdRow>, SqliteError> {
    sql_query(FIND_NAMED)
        .bind::<Binary, _>(id.as_uuid().as_bytes().as_slice())
        .bind::<Binary, _>(owner.as_uuid().as_bytes().as_slice())
        .get_result(conn)
        .optional()
        .during("look for a favourite")
}

impl FavouriteRepository for SqliteFavouriteRepository {
    fn add(&self, favourite: &NewFavourite) -> Result<Favoured, PortError> {
        let new = favourite.clone();
        self.db.write("add", move |conn| {
            let row = RowName {
                table: "favourites",
                id: &new.source,
            };
            if let Some(known) = find_named(conn, new.owner, new.source)? {
                return Ok(Favoured::Already(row.file_id("id", &known.id)?));
            }
            let owner = new.owner.as_uuid().into_bytes();
            let source: Option<(SourceFileRow, i64)> = files::table
                .inner_join(blobs::table)
                .filter(files::id.eq(new.source.as_uuid().as_bytes().as_slice()))
                .filter(files::owner.eq(owner.as_slice()).or(is_public()))
                .select((SourceFileRow::as_select(), blobs::size))
                .get_result(conn)
                .optional()
                .during("look for the source of a favourite")?;
            let Some((source, size)) = source else {
                return Ok(Favoured::NotFound);
            };
            let size = u64::try_from(size).map_err(|e| row.broken(e))?;
            if !charge(conn, new.owner, new.quota, size)? {
                return Ok(Favoured::OverQuota);
            }
            diesel::insert_into(favourites::table)
                .values(NewFavouriteRow {
                    id: new.id.as_uuid().as_bytes(),
                    owner: owner.as_slice(),
                    source: new.source.as_uuid().as_bytes(),
                    source_owner: &source.owner,
                    title: &source.title,
                    md5: &source.md5,
                    blob_id: source.blob_id,
                    created_at: new.created_at.as_millis(),
                })
                .execute(conn)
                .during("insert the favourite")?;
            Ok(Favoured::Added)
        })
    }

    fn remove(&self, owner: UserId, id: FileId) -> Result<bool, PortError> {
        self.db.write("remove", move |conn| {
            let removed = sql_query(REMOVE)
                .bind::<Binary, _>(id.as_uuid().as_bytes().as_slice())
                .bind::<Binary, _>(owner.as_uuid().as_bytes().as_slice())
                .execute(conn)
                .during("remove a favourite")?;
            Ok(removed > 0)
        })
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        let change = change.clone();
        self.db.write("update", move |conn| {
            let Some(found) = find(conn, owner, id)? else {
                return Ok(Edited::NotFound);
            };
            if let Some(given) = &change.given
                && (found.title != given.title.as_str()
                    || found.label.as_deref() != given.label.as_ref().map(Label::as_str))
            {
                return Ok(Edited::Moved);
            }
            let title = change.title.as_ref().map(Title::as_str);
            let label = change.label.as_ref();
            let label = label.map(|it| it.as_ref().map(Label::as_str));
            let row = ChangeRow {
                title: title.filter(|it| *it != found.title),
                label: label.filter(|it| *it != found.label.as_deref()),
            };
            if row.title.is_none() && row.label.is_none() {
                return Ok(Edited::Unchanged);
            }
            diesel::update(favourites::table.filter(favourites::seq.eq(found.seq)))
                .set(row)
                .execute(conn)
                .during("update a favourite")?;
            Ok(Edited::Changed)
        })
    }

    fn list(
        &self,
        owner: UserId,
        after: Option<DatedPlace>,
        limit: usize,
    ) -> Result<Vec<Favourite>, PortError> {
        self.db.read(|conn| {
            // Nothing has this date, so that the id decides nothing.
            let (date, id) = after.map_or((i64::MAX, [0; 16]), |after| {
                (after.date.as_millis(), after.id.as_uuid().into_bytes())
            });
            let rows: Vec<ListedRow> = sql_query(LIST)
                .bind::<Binary, _>(owner.as_uuid().as_bytes().as_slice())
                .bind::<BigInt, _>(date)
                .bind::<Binary, _>(id.as_slice())
                .bind::<BigInt, _>(count(limit))
                .load(conn)
                .during("list favourites")?;
            rows.into_iter().map(ListedRow::into_domain).collect()
        })
    }

    fn find_lost(&self, after: Option<FileId>, window: usize) -> Result<LostSource, PortError> {
        self.db
            .read(|conn| withheld::find_lost(conn, after, window))
    }

    fn remove_withheld(&self, source: FileId, limit: usize) -> Result<bool, PortError> {
        self.db.write("remove_withheld", move |conn| {
            withheld::remove(conn, source, limit)
        })
    }
}

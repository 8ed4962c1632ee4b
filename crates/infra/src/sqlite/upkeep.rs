use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use kms_domain::files::{BlobId, BlobKey, BlobRef, Sha256};
use kms_domain::upkeep::{Unreferenced, UpkeepRepository};
use kms_domain::{Clock, PortError, Timestamp};

use super::SqliteDatabase;
use super::blobs::BlobRow;
use super::error::{CORRUPT, During};
use super::row::count;
use super::schema::{blobs, is_doomed, is_live};

/// Findings that are kept; a broken file has thousands.
const FINDINGS: usize = 100;

/// The window is found by the primary key; each row of it costs a seek in the index of each table that
/// may refer to it.
const WINDOW: &str = "\
    SELECT b.id, b.sha256, b.size, b.store_key, b.damaged_at, \
    (b.state = 'live' AND b.created_at < ? \
        AND NOT EXISTS (SELECT 1 FROM files AS f WHERE f.blob_id = b.id) \
        AND NOT EXISTS (SELECT 1 FROM trash AS t WHERE t.blob_id = b.id) \
        AND NOT EXISTS (SELECT 1 FROM favourites AS v WHERE v.blob_id = b.id) \
        AND NOT EXISTS (SELECT 1 FROM avatars AS a WHERE a.blob_id = b.id)) AS unreferenced \
    FROM blobs AS b WHERE b.id > ? ORDER BY b.id LIMIT ?";

/// The statement that makes dooming safe: it looks once more in the transaction that dooms. If it were
/// wrong, the composite foreign keys of the referring tables would refuse it.
const DOOM: &str = "\
    UPDATE blobs SET state = 'doomed' \
    WHERE id = ? AND state = 'live' AND created_at < ? \
    AND NOT EXISTS (SELECT 1 FROM files AS f WHERE f.blob_id = blobs.id) \
    AND NOT EXISTS (SELECT 1 FROM trash AS t WHERE t.blob_id = blobs.id) \
    AND NOT EXISTS (SELECT 1 FROM favourites AS v WHERE v.blob_id = blobs.id) \
    AND NOT EXISTS (SELECT 1 FROM avatars AS a WHERE a.blob_id = blobs.id)";

/// Changes something in each row, so that the commit has something to make durable, and with it all
/// that the journal holds from before. (SQLite does not write what stays the same.)
const CONFIRM: &str = "\
    UPDATE blobs SET damaged_at = max(?, coalesce(damaged_at, 0) + 1) \
    WHERE id = ? AND state = 'doomed'";

/// A key begins with its digest, by which the live row is found.
const NAMED: &str = "\
    SELECT EXISTS (SELECT 1 FROM blobs WHERE sha256 = ? AND state = 'live' AND store_key = ?) \
        OR EXISTS (SELECT 1 FROM blobs WHERE store_key = ? AND state = 'doomed') AS named";

/// The rows of all content in SQLite, for the collector, fsck and the scrubber.
#[derive(Clone)]
pub struct SqliteUpkeepRepository {
    db: SqliteDatabase,
    clock: Arc<dyn Clock>,
}

impl SqliteUpkeepRepository {
    /// Works on `db`. The clock says since when bytes may be missing.
    #[must_use]
    pub fn new(db: &SqliteDatabase, clock: Arc<dyn Clock>) -> Self {
        Self {
            db: db.clone(),
            clock,
        }
    }
}

#[derive(QueryableByName)]
struct WindowRow {
    #[diesel(embed)]
    blob: BlobRow,
    #[diesel(sql_type = Bool)]
    unreferenced: bool,
}

#[derive(QueryableByName)]
struct NamedRow {
    #[diesel(sql_type = Bool)]
    named: bool,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    rowid: Option<i64>,
    #[diesel(sql_type = Text)]
    parent: String,
}

impl UpkeepRepository for SqliteUpkeepRepository {
    fn list_live(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.db.read(|conn| {
            let rows: Vec<BlobRow> = blobs::table
                .filter(blobs::id.gt(behind(after)))
                .filter(is_live())
                .select(BlobRow::as_select())
                .order(blobs::id)
                .limit(count(limit))
                .load(conn)
                .during("list_live")?;
            rows.into_iter().map(BlobRow::into_domain).collect()
        })
    }

    fn find_live_by_id(&self, blob: BlobId) -> Result<Option<BlobRef>, PortError> {
        self.db.read(|conn| {
            blobs::table
                .filter(blobs::id.eq(blob.as_i64()))
                .filter(is_live())
                .select(BlobRow::as_select())
                .get_result(conn)
                .optional()
                .during("find_live_by_id")?
                .map(BlobRow::into_domain)
                .transpose()
        })
    }

    fn list_unreferenced(
        &self,
        after: Option<BlobId>,
        created_before: Timestamp,
        window: usize,
    ) -> Result<Unreferenced, PortError> {
        self.db.read(|conn| {
            let rows: Vec<WindowRow> = sql_query(WINDOW)
                .bind::<BigInt, _>(created_before.as_millis())
                .bind::<BigInt, _>(behind(after))
                .bind::<BigInt, _>(count(window))
                .load(conn)
                .during("list_unreferenced")?;
            let is_full = rows.len() >= window;
            let last = rows.last().map(|row| row.blob.id());
            let blobs = rows
                .into_iter()
                .filter(|row| row.unreferenced)
                .map(|row| row.blob.into_domain())
                .collect::<Result<_, _>>()?;
            Ok(Unreferenced {
                blobs,
                next: last.filter(|_| is_full),
            })
        })
    }

    fn doom(&self, blobs: &[BlobId], created_before: Timestamp) -> Result<usize, PortError> {
        let blobs = blobs.to_vec();
        self.db.write("doom", move |conn| {
            let mut doomed = 0_usize;
            for blob in blobs {
                let changed = sql_query(DOOM)
                    .bind::<BigInt, _>(blob.as_i64())
                    .bind::<BigInt, _>(created_before.as_millis())
                    .execute(conn)
                    .during("doom")?;
                doomed = doomed.saturating_add(changed);
            }
            Ok(doomed)
        })
    }

    fn list_doomed(&self, after: Option<BlobKey>, limit: usize) -> Result<Vec<BlobRef>, PortError> {
        self.db.read(|conn| {
            let after = after.as_ref().map_or("", BlobKey::as_str);
            let rows: Vec<BlobRow> = blobs::table
                .filter(blobs::store_key.gt(after))
                .filter(is_doomed())
                .select(BlobRow::as_select())
                .order(blobs::store_key)
                .limit(count(limit))
                .load(conn)
                .during("list_doomed")?;
            rows.into_iter().map(BlobRow::into_domain).collect()
        })
    }

    fn confirm_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        let blobs = blobs.to_vec();
        let now = self.clock.now();
        self.db.write("confirm_doomed", move |conn| {
            for blob in blobs {
                sql_query(CONFIRM)
                    .bind::<BigInt, _>(now.as_millis())
                    .bind::<BigInt, _>(blob.as_i64())
                    .execute(conn)
                    .during("confirm_doomed")?;
            }
            Ok(())
        })
    }

    fn forget_doomed(&self, blobs: &[BlobId]) -> Result<(), PortError> {
        let blobs = blobs.to_vec();
        self.db.write("forget_doomed", move |conn| {
            for blob in blobs {
                let doomed = blobs::table
                    .filter(blobs::id.eq(blob.as_i64()))
                    .filter(is_doomed());
                diesel::delete(doomed)
                    .execute(conn)
                    .during("forget_doomed")?;
            }
            Ok(())
        })
    }

    fn are_named(&self, keys: &[BlobKey]) -> Result<Vec<bool>, PortError> {
        self.db.snapshot(|conn| {
            keys.iter()
                .map(|key| {
                    let text = key.as_str();
                    let digest = text.split('-').next().and_then(|it| Sha256::parse(it).ok());
                    let digest = digest.map(|it| it.as_bytes().to_vec());
                    let row: NamedRow = sql_query(NAMED)
                        .bind::<Binary, _>(digest.unwrap_or_default())
                        .bind::<Text, _>(text)
                        .bind::<Text, _>(text)
                        .get_result(conn)
                        .during("are_named")?;
                    Ok(row.named)
                })
                .collect()
        })
    }

    fn check(&self) -> Result<Vec<String>, PortError> {
        self.db.read(|conn| {
            let mut findings = Vec::new();
            for look in [integrity, references] {
                match look(conn) {
                    Ok(found) => findings.extend(found),
                    // Too broken to be looked through is broken.
                    Err(DieselError::DatabaseError(_, said)) if said.message() == CORRUPT => {
                        findings.push(said.message().to_owned());
                    }
                    Err(source) => return Err(source).during("check the database"),
                }
            }
            Ok(findings)
        })
    }
}

fn integrity(conn: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let rows: Vec<TextRow> = sql_query(format!(
        "SELECT integrity_check AS value FROM pragma_integrity_check LIMIT {FINDINGS}"
    ))
    .load(conn)?;
    let broken = rows.into_iter().map(|row| row.value);
    Ok(broken.filter(|value| value != "ok").collect())
}

fn references(conn: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let lost: Vec<ForeignKeyRow> = sql_query(format!(
        "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT {FINDINGS}"
    ))
    .load(conn)?;
    let told = |row: ForeignKeyRow| {
        let ForeignKeyRow {
            table,
            rowid,
            parent,
        } = row;
        let row = rowid.map_or_else(String::new, |id| format!(" {id}"));
        format!("row{row} of {table} refers to no row of {parent}")
    };
    Ok(lost.into_iter().map(told).collect())
}

fn behind(after: Option<BlobId>) -> i64 {
    after.map_or(i64::MIN, BlobId::as_i64)
}

use std::sync::Arc;

use diesel::prelude::*;
use kms_domain::files::{Attached, BlobId, BlobKey, BlobRef, BlobRepository, Md5, NewBlob, Sha256};
use kms_domain::{Clock, PortError};

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::row::RowName;
use super::schema::{blobs, is_live};

/// The rows of stored content in SQLite.
#[derive(Clone)]
pub struct SqliteBlobRepository {
    db: SqliteDatabase,
    clock: Arc<dyn Clock>,
}

impl SqliteBlobRepository {
    /// Works on `db`. The clock says since when a content is known to be damaged.
    #[must_use]
    pub fn new(db: &SqliteDatabase, clock: Arc<dyn Clock>) -> Self {
        Self {
            db: db.clone(),
            clock,
        }
    }
}

impl BlobRepository for SqliteBlobRepository {
    fn find_live(&self, sha256: &Sha256) -> Result<Option<BlobRef>, PortError> {
        self.db.read(|conn| find_live(conn, sha256))
    }

    fn flag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        let key = key.clone();
        let now = self.clock.now();
        self.db.write("flag_damaged", move |conn| {
            let sound = blobs::table
                .filter(blobs::id.eq(blob.as_i64()))
                .filter(is_live())
                .filter(blobs::store_key.eq(key.as_str()))
                .filter(blobs::damaged_at.is_null());
            diesel::update(sound)
                .set(blobs::damaged_at.eq(now.as_millis()))
                .execute(conn)
                .during("flag_damaged")?;
            Ok(())
        })
    }

    fn unflag_damaged(&self, blob: BlobId, key: &BlobKey) -> Result<(), PortError> {
        let key = key.clone();
        self.db.write("unflag_damaged", move |conn| {
            let flagged = blobs::table
                .filter(blobs::id.eq(blob.as_i64()))
                .filter(is_live())
                .filter(blobs::store_key.eq(key.as_str()))
                .filter(blobs::damaged_at.is_not_null());
            diesel::update(flagged)
                .set(blobs::damaged_at.eq(None::<i64>))
                .execute(conn)
                .during("unflag_damaged")?;
            Ok(())
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = blobs)]
struct NewBlobRow<'a> {
    sha256: &'a [u8],
    size: i64,
    store_key: &'a str,
    created_at: i64,
    md5: Option<&'a [u8]>,
}

/// A content as the other repositories read it.
#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = blobs, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct BlobRow {
    id: i64,
    sha256: Vec<u8>,
    size: i64,
    store_key: String,
    damaged_at: Option<i64>,
}

impl BlobRow {
    pub(super) const fn id(&self) -> BlobId {
        BlobId::from_i64(self.id)
    }

    pub(super) fn into_domain(self) -> Result<BlobRef, SqliteError> {
        let row = RowName {
            table: "blobs",
            id: &self.id,
        };
        Ok(BlobRef {
            id: BlobId::from_i64(self.id),
            sha256: Sha256::from_bytes(row.array("sha256", &self.sha256)?),
            size: u64::try_from(self.size).map_err(|e| row.broken(e))?,
            key: BlobKey::parse(&self.store_key).map_err(|e| row.broken(e))?,
            damaged: self.damaged_at.is_some(),
        })
    }
}

/// The live content with this SHA-256.
pub(super) fn find_live(
    conn: &mut SqliteConnection,
    sha256: &Sha256,
) -> Result<Option<BlobRef>, SqliteError> {
    blobs::table
        .filter(blobs::sha256.eq(sha256.as_bytes().as_slice()))
        .filter(is_live())
        .select(BlobRow::as_select())
        .get_result(conn)
        .optional()
        .during("find the live content")?
        .map(BlobRow::into_domain)
        .transpose()
}

/// What an offered copy is to the rows that are there.
pub(super) struct Offer<'a> {
    offered: &'a NewBlob,
    /// `None`: no MD5 was made of it.
    md5: Option<Md5>,
    known: Option<BlobRef>,
}

impl<'a> Offer<'a> {
    /// Looks at what is known of `offered`. Changes nothing.
    pub(super) fn look(
        conn: &mut SqliteConnection,
        offered: &'a NewBlob,
        md5: Option<Md5>,
    ) -> Result<Self, SqliteError> {
        let known = find_live(conn, &offered.sha256)?;
        if let Some(known) = &known
            && known.size != offered.size
        {
            // One digest with two sizes is a fault of whoever counted, and linking would serve it on.
            return Err(SqliteError::Refused(format!(
                "content {} has {} bytes, and {} bytes with its SHA-256 were offered",
                known.id.as_i64(),
                known.size,
                offered.size
            )));
        }
        Ok(Self {
            offered,
            md5,
            known,
        })
    }

    /// Makes sure that a live row stands for the content, in the transaction in which it was looked at, and
    /// says which and what became of the offered copy.
    pub(super) fn adopt(self, conn: &mut SqliteConnection) -> Result<(i64, Attached), SqliteError> {
        let Some(known) = self.known else {
            let id = insert(conn, self.offered, self.md5)?;
            return Ok((id, Attached::Stored));
        };
        let id = known.id.as_i64();
        if let Some(md5) = self.md5 {
            let unnamed = blobs::table
                .filter(blobs::id.eq(id))
                .filter(blobs::md5.is_null());
            diesel::update(unnamed)
                .set(blobs::md5.eq(md5.as_bytes().as_slice()))
                .execute(conn)
                .during("note the MD5 of what was an avatar only")?;
        }
        if known.key == self.offered.key {
            // Offered for the second time: calling it surplus would make the caller remove the copy
            // that the row refers to.
            return Ok((id, Attached::Stored));
        }
        diesel::update(blobs::table.filter(blobs::id.eq(id)))
            .set((
                blobs::store_key.eq(self.offered.key.as_str()),
                blobs::damaged_at.eq(None::<i64>),
            ))
            .execute(conn)
            .during("replace the copy")?;
        let surplus = known.key;
        Ok((id, Attached::Replaced { surplus }))
    }
}

fn insert(
    conn: &mut SqliteConnection,
    blob: &NewBlob,
    md5: Option<Md5>,
) -> Result<i64, SqliteError> {
    let size = i64::try_from(blob.size)
        .map_err(|e| SqliteError::Refused(format!("a content of {} bytes: {e}", blob.size)))?;
    diesel::insert_into(blobs::table)
        .values(NewBlobRow {
            sha256: blob.sha256.as_bytes(),
            size,
            store_key: blob.key.as_str(),
            created_at: blob.created_at.as_millis(),
            md5: md5.as_ref().map(|md5| md5.as_bytes().as_slice()),
        })
        .returning(blobs::id)
        .get_result(conn)
        .during("insert the content")
}

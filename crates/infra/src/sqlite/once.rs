use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary};
use kms_domain::files::{
    Attached, AttachedOnce, FileId, FileReceipt, KeptUpload, Md5, NewBlob, NewFile, NewKey, Once,
    OnceRepository, RequestDigest, Sha256, UploadKey, Visibility,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp, wait_for};

use super::SqliteDatabase;
use super::blobs::{Offer, find_live};
use super::error::{During, SqliteError};
use super::files::insert;
use super::row::{Hex, RowName, count};
use super::schema::{files, is_public, upload_keys};
use super::usage::charge;
use super::writer::{Terms, Undo};

/// The keys of an account above the most that it may have, from the one used last on.
const FORGET_OLDEST: &str = "\
    DELETE FROM upload_keys WHERE seq IN (SELECT seq FROM upload_keys \
        WHERE owner = ? ORDER BY seq DESC LIMIT -1 OFFSET ?)";

const REMOVE_EXPIRED: &str = "\
    DELETE FROM upload_keys WHERE seq IN (SELECT seq FROM upload_keys \
        WHERE created_at <= ? ORDER BY created_at LIMIT ?)";

/// Entries that are stored at most once, in SQLite.
#[derive(Clone)]
pub struct SqliteOnceRepository {
    db: SqliteDatabase,
}

impl SqliteOnceRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = upload_keys, check_for_backend(diesel::sqlite::Sqlite))]
struct KeyRow {
    seq: i64,
    request: Vec<u8>,
    file_id: Vec<u8>,
    sha256: Vec<u8>,
    md5: Vec<u8>,
    size: i64,
    public: bool,
    created_at: i64,
}

impl KeyRow {
    fn into_domain(self) -> Result<KeptUpload, SqliteError> {
        let row = RowName {
            table: "upload_keys",
            id: &self.seq,
        };
        Ok(KeptUpload {
            request: RequestDigest::from_bytes(row.array("request", &self.request)?),
            receipt: FileReceipt {
                id: FileId::from_uuid(row.uuid("file_id", &self.file_id)?),
                sha256: Sha256::from_bytes(row.array("sha256", &self.sha256)?),
                md5: Md5::from_bytes(row.array("md5", &self.md5)?),
                size: u64::try_from(self.size).map_err(|e| row.broken(e))?,
                visibility: Visibility::from_public(self.public),
                created_at: Timestamp::from_millis(self.created_at),
            },
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = upload_keys)]
struct NewKeyRow<'a> {
    owner: &'a [u8],
    key: &'a str,
    request: &'a [u8],
    file_id: &'a [u8],
    sha256: &'a [u8],
    md5: &'a [u8],
    size: i64,
    public: bool,
    created_at: i64,
}

impl OnceRepository for SqliteOnceRepository {
    fn find_key(
        &self,
        owner: UserId,
        key: &UploadKey,
        expired: Timestamp,
    ) -> Result<Option<KeptUpload>, PortError> {
        self.db.read(|conn| find_key(conn, owner, key, expired))
    }

    fn holds(&self, owner: UserId, sha256: &Sha256) -> Result<bool, PortError> {
        self.db
            .snapshot(|conn| Ok(held(conn, owner, sha256)?.is_some()))
    }

    fn find_md5(
        &self,
        asker: UserId,
        sha256: &Sha256,
        include_public: bool,
    ) -> Result<Option<Md5>, PortError> {
        self.db
            .snapshot(|conn| find_md5(conn, asker, sha256, include_public))
    }

    fn attach_once(
        &self,
        file: &NewFile,
        blob: &NewBlob,
        once: &Once,
    ) -> Result<AttachedOnce, PortError> {
        let (file, blob, once) = (file.clone(), blob.clone(), once.clone());
        let attach = move |conn: &mut SqliteConnection| attach_once(conn, &file, &blob, &once);
        wait_for(|done| {
            let terms = Terms::new("attach_once", Undo::Savepoint);
            self.db.write_then(terms, attach, done);
        })
    }

    fn remove_expired(&self, expired: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.db.write("remove_expired", move |conn| {
            sql_query(REMOVE_EXPIRED)
                .bind::<BigInt, _>(expired.as_millis())
                .bind::<BigInt, _>(count(limit))
                .execute(conn)
                .during("remove expired keys")
        })
    }
}

fn attach_once(
    conn: &mut SqliteConnection,
    file: &NewFile,
    blob: &NewBlob,
    once: &Once,
) -> Result<AttachedOnce, SqliteError> {
    if let Some(new) = &once.key
        && let Some(kept) = find_key(conn, file.owner, &new.key, new.expired)?
    {
        return Ok(if kept.is_of(&new.request, &blob.sha256) {
            AttachedOnce::Repeated(kept.receipt)
        } else {
            AttachedOnce::KeyReused
        });
    }
    if once.unless_held
        && let Some(id) = held(conn, file.owner, &blob.sha256)?
    {
        return Ok(AttachedOnce::Held(id));
    }
    if !charge(conn, file.owner, file.quota, blob.size)? {
        return Ok(AttachedOnce::Attached(Attached::OverQuota));
    }
    let (blob_id, attached) = Offer::look(conn, blob, Some(file.md5))?.adopt(conn)?;
    insert(conn, file, blob_id)?;
    if let Some(new) = &once.key {
        keep_key(conn, file, blob, new)?;
    }
    Ok(AttachedOnce::Attached(attached))
}

fn find_key(
    conn: &mut SqliteConnection,
    owner: UserId,
    key: &UploadKey,
    expired: Timestamp,
) -> Result<Option<KeptUpload>, SqliteError> {
    upload_keys::table
        .filter(upload_keys::owner.eq(owner.as_uuid().as_bytes().as_slice()))
        .filter(upload_keys::key.eq(key.as_str()))
        .filter(upload_keys::created_at.gt(expired.as_millis()))
        .select(KeyRow::as_select())
        .get_result(conn)
        .optional()
        .during("find_key")?
        .map(KeyRow::into_domain)
        .transpose()
}

/// An entry of `owner` over the content with this digest. Two queries: run it in a transaction.
fn held(
    conn: &mut SqliteConnection,
    owner: UserId,
    sha256: &Sha256,
) -> Result<Option<FileId>, SqliteError> {
    let Some(blob) = find_live(conn, sha256)? else {
        return Ok(None);
    };
    let ids = files::table
        .filter(files::owner.eq(owner.as_uuid().as_bytes().as_slice()))
        .filter(files::blob_id.eq(blob.id.as_i64()))
        .select(files::id)
        .limit(1)
        .load::<Vec<u8>>(conn)
        .during("look for an entry over a content")?;
    let Some(id) = ids.first() else {
        return Ok(None);
    };
    let row = RowName {
        table: "files",
        id: &Hex(id),
    };
    Ok(Some(FileId::from_uuid(row.uuid("id", id)?)))
}

/// Up to three queries: run it in a transaction.
fn find_md5(
    conn: &mut SqliteConnection,
    asker: UserId,
    sha256: &Sha256,
    include_public: bool,
) -> Result<Option<Md5>, SqliteError> {
    let Some(blob) = find_live(conn, sha256)? else {
        return Ok(None);
    };
    let over_it = files::table
        .filter(files::blob_id.eq(blob.id.as_i64()))
        .select(files::md5)
        .limit(1);
    let mut found = over_it
        .filter(files::owner.eq(asker.as_uuid().as_bytes().as_slice()))
        .load::<Vec<u8>>(conn)
        .during("look for an own entry over a content")?;
    if found.is_empty() && include_public {
        found = over_it
            .filter(is_public())
            .load(conn)
            .during("look for a public entry over a content")?;
    }
    let row = RowName {
        table: "files",
        id: &"over a content",
    };
    let md5 = found.first().map(|md5| row.array("md5", md5));
    Ok(md5.transpose()?.map(Md5::from_bytes))
}

fn keep_key(
    conn: &mut SqliteConnection,
    file: &NewFile,
    blob: &NewBlob,
    new: &NewKey,
) -> Result<(), SqliteError> {
    let size = i64::try_from(blob.size)
        .map_err(|e| SqliteError::Refused(format!("an entry of {} bytes: {e}", blob.size)))?;
    let owner = file.owner.as_uuid().into_bytes();
    let expired = upload_keys::table
        .filter(upload_keys::owner.eq(owner.as_slice()))
        .filter(upload_keys::key.eq(new.key.as_str()));
    diesel::delete(expired)
        .execute(conn)
        .during("forget the same key, which has expired")?;
    diesel::insert_into(upload_keys::table)
        .values(NewKeyRow {
            owner: &owner,
            key: new.key.as_str(),
            request: new.request.as_bytes(),
            file_id: file.id.as_uuid().as_bytes(),
            sha256: blob.sha256.as_bytes(),
            md5: file.md5.as_bytes(),
            size,
            public: file.visibility.is_public(),
            created_at: file.created_at.as_millis(),
        })
        .execute(conn)
        .during("keep the key")?;
    sql_query(FORGET_OLDEST)
        .bind::<Binary, _>(owner.as_slice())
        .bind::<BigInt, _>(count(new.most))
        .execute(conn)
        .during("forget the oldest keys")?;
    Ok(())
}

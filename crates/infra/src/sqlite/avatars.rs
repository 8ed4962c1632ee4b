use diesel::prelude::*;
use kms_domain::files::{Attached, BlobRef, NewBlob, Sha256};
use kms_domain::users::{AvatarRepository, UserId};
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::blobs::{BlobRow, Offer};
use super::error::{During, SqliteError};
use super::schema::{avatars, blobs};

/// Avatars in SQLite.
#[derive(Clone)]
pub struct SqliteAvatarRepository {
    db: SqliteDatabase,
}

impl SqliteAvatarRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

impl AvatarRepository for SqliteAvatarRepository {
    fn set_avatar(
        &self,
        user: UserId,
        blob: &NewBlob,
        at: Timestamp,
    ) -> Result<Attached, PortError> {
        let blob = blob.clone();
        self.db
            .write("set_avatar", move |conn| set(conn, user, &blob, at))
    }

    fn replace_avatar(
        &self,
        user: UserId,
        before: Option<Sha256>,
        blob: &NewBlob,
        at: Timestamp,
    ) -> Result<Option<Attached>, PortError> {
        let blob = blob.clone();
        self.db.write("replace_avatar", move |conn| {
            let found = avatar(conn, user)?.map(|blob| blob.sha256);
            if found != before {
                return Ok(None);
            }
            set(conn, user, &blob, at).map(Some)
        })
    }

    fn find_avatar(&self, user: UserId) -> Result<Option<BlobRef>, PortError> {
        self.db.read(|conn| avatar(conn, user))
    }
}

fn avatar(conn: &mut SqliteConnection, user: UserId) -> Result<Option<BlobRef>, SqliteError> {
    avatars::table
        .inner_join(blobs::table)
        .filter(avatars::user_id.eq(user.as_uuid().as_bytes().as_slice()))
        .select(BlobRow::as_select())
        .get_result(conn)
        .optional()
        .during("find_avatar")?
        .map(BlobRow::into_domain)
        .transpose()
}

fn set(
    conn: &mut SqliteConnection,
    user: UserId,
    blob: &NewBlob,
    at: Timestamp,
) -> Result<Attached, SqliteError> {
    let (blob_id, attached) = Offer::look(conn, blob, None)?.adopt(conn)?;
    let shown = (
        avatars::blob_id.eq(blob_id),
        avatars::updated_at.eq(at.as_millis()),
    );
    let id = user.as_uuid().into_bytes();
    diesel::insert_into(avatars::table)
        .values((avatars::user_id.eq(id.as_slice()), shown))
        .on_conflict(avatars::user_id)
        .do_update()
        .set(shown)
        .execute(conn)
        .during("set_avatar: write the reference")?;
    Ok(attached)
}

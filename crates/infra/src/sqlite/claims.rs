//! Which content an instant upload may claim, in index seeks only.
//!
//! An MD5 may have a hundred thousand entries, so they are never listed: all entries of a scope are
//! over one content exactly if none is over a lesser and none over a greater one, and each of these
//! questions is one seek in an index.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::DatabaseErrorKind::NotNullViolation;
use diesel::result::Error::DatabaseError;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use kms_domain::files::{BlobId, BlobRef, ClaimCandidates, ClaimScope, Claimed, NewFile, Sha256};

use super::blobs::{BlobRow, find_live};
use super::error::{During, SqliteError};
use super::schema::{files, is_public};
use super::usage::{HAS_ROOM, charge_stored, is_counted, most};

/// The content in `scope`. Several queries: run it in a transaction.
pub(super) fn candidates(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
) -> Result<ClaimCandidates, SqliteError> {
    match &scope.sha256 {
        Some(sha256) => named(conn, scope, sha256),
        None => unnamed(conn, scope),
    }
}

/// `blob`, if it is still the one content in `scope`, and sound.
pub(super) fn eligible(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<Option<BlobRef>, SqliteError> {
    Ok(match candidates(conn, scope)? {
        ClaimCandidates::One(found) if found.id == blob && !found.damaged => Some(found),
        _ => None,
    })
}

/// The request names the content: only the right to it is left to look up.
fn named(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
    sha256: &Sha256,
) -> Result<ClaimCandidates, SqliteError> {
    let Some(blob) = find_live(conn, sha256)? else {
        return Ok(ClaimCandidates::None);
    };
    let in_scope = is_own(conn, scope, blob.id)?
        || (scope.include_public && is_published(conn, scope, blob.id)?);
    Ok(ClaimCandidates::from_distinct(in_scope.then_some(blob)))
}

fn is_own(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<bool, SqliteError> {
    let entries = files::table
        .filter(files::owner.eq(scope.owner.as_uuid().into_bytes().to_vec()))
        .filter(files::md5.eq(scope.md5.as_bytes().as_slice()))
        .filter(files::blob_id.eq(blob.as_i64()));
    diesel::select(diesel::dsl::exists(entries))
        .get_result(conn)
        .during("claim: look for an own entry")
}

fn is_published(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<bool, SqliteError> {
    let entries = files::table
        .filter(is_public())
        .filter(files::md5.eq(scope.md5.as_bytes().as_slice()))
        .filter(files::blob_id.eq(blob.as_i64()));
    diesel::select(diesel::dsl::exists(entries))
        .get_result(conn)
        .during("claim: look for a public entry")
}

/// The request names an MD5 alone.
fn unnamed(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
) -> Result<ClaimCandidates, SqliteError> {
    let found = if scope.include_public {
        FindByMd5::<true>::new(scope).load::<(BlobRow, bool)>(conn)
    } else {
        FindByMd5::<false>::new(scope).load::<(BlobRow, bool)>(conn)
    };
    let found = found.during("claim: find the content")?;
    Ok(match found.into_iter().next() {
        None => ClaimCandidates::None,
        Some((_, true)) => ClaimCandidates::Ambiguous,
        Some((blob, false)) => ClaimCandidates::One(blob.into_domain()?),
    })
}

/// Stores `file` in one statement, if `blob` is still live and sound and the one content in `scope`,
/// which names an MD5 alone, and its owner has room for it. The owner is charged in a second one: if that
/// fails, it is for no constraint, so that the whole group is rolled back and the entry with it.
pub(super) fn claim_by_md5(
    conn: &mut SqliteConnection,
    file: &NewFile,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<Claimed, SqliteError> {
    let stored = if scope.include_public {
        ClaimByMd5::<true>::new(scope, blob, file).execute(conn)
    } else {
        ClaimByMd5::<false>::new(scope, blob, file).execute(conn)
    };
    match stored {
        Ok(_) => {
            charge_stored(conn, file.owner, blob)?;
            Ok(Claimed::Linked)
        }
        // Of all columns, this one alone can be without a value.
        Err(DatabaseError(NotNullViolation, _)) => refusal(conn, file, scope, blob),
        Err(error) => Err(error).during("claim"),
    }
}

/// Why an entry was refused that `claim_by_md5` could not store.
fn refusal(
    conn: &mut SqliteConnection,
    file: &NewFile,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<Claimed, SqliteError> {
    let is_eligible = eligible(conn, scope, blob)?.is_some() && is_counted(conn, file.owner)?;
    Ok(if is_eligible {
        Claimed::OverQuota
    } else {
        Claimed::NotEligible
    })
}

/// The content under the entries of a scope, and whether there is another: own entries, and with
/// `PUBLIC` everybody's public ones. One statement, because preparing and stepping several is most of
/// what an instant upload costs.
struct FindByMd5<const PUBLIC: bool> {
    owner: [u8; 16],
    md5: [u8; 16],
}

/// Inserts an entry over a content if that is the only one in the scope; else the entry has no content,
/// and the database refuses it. With a SELECT that finds no row it would be inserted likewise, but as
/// such a statement may insert many rows, SQLite keeps a copy of every page that it changes, to be able
/// to undo it half way. One row with values is refused before anything is changed.
struct ClaimByMd5<'a, const PUBLIC: bool> {
    owner: [u8; 16],
    md5: [u8; 16],
    blob: i64,
    id: [u8; 16],
    title: &'a str,
    public: bool,
    created_at: i64,
    most_bytes: i64,
    most_files: i64,
}

// Conditions on the content `b`; parameter 1 is the owner, 2 the MD5. Whether `b` is among the
// contents of a scope is one seek; that there is no other is one on each side of it.
const OWN_HAS: &str =
    "EXISTS (SELECT 1 FROM files WHERE owner = ?1 AND md5 = ?2 AND blob_id = b.id)";
const PUBLIC_HAS: &str =
    "EXISTS (SELECT 1 FROM files WHERE public = 1 AND md5 = ?2 AND blob_id = b.id)";
const OWN_OTHER: &str = "\
    EXISTS (SELECT 1 FROM files WHERE owner = ?1 AND md5 = ?2 AND blob_id < b.id) \
    OR EXISTS (SELECT 1 FROM files WHERE owner = ?1 AND md5 = ?2 AND blob_id > b.id)";
const PUBLIC_OTHER: &str = " \
    OR EXISTS (SELECT 1 FROM files WHERE public = 1 AND md5 = ?2 AND blob_id < b.id) \
    OR EXISTS (SELECT 1 FROM files WHERE public = 1 AND md5 = ?2 AND blob_id > b.id)";

impl<const PUBLIC: bool> FindByMd5<PUBLIC> {
    fn new(scope: &ClaimScope) -> Self {
        Self {
            owner: scope.owner.as_uuid().into_bytes(),
            md5: *scope.md5.as_bytes(),
        }
    }
}

impl<const PUBLIC: bool> QueryFragment<Sqlite> for FindByMd5<PUBLIC> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(
            "SELECT b.id, b.sha256, b.size, b.store_key, b.damaged_at, \
             EXISTS (SELECT 1 FROM files WHERE owner = ",
        );
        // SQLite numbers parameters in the order in which they first stand in the text.
        pass.push_bind_param::<Binary, _>(self.owner.as_slice())?;
        pass.push_sql(" AND md5 = ");
        pass.push_bind_param::<Binary, _>(self.md5.as_slice())?;
        pass.push_sql(
            " AND blob_id < b.id) \
             OR EXISTS (SELECT 1 FROM files WHERE owner = ?1 AND md5 = ?2 AND blob_id > b.id)",
        );
        if PUBLIC {
            pass.push_sql(PUBLIC_OTHER);
        }
        pass.push_sql(
            " FROM blobs AS b WHERE b.id = coalesce(\
             (SELECT min(blob_id) FROM files WHERE owner = ?1 AND md5 = ?2), ",
        );
        pass.push_sql(if PUBLIC {
            "(SELECT min(blob_id) FROM files WHERE public = 1 AND md5 = ?2))"
        } else {
            "NULL)"
        });
        Ok(())
    }
}

impl<const PUBLIC: bool> Query for FindByMd5<PUBLIC> {
    type SqlType = ((BigInt, Binary, BigInt, Text, Nullable<BigInt>), Bool);
}

impl<const PUBLIC: bool> QueryId for FindByMd5<PUBLIC> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PUBLIC: bool> RunQueryDsl<SqliteConnection> for FindByMd5<PUBLIC> {}

impl<'a, const PUBLIC: bool> ClaimByMd5<'a, PUBLIC> {
    fn new(scope: &ClaimScope, blob: BlobId, file: &'a NewFile) -> Self {
        Self {
            owner: scope.owner.as_uuid().into_bytes(),
            md5: *scope.md5.as_bytes(),
            blob: blob.as_i64(),
            id: file.id.as_uuid().into_bytes(),
            title: file.title.as_str(),
            public: file.visibility.is_public(),
            created_at: file.created_at.as_millis(),
            most_bytes: most(file.quota.bytes),
            most_files: most(file.quota.files),
        }
    }
}

impl<const PUBLIC: bool> QueryFragment<Sqlite> for ClaimByMd5<'_, PUBLIC> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(
            "INSERT INTO files (owner, md5, id, title, public, created_at, blob_id) VALUES (",
        );
        pass.push_bind_param::<Binary, _>(self.owner.as_slice())?;
        pass.push_sql(", ");
        pass.push_bind_param::<Binary, _>(self.md5.as_slice())?;
        pass.push_sql(", ");
        pass.push_bind_param::<Binary, _>(self.id.as_slice())?;
        pass.push_sql(", ");
        pass.push_bind_param::<Text, _>(self.title)?;
        pass.push_sql(", ");
        pass.push_bind_param::<Bool, _>(&self.public)?;
        pass.push_sql(", ");
        pass.push_bind_param::<BigInt, _>(&self.created_at)?;
        pass.push_sql(", (SELECT b.id FROM blobs AS b WHERE b.id = ");
        pass.push_bind_param::<BigInt, _>(&self.blob)?;
        pass.push_sql(" AND b.state = 'live' AND b.damaged_at IS NULL AND (");
        pass.push_sql(OWN_HAS);
        if PUBLIC {
            pass.push_sql(" OR ");
            pass.push_sql(PUBLIC_HAS);
        }
        pass.push_sql(") AND NOT (");
        pass.push_sql(OWN_OTHER);
        if PUBLIC {
            pass.push_sql(PUBLIC_OTHER);
        }
        // Room for it is one more seek.
        let [bytes, files, end] = HAS_ROOM;
        pass.push_sql(") AND EXISTS (SELECT 1 FROM usage AS u WHERE u.user_id = ?1 AND ");
        pass.push_sql(bytes);
        pass.push_bind_param::<BigInt, _>(&self.most_bytes)?;
        pass.push_sql(files);
        pass.push_bind_param::<BigInt, _>(&self.most_files)?;
        pass.push_sql(end);
        pass.push_sql(")))");
        Ok(())
    }
}

impl<const PUBLIC: bool> QueryId for ClaimByMd5<'_, PUBLIC> {
    type QueryId = ClaimByMd5<'static, PUBLIC>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PUBLIC: bool> RunQueryDsl<SqliteConnection> for ClaimByMd5<'_, PUBLIC> {}

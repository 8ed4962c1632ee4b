//! Which content an instant upload may claim.
//!
//! A content is looked up by its MD5, and its entries by two seeks. Contents can be made to share an MD5,
//! any number of them, and neither they nor their entries are ever listed: all entries of a scope are over
//! one content exactly if none is over a lesser and none over a greater one, and each of these questions
//! is one seek in an index of entries over such contents. A bound would not do instead: whatever counts
//! what others keep to themselves tells of it.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::DatabaseErrorKind::NotNullViolation;
use diesel::result::Error::DatabaseError;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use kms_domain::files::{BlobId, ClaimCandidates, ClaimScope, Claimed, NewFile};

use super::blobs::BlobRow;
use super::error::{During, SqliteError};
use super::files::insert;
use super::usage::{HAS_ROOM, charge, charge_stored, is_counted, most};

/// The content in `scope`, by one statement, unless contents share the MD5. Then another one follows,
/// perhaps in a newer state: as no flag is ever taken off, it sees every entry over those contents.
pub(super) fn candidates(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
) -> Result<ClaimCandidates, SqliteError> {
    let found = match (scope.include_public, scope.sha256.is_some()) {
        (false, false) => Find::<false, false>::new(scope).load::<(BlobRow, bool)>(conn),
        (false, true) => Find::<false, true>::new(scope).load::<(BlobRow, bool)>(conn),
        (true, false) => Find::<true, false>::new(scope).load::<(BlobRow, bool)>(conn),
        (true, true) => Find::<true, true>::new(scope).load::<(BlobRow, bool)>(conn),
    };
    let mut found = found.during("claim: find the content")?.into_iter();
    Ok(match (found.next(), found.next()) {
        (None, _) | (Some((_, false)), None) => ClaimCandidates::None,
        (Some((blob, true)), None) => ClaimCandidates::One(blob.into_domain()?),
        (Some(_), Some(_)) => return among_twins(conn, scope),
    })
}

/// The content in `scope`, which names an MD5 alone that contents share.
fn among_twins(
    conn: &mut SqliteConnection,
    scope: &ClaimScope,
) -> Result<ClaimCandidates, SqliteError> {
    let found = if scope.include_public {
        FindTwin::<true>::new(scope).get_result::<(BlobRow, bool)>(conn)
    } else {
        FindTwin::<false>::new(scope).get_result::<(BlobRow, bool)>(conn)
    };
    let found = found.optional().during("claim: find a twin")?;
    Ok(match found {
        None => ClaimCandidates::None,
        Some((_, true)) => ClaimCandidates::Ambiguous,
        Some((blob, false)) => ClaimCandidates::One(blob.into_domain()?),
    })
}

/// Stores `file` if `blob` is still live and sound and the one content in `scope`, and its owner has
/// room for it: by one statement, unless there are other contents with its MD5, and one that charges the
/// owner. If the second of two fails, it is for no constraint, so that the whole group is rolled back and
/// the first one's work with it.
pub(super) fn claim(
    conn: &mut SqliteConnection,
    file: &NewFile,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<Claimed, SqliteError> {
    let stored = match (scope.include_public, scope.sha256.is_some()) {
        (false, false) => Store::<false, false>::new(scope, blob, file).execute(conn),
        (false, true) => Store::<false, true>::new(scope, blob, file).execute(conn),
        (true, false) => Store::<true, false>::new(scope, blob, file).execute(conn),
        (true, true) => Store::<true, true>::new(scope, blob, file).execute(conn),
    };
    match stored {
        Ok(_) => {
            charge_stored(conn, file.owner, blob)?;
            Ok(Claimed::Linked)
        }
        // That of the content, and with it the flag: no other value can be missing.
        Err(DatabaseError(NotNullViolation, _)) => judge(conn, file, scope, blob),
        Err(error) => Err(error).during("claim"),
    }
}

/// What becomes of a claim that one statement could not grant: there are others with its MD5, or it is to
/// be refused, and the question is why.
fn judge(
    conn: &mut SqliteConnection,
    file: &NewFile,
    scope: &ClaimScope,
    blob: BlobId,
) -> Result<Claimed, SqliteError> {
    let size = match candidates(conn, scope)? {
        ClaimCandidates::One(found) if found.id == blob && !found.damaged => found.size,
        _ => return Ok(Claimed::NotEligible),
    };
    if !is_counted(conn, file.owner)? {
        return Ok(Claimed::NotEligible);
    }
    if !charge(conn, file.owner, file.quota, size)? {
        return Ok(Claimed::OverQuota);
    }
    insert(conn, file, blob.as_i64()).map_err(|error| error.half_done("claim"))?;
    Ok(Claimed::Linked)
}

/// The contents with an MD5, two at the most, and with `NAMED` a SHA-256, which is one at the most; and of
/// each whether it is in the scope: under own entries, and with `PUBLIC` under everybody's public ones.
struct Find<const PUBLIC: bool, const NAMED: bool> {
    owner: [u8; 16],
    md5: [u8; 16],
    sha256: Option<[u8; 32]>,
}

/// The least of the contents that share an MD5 and are in the scope, and whether another one is.
struct FindTwin<const PUBLIC: bool> {
    owner: [u8; 16],
    md5: [u8; 16],
}

/// Inserts an entry over a content if that is in the scope and no other has its MD5, or its SHA-256 is
/// `NAMED`; else the entry has no content, and the database refuses it. With a SELECT that finds no row it
/// would be inserted likewise, but as such a statement may insert many rows, SQLite keeps a copy of every
/// page that it changes, to be able to undo it half way. One row with values is refused before anything is
/// changed.
struct Store<'a, const PUBLIC: bool, const NAMED: bool> {
    find: Find<PUBLIC, NAMED>,
    blob: i64,
    id: [u8; 16],
    title: &'a str,
    public: bool,
    created_at: i64,
    most_bytes: i64,
    most_files: i64,
}

// Whether the content `b` has entries in a scope; parameter 1 is the owner.
const OWN_HAS: &str = "EXISTS (SELECT 1 FROM files WHERE owner = ?1 AND blob_id = b.id)";
const PUBLIC_HAS: &str = " OR EXISTS (SELECT 1 FROM files WHERE public = 1 AND blob_id = b.id)";

// Entries of a scope over contents that share an MD5, which is parameter 2: indexed by content.
const OWN_TWINS: &str = "SELECT 1 FROM files WHERE twin = 1 AND owner = ?1 AND md5 = ?2";
const PUBLIC_TWINS: &str = "SELECT 1 FROM files WHERE twin = 1 AND public = 1 AND md5 = ?2";

impl<const PUBLIC: bool, const NAMED: bool> Find<PUBLIC, NAMED> {
    fn new(scope: &ClaimScope) -> Self {
        Self {
            owner: scope.owner.as_uuid().into_bytes(),
            md5: *scope.md5.as_bytes(),
            sha256: scope.sha256.map(|it| *it.as_bytes()),
        }
    }
}

impl<const PUBLIC: bool, const NAMED: bool> QueryFragment<Sqlite> for Find<PUBLIC, NAMED> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(
            "SELECT b.id, b.sha256, b.size, b.store_key, b.damaged_at, \
             EXISTS (SELECT 1 FROM files WHERE owner = ",
        );
        // SQLite numbers parameters in the order in which they first stand in the text.
        pass.push_bind_param::<Binary, _>(self.owner.as_slice())?;
        pass.push_sql(" AND blob_id = b.id)");
        if PUBLIC {
            pass.push_sql(PUBLIC_HAS);
        }
        pass.push_sql(" FROM blobs AS b WHERE b.state = 'live' AND b.md5 = ");
        pass.push_bind_param::<Binary, _>(self.md5.as_slice())?;
        if NAMED && let Some(sha256) = &self.sha256 {
            pass.push_sql(" AND b.sha256 = ");
            pass.push_bind_param::<Binary, _>(sha256.as_slice())?;
        }
        pass.push_sql(" LIMIT 2");
        Ok(())
    }
}

impl<const PUBLIC: bool, const NAMED: bool> Query for Find<PUBLIC, NAMED> {
    type SqlType = ((BigInt, Binary, BigInt, Text, Nullable<BigInt>), Bool);
}

impl<const PUBLIC: bool, const NAMED: bool> QueryId for Find<PUBLIC, NAMED> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PUBLIC: bool, const NAMED: bool> RunQueryDsl<SqliteConnection> for Find<PUBLIC, NAMED> {}

impl<const PUBLIC: bool> FindTwin<PUBLIC> {
    fn new(scope: &ClaimScope) -> Self {
        Self {
            owner: scope.owner.as_uuid().into_bytes(),
            md5: *scope.md5.as_bytes(),
        }
    }
}

impl<const PUBLIC: bool> QueryFragment<Sqlite> for FindTwin<PUBLIC> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(
            "SELECT b.id, b.sha256, b.size, b.store_key, b.damaged_at, \
             EXISTS (SELECT 1 FROM files WHERE twin = 1 AND owner = ",
        );
        pass.push_bind_param::<Binary, _>(self.owner.as_slice())?;
        pass.push_sql(" AND md5 = ");
        pass.push_bind_param::<Binary, _>(self.md5.as_slice())?;
        pass.push_sql(" AND blob_id < b.id) OR EXISTS (");
        pass.push_sql(OWN_TWINS);
        pass.push_sql(" AND blob_id > b.id)");
        if PUBLIC {
            for other in [" AND blob_id < b.id)", " AND blob_id > b.id)"] {
                pass.push_sql(" OR EXISTS (");
                pass.push_sql(PUBLIC_TWINS);
                pass.push_sql(other);
            }
        }
        pass.push_sql(
            " FROM blobs AS b WHERE b.id = coalesce((SELECT min(blob_id) FROM files \
             WHERE twin = 1 AND owner = ?1 AND md5 = ?2), ",
        );
        pass.push_sql(if PUBLIC {
            "(SELECT min(blob_id) FROM files WHERE twin = 1 AND public = 1 AND md5 = ?2))"
        } else {
            "NULL)"
        });
        Ok(())
    }
}

impl<const PUBLIC: bool> Query for FindTwin<PUBLIC> {
    type SqlType = ((BigInt, Binary, BigInt, Text, Nullable<BigInt>), Bool);
}

impl<const PUBLIC: bool> QueryId for FindTwin<PUBLIC> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PUBLIC: bool> RunQueryDsl<SqliteConnection> for FindTwin<PUBLIC> {}

impl<'a, const PUBLIC: bool, const NAMED: bool> Store<'a, PUBLIC, NAMED> {
    fn new(scope: &ClaimScope, blob: BlobId, file: &'a NewFile) -> Self {
        Self {
            find: Find::new(scope),
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

impl<const PUBLIC: bool, const NAMED: bool> QueryFragment<Sqlite> for Store<'_, PUBLIC, NAMED> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(
            "INSERT INTO files (owner, md5, id, title, public, created_at, blob_id, twin) \
             VALUES (",
        );
        pass.push_bind_param::<Binary, _>(self.find.owner.as_slice())?;
        pass.push_sql(", ");
        pass.push_bind_param::<Binary, _>(self.find.md5.as_slice())?;
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
        pass.push_sql(" AND b.state = 'live' AND b.damaged_at IS NULL AND b.md5 = ?2 AND ");
        if NAMED && let Some(sha256) = &self.find.sha256 {
            pass.push_sql("b.sha256 = ");
            pass.push_bind_param::<Binary, _>(sha256.as_slice())?;
        } else {
            // However many have the MD5, one more than this one is enough.
            pass.push_sql(
                "NOT EXISTS (SELECT 1 FROM blobs AS o \
                 WHERE o.state = 'live' AND o.md5 = ?2 AND o.id <> b.id)",
            );
        }
        pass.push_sql(" AND (");
        pass.push_sql(OWN_HAS);
        if PUBLIC {
            pass.push_sql(PUBLIC_HAS);
        }
        // Room for it is one more seek.
        let [bytes, files, end] = HAS_ROOM;
        pass.push_sql(") AND EXISTS (SELECT 1 FROM usage AS u WHERE u.user_id = ?1 AND ");
        pass.push_sql(bytes);
        pass.push_bind_param::<BigInt, _>(&self.most_bytes)?;
        pass.push_sql(files);
        pass.push_bind_param::<BigInt, _>(&self.most_files)?;
        pass.push_sql(end);
        pass.push_sql(")), (SELECT twin FROM blobs WHERE id = ?7))");
        Ok(())
    }
}

impl<const PUBLIC: bool, const NAMED: bool> QueryId for Store<'_, PUBLIC, NAMED> {
    type QueryId = Store<'static, PUBLIC, NAMED>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PUBLIC: bool, const NAMED: bool> RunQueryDsl<SqliteConnection>
    for Store<'_, PUBLIC, NAMED>
{
}

//! Which content an instant upload may claim, in index seeks only.
//!
//! An MD5 may have a hundred thousand entries, so they are never listed: all entries of a scope are
//! over one content exactly if the least and the greatest `blob_id` among them are equal, and both
//! ends of an index are one seek away.

use diesel::dsl::{max, min};
use diesel::prelude::*;
use kms_domain::files::{BlobId, ClaimCandidates, ClaimScope, Sha256};

use super::blobs::{BlobRow, find_live};
use super::error::{During, SqliteError};
use super::schema::{blobs, files, is_public};

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
    let mut ends = own_ends(conn, scope)?;
    if scope.include_public {
        ends.extend(public_ends(conn, scope)?);
    }
    let (Some(least), Some(greatest)) = (ends.iter().min(), ends.iter().max()) else {
        return Ok(ClaimCandidates::None);
    };
    if least != greatest {
        return Ok(ClaimCandidates::Ambiguous);
    }
    let blob = blobs::table
        .filter(blobs::id.eq(least))
        .select(BlobRow::as_select())
        .get_result(conn)
        .during("claim: read the content")?;
    Ok(ClaimCandidates::One(blob.into_domain()?))
}

/// The least and the greatest content of the caller's own entries with this MD5.
fn own_ends(conn: &mut SqliteConnection, scope: &ClaimScope) -> Result<Vec<i64>, SqliteError> {
    let owner = scope.owner.as_uuid().into_bytes();
    let entries = files::table
        .filter(files::owner.eq(owner.as_slice()))
        .filter(files::md5.eq(scope.md5.as_bytes().as_slice()));
    // Two statements: SQLite seeks for one end, but walks the index when it is asked for both.
    let least: Option<i64> = entries
        .select(min(files::blob_id))
        .get_result(conn)
        .during("claim: the least own content")?;
    let greatest: Option<i64> = entries
        .select(max(files::blob_id))
        .get_result(conn)
        .during("claim: the greatest own content")?;
    Ok(least.into_iter().chain(greatest).collect())
}

/// The least and the greatest content of all public entries with this MD5.
fn public_ends(conn: &mut SqliteConnection, scope: &ClaimScope) -> Result<Vec<i64>, SqliteError> {
    let entries = files::table
        .filter(is_public())
        .filter(files::md5.eq(scope.md5.as_bytes().as_slice()));
    let least: Option<i64> = entries
        .select(min(files::blob_id))
        .get_result(conn)
        .during("claim: the least public content")?;
    let greatest: Option<i64> = entries
        .select(max(files::blob_id))
        .get_result(conn)
        .during("claim: the greatest public content")?;
    Ok(least.into_iter().chain(greatest).collect())
}

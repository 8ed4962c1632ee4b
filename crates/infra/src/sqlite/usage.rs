//! What accounts hold. Storing an entry charges its owner in the transaction that stores it
//! (`charge`, `charge_stored`); removing one is a trigger's business.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable};
use diesel::sqlite::Sqlite;
use kms_domain::PortError;
use kms_domain::files::{BlobId, Counted, Limit, OwnQuota, Quota, Usage, UsageRepository, Used};
use kms_domain::users::UserId;

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::row::{Hex, RowName};
use super::schema::usage;

/// A limit that no sum can exceed: SQLite's integers end here.
const UNLIMITED: i64 = i64::MAX;

/// Whether one more entry over the content `b` is within the limits of the account `u`. It subtracts
/// from the limit, because a sum might not be countable.
pub(super) const HAS_ROOM: [&str; 3] = [
    "u.bytes <= coalesce(u.quota_bytes, ",
    ") - b.size AND u.files < coalesce(u.quota_files, ",
    ")",
];

/// What the account `a` has in each table that charges it. The rows of one account are found by an index,
/// and their contents by the primary key.
macro_rules! sums {
    () => {
        "(SELECT coalesce(sum(b.size), 0) FROM files AS f JOIN blobs AS b ON b.id = f.blob_id \
            WHERE f.owner = a.id) \
        + (SELECT coalesce(sum(b.size), 0) FROM trash AS t JOIN blobs AS b ON b.id = t.blob_id \
            WHERE t.owner = a.id) \
        + (SELECT coalesce(sum(b.size), 0) FROM favourites AS v JOIN blobs AS b ON b.id = v.blob_id \
            WHERE v.owner = a.id) AS bytes, \
        (SELECT count(*) FROM files AS f WHERE f.owner = a.id) \
        + (SELECT count(*) FROM trash AS t WHERE t.owner = a.id) \
        + (SELECT count(*) FROM favourites AS v WHERE v.owner = a.id) AS files "
    };
}

const COUNT_NEXT: &str = concat!(
    "SELECT a.id, u.bytes AS kept_bytes, u.files AS kept_files, ",
    sums!(),
    "FROM users AS a LEFT JOIN usage AS u ON u.user_id = a.id \
    WHERE a.id > ? ORDER BY a.id LIMIT 1"
);

const RECOUNT: &str = concat!(
    "INSERT INTO usage (user_id, bytes, files) SELECT a.id, ",
    sums!(),
    "FROM users AS a WHERE a.id = ? \
    ON CONFLICT (user_id) DO UPDATE SET bytes = excluded.bytes, files = excluded.files"
);

/// What accounts hold, in SQLite.
#[derive(Clone)]
pub struct SqliteUsageRepository {
    db: SqliteDatabase,
}

impl SqliteUsageRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

/// A configured limit as a number that is compared with.
pub(super) fn most(limit: Option<u64>) -> i64 {
    limit.map_or(UNLIMITED, |most| i64::try_from(most).unwrap_or(UNLIMITED))
}

/// Charges `owner`, for whom `quota` holds where nothing was decided, for an entry of `size` bytes, before
/// it is inserted. `false`: there is no room, and nothing was changed.
pub(super) fn charge(
    conn: &mut SqliteConnection,
    owner: UserId,
    quota: Quota,
    size: u64,
) -> Result<bool, SqliteError> {
    let size = i64::try_from(size)
        .map_err(|e| SqliteError::Refused(format!("an entry of {size} bytes: {e}")))?;
    let charge = Charge {
        size,
        owner: owner.as_uuid().into_bytes(),
        most_bytes: most(quota.bytes),
        most_files: most(quota.files),
    };
    if charge.execute(conn).during("charge the owner")? == 1 {
        return Ok(true);
    }
    if is_counted(conn, owner)? {
        return Ok(false);
    }
    Err(SqliteError::Refused(format!("there is no account {owner}")))
}

/// Charges the owner of an entry that was inserted, within its limits, in the same transaction.
pub(super) fn charge_stored(
    conn: &mut SqliteConnection,
    owner: UserId,
    blob: BlobId,
) -> Result<(), SqliteError> {
    let charge = ChargeStored {
        blob: blob.as_i64(),
        owner: owner.as_uuid().into_bytes(),
    };
    let charged = charge.execute(conn).during("charge the owner of an entry");
    let failure = match charged {
        Ok(1) => return Ok(()),
        Ok(_) => SqliteError::Refused(format!("account {owner} has no counters")),
        Err(error) => error,
    };
    // Undoing one statement is not enough: the entry has to go as well.
    Err(failure.half_done("charge the owner of an entry"))
}

/// Whether `user` is an account.
pub(super) fn is_counted(conn: &mut SqliteConnection, user: UserId) -> Result<bool, SqliteError> {
    let id = user.as_uuid().into_bytes();
    diesel::select(diesel::dsl::exists(
        usage::table.filter(usage::user_id.eq(id.to_vec())),
    ))
    .get_result(conn)
    .during("look for the counters")
}

/// Adds to the counters if the limits allow it: one statement, and prepared once.
struct Charge {
    size: i64,
    owner: [u8; 16],
    most_bytes: i64,
    most_files: i64,
}

impl QueryFragment<Sqlite> for Charge {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("UPDATE usage SET files = files + 1, bytes = bytes + ");
        pass.push_bind_param::<BigInt, _>(&self.size)?;
        pass.push_sql(" WHERE user_id = ");
        pass.push_bind_param::<Binary, _>(self.owner.as_slice())?;
        pass.push_sql(" AND bytes <= coalesce(quota_bytes, ");
        pass.push_bind_param::<BigInt, _>(&self.most_bytes)?;
        pass.push_sql(") - ?1 AND files < coalesce(quota_files, ");
        pass.push_bind_param::<BigInt, _>(&self.most_files)?;
        pass.push_sql(")");
        Ok(())
    }
}

impl QueryId for Charge {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for Charge {}

/// Adds the size of a content to the counters, whatever the limits.
struct ChargeStored {
    blob: i64,
    owner: [u8; 16],
}

impl QueryFragment<Sqlite> for ChargeStored {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(
            "UPDATE usage SET files = files + 1, \
             bytes = bytes + (SELECT size FROM blobs WHERE id = ",
        );
        pass.push_bind_param::<BigInt, _>(&self.blob)?;
        pass.push_sql(") WHERE user_id = ");
        pass.push_bind_param::<Binary, _>(self.owner.as_slice())?;
        Ok(())
    }
}

impl QueryId for ChargeStored {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for ChargeStored {}

#[derive(Queryable, Selectable)]
#[diesel(table_name = usage, check_for_backend(diesel::sqlite::Sqlite))]
struct UsageRow {
    bytes: i64,
    files: i64,
    quota_bytes: Option<i64>,
    quota_files: Option<i64>,
}

impl UsageRow {
    fn into_domain(self, user: UserId) -> Result<Usage, SqliteError> {
        Ok(Usage {
            used: used(user, self.bytes, self.files)?,
            own: OwnQuota {
                bytes: limit(user, self.quota_bytes)?,
                files: limit(user, self.quota_files)?,
            },
        })
    }
}

#[derive(QueryableByName)]
struct CountedRow {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    kept_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    kept_files: Option<i64>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = BigInt)]
    files: i64,
}

impl CountedRow {
    fn into_domain(self) -> Result<Counted, SqliteError> {
        let row = RowName {
            table: "users",
            id: &Hex(&self.id),
        };
        let user = row.user_id("id", &self.id)?;
        let kept = match (self.kept_bytes, self.kept_files) {
            (Some(bytes), Some(files)) => Some(used(user, bytes, files)?),
            _ => None,
        };
        Ok(Counted {
            user,
            kept,
            rows: used(user, self.bytes, self.files)?,
        })
    }
}

fn used(user: UserId, bytes: i64, files: i64) -> Result<Used, SqliteError> {
    Ok(Used {
        bytes: counter(user, bytes)?,
        files: counter(user, files)?,
    })
}

fn counter(user: UserId, value: i64) -> Result<u64, SqliteError> {
    let row = RowName {
        table: "usage",
        id: &user,
    };
    u64::try_from(value).map_err(|error| row.broken(error))
}

fn limit(user: UserId, value: Option<i64>) -> Result<Limit, SqliteError> {
    Ok(match value {
        None => Limit::Default,
        Some(UNLIMITED) => Limit::Unlimited,
        Some(most) => Limit::AtMost(counter(user, most)?),
    })
}

fn column(limit: Limit) -> Option<i64> {
    match limit {
        Limit::Default => None,
        Limit::Unlimited => Some(UNLIMITED),
        Limit::AtMost(value) => Some(most(Some(value))),
    }
}

impl UsageRepository for SqliteUsageRepository {
    fn find_usage(&self, user: UserId) -> Result<Option<Usage>, PortError> {
        self.db.read(|conn| {
            usage::table
                .filter(usage::user_id.eq(user.as_uuid().as_bytes().as_slice()))
                .select(UsageRow::as_select())
                .get_result(conn)
                .optional()
                .during("find_usage")?
                .map(|row| row.into_domain(user))
                .transpose()
        })
    }

    fn set_quota(&self, user: UserId, quota: OwnQuota) -> Result<bool, PortError> {
        self.db.write("set_quota", move |conn| {
            let id = user.as_uuid().into_bytes();
            let changed = diesel::update(usage::table.filter(usage::user_id.eq(id.as_slice())))
                .set((
                    usage::quota_bytes.eq(column(quota.bytes)),
                    usage::quota_files.eq(column(quota.files)),
                ))
                .execute(conn)
                .during("set_quota")?;
            Ok(changed > 0)
        })
    }

    fn count_next(&self, after: Option<UserId>) -> Result<Option<Counted>, PortError> {
        self.db.read(|conn| {
            // Every id is behind the empty one.
            let after = after.map_or(Vec::new(), |id| id.as_uuid().as_bytes().to_vec());
            sql_query(COUNT_NEXT)
                .bind::<Binary, _>(after)
                .get_result::<CountedRow>(conn)
                .optional()
                .during("count_next")?
                .map(CountedRow::into_domain)
                .transpose()
        })
    }

    fn recount(&self, user: UserId) -> Result<(), PortError> {
        self.db.write("recount", move |conn| {
            sql_query(RECOUNT)
                .bind::<Binary, _>(user.as_uuid().as_bytes().as_slice())
                .execute(conn)
                .during("recount")?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;

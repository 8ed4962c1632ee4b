use std::collections::HashMap;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Double, Text};
use diesel::sqlite::Sqlite;
use kms_domain::files::{BlobId, ListPosition, PublicFile};
use kms_domain::recommend::{FeedRepository, Heat, HotFile, HotPosition, Interaction, Item, Offer};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::interaction_rows::{InteractionRow, ItemRow};
use super::row::{Hex, RowName, count};
use super::schema::{interactions, items};

/// Ids in one statement.
const AT_ONCE: usize = 500;

/// What lists are made of, on SQLite.
#[derive(Clone)]
pub struct SqliteFeedRepository {
    db: SqliteDatabase,
}

impl SqliteFeedRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Queryable)]
struct PublicRow {
    id: Vec<u8>,
    title: String,
    created_at: i64,
    seq: i64,
    owner: Vec<u8>,
    owner_name: String,
    blob_id: i64,
}

/// The columns of a [`PublicRow`] from `f` and `u`.
const COLUMNS: &str = "f.id, f.title, f.created_at, f.seq, f.owner, u.name, f.blob_id";
type PublicColumns = (Binary, Text, BigInt, BigInt, Binary, Text, BigInt);

impl PublicRow {
    fn into_domain(self) -> Result<Offer, SqliteError> {
        let row = RowName {
            table: "files",
            id: &Hex(&self.id),
        };
        Ok(Offer {
            file: PublicFile {
                id: row.file_id("id", &self.id)?,
                title: row.title(&self.title)?,
                owner: row.user_id("owner", &self.owner)?,
                owner_name: row.display_name(&self.owner_name)?,
                position: ListPosition {
                    created_at: Timestamp::from_millis(self.created_at),
                    seq: self.seq,
                },
            },
            content: BlobId::from_i64(self.blob_id),
        })
    }
}

/// Of a favourite `mine`: whether its owner sees it. One that is withheld hides nothing, lest a list tell
/// what somebody else has made private.
macro_rules! seen {
    () => {
        " AND (mine.owner = mine.source_owner \
            OR NOT EXISTS (SELECT 1 FROM withheld AS w WHERE w.source = mine.source))"
    };
}

/// The newest public entry over a content that somebody has not got.
struct FindOffer {
    asker: [u8; 16],
    content: i64,
}

impl QueryFragment<Sqlite> for FindOffer {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("SELECT ");
        pass.push_sql(COLUMNS);
        pass.push_sql(
            " FROM files AS f JOIN users AS u ON u.id = f.owner \
             WHERE f.public = 1 AND f.blob_id = ",
        );
        pass.push_bind_param::<BigInt, _>(&self.content)?;
        pass.push_sql(" AND NOT EXISTS (SELECT 1 FROM files AS mine WHERE mine.owner = ");
        pass.push_bind_param::<Binary, _>(self.asker.as_slice())?;
        pass.push_sql(concat!(
            " AND mine.blob_id = ?1) \
             AND NOT EXISTS (SELECT 1 FROM favourites AS mine \
                 WHERE mine.owner = ?2 AND mine.blob_id = ?1",
            seen!(),
            ") ORDER BY f.created_at DESC, f.seq DESC LIMIT 1",
        ));
        Ok(())
    }
}

impl Query for FindOffer {
    type SqlType = PublicColumns;
}

impl QueryId for FindOffer {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for FindOffer {}

/// Public entries from a place in the hot list on, and whether each is to be shown: with `ASKED`, to somebody
/// who may have its content. Those that are not are counted as well, so that one read has an end.
struct HotWindow<const ASKED: bool> {
    asker: [u8; 16],
    hotness: f64,
    entry: [u8; 16],
    limit: i64,
}

impl<const ASKED: bool> QueryFragment<Sqlite> for HotWindow<ASKED> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("SELECT ");
        pass.push_sql(COLUMNS);
        pass.push_sql(
            ", f.hotness, NOT EXISTS (SELECT 1 FROM files AS newer \
             WHERE newer.public = 1 AND newer.blob_id = f.blob_id \
             AND (newer.created_at, newer.seq) > (f.created_at, f.seq))",
        );
        if ASKED {
            pass.push_sql(" AND NOT EXISTS (SELECT 1 FROM files AS mine WHERE mine.owner = ");
            pass.push_bind_param::<Binary, _>(self.asker.as_slice())?;
            pass.push_sql(concat!(
                " AND mine.blob_id = f.blob_id) \
                 AND NOT EXISTS (SELECT 1 FROM favourites AS mine \
                     WHERE mine.owner = ?1 AND mine.blob_id = f.blob_id",
                seen!(),
                ")",
            ));
        }
        pass.push_sql(
            " FROM files AS f JOIN users AS u ON u.id = f.owner \
             WHERE f.public = 1 AND (f.hotness, f.seq) < (",
        );
        pass.push_bind_param::<Double, _>(&self.hotness)?;
        // NULL where it is not public any more, and then the first half decides alone. Not the number of a
        // private entry: comparing with it would tell when that was stored.
        pass.push_sql(", (SELECT seq FROM files WHERE public = 1 AND id = ");
        pass.push_bind_param::<Binary, _>(self.entry.as_slice())?;
        pass.push_sql(")) ORDER BY f.hotness DESC, f.seq DESC LIMIT ");
        pass.push_bind_param::<BigInt, _>(&self.limit)?;
        Ok(())
    }
}

impl<const ASKED: bool> Query for HotWindow<ASKED> {
    type SqlType = (PublicColumns, Double, Bool);
}

impl<const ASKED: bool> QueryId for HotWindow<ASKED> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const ASKED: bool> RunQueryDsl<SqliteConnection> for HotWindow<ASKED> {}

impl FeedRepository for SqliteFeedRepository {
    fn list_interactions(&self, user: UserId, limit: usize) -> Result<Vec<Interaction>, PortError> {
        self.db.read(|conn| {
            let rows: Vec<InteractionRow> = interactions::table
                .filter(interactions::user_id.eq(user.as_uuid().as_bytes().as_slice()))
                .select(InteractionRow::as_select())
                .order(interactions::ordinal.desc())
                .limit(count(limit))
                .load(conn)
                .during("list_interactions")?;
            Ok(rows.iter().map(InteractionRow::interaction).collect())
        })
    }

    fn find_items(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, Item>, PortError> {
        self.db.read(|conn| {
            let mut found = HashMap::with_capacity(contents.len());
            for some in contents.chunks(AT_ONCE) {
                let rows: Vec<ItemRow> = items::table
                    .filter(items::blob_id.eq_any(some.iter().map(|id| id.as_i64())))
                    .select(ItemRow::as_select())
                    .load(conn)
                    .during("find_items")?;
                for row in rows {
                    let (content, item) = row.into_domain()?;
                    found.insert(content, item);
                }
            }
            Ok(found)
        })
    }

    fn find_masses(&self, contents: &[BlobId]) -> Result<HashMap<BlobId, u64>, PortError> {
        self.db.read(|conn| {
            let mut found = HashMap::with_capacity(contents.len());
            for some in contents.chunks(AT_ONCE) {
                let rows: Vec<(i64, i64)> = items::table
                    .filter(items::blob_id.eq_any(some.iter().map(|id| id.as_i64())))
                    .select((items::blob_id, items::mass))
                    .load(conn)
                    .during("find_masses")?;
                for (content, mass) in rows {
                    let row = RowName {
                        table: "items",
                        id: &content,
                    };
                    let mass = u64::try_from(mass).map_err(|error| row.broken(error))?;
                    found.insert(BlobId::from_i64(content), mass);
                }
            }
            Ok(found)
        })
    }

    fn list_offers(&self, asker: UserId, contents: &[BlobId]) -> Result<Vec<Offer>, PortError> {
        self.db.snapshot(|conn| {
            let mut offers = Vec::with_capacity(contents.len());
            for content in contents {
                let offer = FindOffer {
                    asker: asker.as_uuid().into_bytes(),
                    content: content.as_i64(),
                };
                let found: Option<PublicRow> =
                    offer.get_result(conn).optional().during("list_offers")?;
                offers.extend(found.map(PublicRow::into_domain).transpose()?);
            }
            Ok(offers)
        })
    }

    fn list_hot(
        &self,
        asker: Option<UserId>,
        after: Option<HotPosition>,
        window: usize,
    ) -> Result<(Vec<HotFile>, Option<HotPosition>), PortError> {
        // Before everything there is.
        let (hotness, entry) = after.map_or((f64::MAX, [0; 16]), |after| {
            (after.heat.as_f64(), after.entry.as_uuid().into_bytes())
        });
        let limit = count(window);
        let rows = self.db.read(|conn| {
            let rows: QueryResult<Vec<(PublicRow, f64, bool)>> = match asker {
                Some(asker) => HotWindow::<true> {
                    asker: asker.as_uuid().into_bytes(),
                    hotness,
                    entry,
                    limit,
                }
                .load(conn),
                None => HotWindow::<false> {
                    asker: [0; 16],
                    hotness,
                    entry,
                    limit,
                }
                .load(conn),
            };
            rows.during("list_hot")
        })?;
        let is_full = rows.len() >= window;
        let mut files = Vec::new();
        let mut last = None;
        for (row, hotness, is_shown) in rows {
            let name = RowName {
                table: "files",
                id: &Hex(&row.id),
            };
            let heat = Heat::from_f64(hotness);
            let position = HotPosition {
                heat: heat.ok_or_else(|| name.broken("its heat is no number"))?,
                entry: name.file_id("id", &row.id)?,
            };
            last = Some(position);
            if is_shown {
                let offer = row.into_domain()?;
                files.push(HotFile { offer, position });
            }
        }
        Ok((files, last.filter(|_| is_full)))
    }
}

//! What learning reads and writes: interactions and items.

use diesel::prelude::*;
use kms_domain::Timestamp;
use kms_domain::files::BlobId;
use kms_domain::recommend::{Days, Heat, Interaction, InteractionRows, Item};
use kms_domain::users::UserId;

use super::error::{During, SqliteError};
use super::packed::{pack, unpack};
use super::row::{Hex, RowName, count};
use super::schema::{interactions, items};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = interactions, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct InteractionRow {
    user_id: Vec<u8>,
    ordinal: i64,
    blob_id: i64,
    first_at: i64,
    own_day: Option<i64>,
    favourite_day: Option<i64>,
    download_day: Option<i64>,
}

impl InteractionRow {
    fn new(user: UserId, interaction: &Interaction) -> Self {
        Self {
            user_id: user.as_uuid().into_bytes().to_vec(),
            ordinal: interaction.ordinal,
            blob_id: interaction.content.as_i64(),
            first_at: interaction.first_at.as_millis(),
            own_day: interaction.days.own,
            favourite_day: interaction.days.favourite,
            download_day: interaction.days.download,
        }
    }

    pub(super) const fn interaction(&self) -> Interaction {
        Interaction {
            content: BlobId::from_i64(self.blob_id),
            ordinal: self.ordinal,
            first_at: Timestamp::from_millis(self.first_at),
            days: Days {
                own: self.own_day,
                favourite: self.favourite_day,
                download: self.download_day,
            },
        }
    }

    fn into_domain(self) -> Result<(UserId, Interaction), SqliteError> {
        let row = RowName {
            table: "interactions",
            id: &Hex(&self.user_id),
        };
        Ok((row.user_id("user_id", &self.user_id)?, self.interaction()))
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = items, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct ItemRow {
    blob_id: i64,
    users: i64,
    mass: i64,
    heat: f64,
    neighbours: Vec<u8>,
}

impl ItemRow {
    fn new(content: BlobId, item: &Item) -> Option<Self> {
        Some(Self {
            blob_id: content.as_i64(),
            users: i64::try_from(item.users).ok()?,
            mass: i64::try_from(item.mass).ok()?,
            heat: item.heat?.as_f64(),
            neighbours: pack(&item.neighbours),
        })
    }

    pub(super) fn into_domain(self) -> Result<(BlobId, Item), SqliteError> {
        let row = RowName {
            table: "items",
            id: &self.blob_id,
        };
        let counter = |value: i64| u64::try_from(value).map_err(|error| row.broken(error));
        let item = Item {
            users: counter(self.users)?,
            mass: counter(self.mass)?,
            heat: Heat::from_f64(self.heat),
            neighbours: unpack(&self.neighbours)
                .ok_or_else(|| row.broken("its neighbours are garbled"))?,
        };
        Ok((BlobId::from_i64(self.blob_id), item))
    }
}

/// The rows of one transaction.
pub(super) struct Rows<'a>(pub(super) &'a mut SqliteConnection);

fn id(user: UserId) -> Vec<u8> {
    user.as_uuid().into_bytes().to_vec()
}

impl InteractionRows for Rows<'_> {
    type Error = SqliteError;

    fn find(&mut self, user: UserId, content: BlobId) -> Result<Option<Interaction>, SqliteError> {
        let found: Option<InteractionRow> = interactions::table
            .filter(interactions::blob_id.eq(content.as_i64()))
            .filter(interactions::user_id.eq(id(user)))
            .select(InteractionRow::as_select())
            .get_result(self.0)
            .optional()
            .during("find an interaction")?;
        Ok(found.map(|row| row.interaction()))
    }

    fn last_ordinal(&mut self, user: UserId) -> Result<Option<i64>, SqliteError> {
        interactions::table
            .filter(interactions::user_id.eq(id(user)))
            .select(diesel::dsl::max(interactions::ordinal))
            .get_result(self.0)
            .during("find the last ordinal")
    }

    fn between(
        &mut self,
        user: UserId,
        first: i64,
        last: i64,
    ) -> Result<Vec<Interaction>, SqliteError> {
        let rows: Vec<InteractionRow> = interactions::table
            .filter(interactions::user_id.eq(id(user)))
            .filter(interactions::ordinal.between(first, last))
            .select(InteractionRow::as_select())
            .order(interactions::ordinal)
            .load(self.0)
            .during("list what is near")?;
        Ok(rows.iter().map(InteractionRow::interaction).collect())
    }

    fn with(
        &mut self,
        content: BlobId,
        limit: usize,
    ) -> Result<Vec<(UserId, Interaction)>, SqliteError> {
        let rows: Vec<InteractionRow> = interactions::table
            .filter(interactions::blob_id.eq(content.as_i64()))
            .select(InteractionRow::as_select())
            .order(interactions::user_id)
            .limit(count(limit))
            .load(self.0)
            .during("list the interactions with a content")?;
        rows.into_iter().map(InteractionRow::into_domain).collect()
    }

    fn put(&mut self, user: UserId, interaction: &Interaction) -> Result<(), SqliteError> {
        diesel::replace_into(interactions::table)
            .values(InteractionRow::new(user, interaction))
            .execute(self.0)
            .during("store an interaction")?;
        Ok(())
    }

    fn remove(&mut self, user: UserId, interaction: &Interaction) -> Result<(), SqliteError> {
        let own = interactions::table
            .filter(interactions::user_id.eq(id(user)))
            .filter(interactions::ordinal.eq(interaction.ordinal));
        diesel::delete(own)
            .execute(self.0)
            .during("remove an interaction")?;
        Ok(())
    }

    fn find_item(&mut self, content: BlobId) -> Result<Option<Item>, SqliteError> {
        let found: Option<ItemRow> = items::table
            .filter(items::blob_id.eq(content.as_i64()))
            .select(ItemRow::as_select())
            .get_result(self.0)
            .optional()
            .during("find an item")?;
        Ok(found.map(ItemRow::into_domain).transpose()?.map(|it| it.1))
    }

    fn put_item(&mut self, content: BlobId, item: &Item) -> Result<(), SqliteError> {
        let Some(row) = ItemRow::new(content, item) else {
            let content = content.as_i64();
            let text = format!("the counters of content {content} are beyond all counting");
            return Err(SqliteError::Refused(text));
        };
        diesel::replace_into(items::table)
            .values(row)
            .execute(self.0)
            .during("store an item")?;
        Ok(())
    }

    fn remove_item(&mut self, content: BlobId) -> Result<(), SqliteError> {
        diesel::delete(items::table.filter(items::blob_id.eq(content.as_i64())))
            .execute(self.0)
            .during("remove an item")?;
        Ok(())
    }
}

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool};
use kms_domain::files::BlobId;
use kms_domain::recommend::{
    Days, Event, Heat, Interaction, InteractionRepository, InteractionRows, Item, Kind, Learning,
};
use kms_domain::users::UserId;
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::packed::{pack, unpack};
use super::row::{Hex, RowName, count};
use super::schema::{files, interactions, is_public, items, learned};

/// Rows of a collected content that go in one transaction.
const FORGOTTEN: usize = 64;

const IS_BEHIND: &str = "\
    SELECT EXISTS (SELECT 1 FROM files WHERE seq > (SELECT file_seq FROM learned WHERE id = 1)) \
    OR EXISTS (SELECT 1 FROM favourites WHERE seq > (SELECT favourite_seq FROM learned WHERE id = 1)) \
    OR EXISTS (SELECT 1 FROM relearn WHERE blob_id > -1) AS answer";

/// Favourites behind a place, and whether each is to be learned of: a public entry of somebody else's.
const FAVOURITES: &str = "\
    SELECT v.seq, v.owner, v.blob_id, v.created_at, v.owner <> v.source_owner \
        AND EXISTS (SELECT 1 FROM files AS f WHERE f.id = v.source AND f.public = 1) AS counts \
    FROM favourites AS v \
    WHERE v.seq > (SELECT favourite_seq FROM learned WHERE id = 1) ORDER BY v.seq LIMIT ?";

const TO_RELEARN: &str = "\
    SELECT blob_id, entry FROM relearn WHERE blob_id > -1 ORDER BY blob_id, entry LIMIT ?";

const RELEARNED: &str = "DELETE FROM relearn WHERE blob_id = ? AND entry = ?";

const IS_LIVE: &str =
    "SELECT EXISTS (SELECT 1 FROM blobs WHERE id = ? AND state = 'live') AS answer";

/// Learning on SQLite.
#[derive(Clone)]
pub struct SqliteInteractionRepository {
    db: SqliteDatabase,
}

impl SqliteInteractionRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

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

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[derive(QueryableByName)]
struct FavouriteRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Binary)]
    owner: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    blob_id: i64,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = Bool)]
    counts: bool,
}

impl FavouriteRow {
    fn event(&self) -> Result<Event, SqliteError> {
        let row = RowName {
            table: "favourites",
            id: &self.seq,
        };
        Ok(Event {
            user: row.user_id("owner", &self.owner)?,
            content: BlobId::from_i64(self.blob_id),
            kind: Kind::Favourite,
            at: Timestamp::from_millis(self.created_at),
        })
    }
}

#[derive(QueryableByName)]
struct RelearnRow {
    #[diesel(sql_type = BigInt)]
    blob_id: i64,
    #[diesel(sql_type = BigInt)]
    entry: i64,
}

/// An entry of which something is to be learned.
#[derive(Queryable)]
struct EntryRow {
    seq: i64,
    owner: Vec<u8>,
    blob_id: i64,
    public: bool,
    created_at: i64,
}

impl EntryRow {
    fn event(&self) -> Result<Event, SqliteError> {
        let row = RowName {
            table: "files",
            id: &self.seq,
        };
        Ok(Event {
            user: row.user_id("owner", &self.owner)?,
            content: BlobId::from_i64(self.blob_id),
            kind: Kind::Own,
            at: Timestamp::from_millis(self.created_at),
        })
    }
}

/// The rows of one transaction.
struct Rows<'a>(&'a mut SqliteConnection);

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

impl Rows<'_> {
    fn is_live(&mut self, content: BlobId) -> Result<bool, SqliteError> {
        let found: Answer = sql_query(IS_LIVE)
            .bind::<BigInt, _>(content.as_i64())
            .get_result(self.0)
            .during("look whether a content lives")?;
        Ok(found.answer)
    }

    /// The entry with this number, if it is public.
    fn public_entry(&mut self, seq: i64) -> Result<Option<EntryRow>, SqliteError> {
        files::table
            .filter(files::seq.eq(seq))
            .filter(is_public())
            .select(ENTRY)
            .get_result(self.0)
            .optional()
            .during("find a public entry")
    }

    /// Whether there is a public entry over `content`.
    fn is_published(&mut self, content: BlobId) -> Result<bool, SqliteError> {
        let public = files::table
            .filter(is_public())
            .filter(files::blob_id.eq(content.as_i64()));
        diesel::select(diesel::dsl::exists(public))
            .get_result(self.0)
            .during("look for a public entry")
    }

    /// The newest public entries over `content`, two at most, with their heat and their dates.
    fn newest_entries(&mut self, content: BlobId) -> Result<Vec<(i64, f64, i64)>, SqliteError> {
        files::table
            .filter(is_public())
            .filter(files::blob_id.eq(content.as_i64()))
            .select((files::seq, files::hotness, files::created_at))
            .order((files::created_at.desc(), files::seq.desc()))
            .limit(2)
            .load(self.0)
            .during("find the newest entries")
    }

    fn set_heat(&mut self, seq: i64, heat: Heat) -> Result<(), SqliteError> {
        diesel::update(files::table.filter(files::seq.eq(seq)))
            .set(files::heat.eq(heat.as_f64()))
            .execute(self.0)
            .during("set the heat of an entry")?;
        Ok(())
    }
}

type EntryColumns = (
    files::seq,
    files::owner,
    files::blob_id,
    files::public,
    files::created_at,
);
const ENTRY: EntryColumns = (
    files::seq,
    files::owner,
    files::blob_id,
    files::public,
    files::created_at,
);

/// Gives the newest public entry over `content` the heat of the content, and takes it from the one before; and
/// from `entry`, if that is another one. So of any number of entries one is in front in the hot list, and
/// the others are at its end.
fn settle(
    learning: &mut Learning<'_, Rows<'_>>,
    content: BlobId,
    entry: Option<(i64, i64)>,
) -> Result<(), SqliteError> {
    let heat = learning.heat(content)?;
    let rows = learning.rows();
    let newest = rows.newest_entries(content)?;
    if let Some((seq, hotness, created_at)) = newest.first() {
        let heat = heat.unwrap_or_else(|| Heat::of_upload(Timestamp::from_millis(*created_at)));
        if heat.as_f64().to_bits() != hotness.to_bits() {
            rows.set_heat(*seq, heat)?;
        }
    }
    if let Some((seq, hotness, created_at)) = newest.get(1) {
        let sunk = Heat::sunk(Timestamp::from_millis(*created_at));
        if sunk.as_f64().to_bits() != hotness.to_bits() {
            rows.set_heat(*seq, sunk)?;
        }
    }
    if let Some((seq, created_at)) = entry
        && newest.iter().all(|(newest, ..)| *newest != seq)
    {
        rows.set_heat(seq, Heat::sunk(Timestamp::from_millis(created_at)))?;
    }
    Ok(())
}

fn learn_entry(learning: &mut Learning<'_, Rows<'_>>, entry: &EntryRow) -> Result<(), SqliteError> {
    let event = entry.event()?;
    learning.learn(event)?;
    settle(learning, event.content, Some((entry.seq, entry.created_at)))
}

/// Learns of what was published, unpublished, removed or collected.
fn relearn(learning: &mut Learning<'_, Rows<'_>>, most: usize) -> Result<usize, SqliteError> {
    let due: Vec<RelearnRow> = sql_query(TO_RELEARN)
        .bind::<BigInt, _>(count(most))
        .load(learning.rows().0)
        .during("list what is to be learned again")?;
    for row in &due {
        let content = BlobId::from_i64(row.blob_id);
        let is_done = if learning.rows().is_live(content)? {
            match learning.rows().public_entry(row.entry)? {
                Some(entry) => learn_entry(learning, &entry)?,
                None => settle(learning, content, None)?,
            }
            true
        } else {
            learning.forget(content, FORGOTTEN)?
        };
        if is_done {
            sql_query(RELEARNED)
                .bind::<BigInt, _>(row.blob_id)
                .bind::<BigInt, _>(row.entry)
                .execute(learning.rows().0)
                .during("note what was learned again")?;
        }
    }
    Ok(due.len())
}

/// Learns of entries that were stored since.
fn learn_entries(learning: &mut Learning<'_, Rows<'_>>, most: usize) -> Result<usize, SqliteError> {
    let conn = &mut *learning.rows().0;
    let after: i64 = learned::table
        .filter(learned::id.eq(1))
        .select(learned::file_seq)
        .get_result(conn)
        .during("read how far was learned")?;
    let entries: Vec<EntryRow> = files::table
        .filter(files::seq.gt(after))
        .select(ENTRY)
        .order(files::seq)
        .limit(count(most))
        .load(conn)
        .during("list entries to learn of")?;
    for entry in entries.iter().filter(|entry| entry.public) {
        learn_entry(learning, entry)?;
    }
    if let Some(last) = entries.last() {
        diesel::update(learned::table.filter(learned::id.eq(1)))
            .set(learned::file_seq.eq(last.seq))
            .execute(learning.rows().0)
            .during("note how far was learned")?;
    }
    Ok(entries.len())
}

/// Learns of favourites that were added since.
fn learn_favourites(
    learning: &mut Learning<'_, Rows<'_>>,
    most: usize,
) -> Result<usize, SqliteError> {
    let favourites: Vec<FavouriteRow> = sql_query(FAVOURITES)
        .bind::<BigInt, _>(count(most))
        .load(learning.rows().0)
        .during("list favourites to learn of")?;
    for favourite in favourites.iter().filter(|favourite| favourite.counts) {
        let event = favourite.event()?;
        if learning.learn(event)? {
            settle(learning, event.content, None)?;
        }
    }
    if let Some(last) = favourites.last() {
        diesel::update(learned::table.filter(learned::id.eq(1)))
            .set(learned::favourite_seq.eq(last.seq))
            .execute(learning.rows().0)
            .during("note how far was learned")?;
    }
    Ok(favourites.len())
}

impl InteractionRepository for SqliteInteractionRepository {
    fn is_behind(&self) -> Result<bool, PortError> {
        self.db.read(|conn| {
            let found: Answer = sql_query(IS_BEHIND)
                .get_result(conn)
                .during("look for something to learn")?;
            Ok(found.answer)
        })
    }

    fn learn_next(&self, most: usize) -> Result<usize, PortError> {
        self.db.write("learn_next", move |conn| {
            let mut rows = Rows(conn);
            let mut learning = Learning::new(&mut rows);
            let relearned = relearn(&mut learning, most)?;
            let entries = learn_entries(&mut learning, most)?;
            let favourites = learn_favourites(&mut learning, most)?;
            learning.finish()?;
            Ok([relearned, entries, favourites].into_iter().sum())
        })
    }

    fn learn(&self, events: &[Event]) -> Result<(), PortError> {
        let events = events.to_vec();
        self.db.write("learn", move |conn| {
            let mut rows = Rows(conn);
            let mut learning = Learning::new(&mut rows);
            for event in events {
                if learning.rows().is_published(event.content)? && learning.learn(event)? {
                    settle(&mut learning, event.content, None)?;
                }
            }
            learning.finish()
        })
    }
}

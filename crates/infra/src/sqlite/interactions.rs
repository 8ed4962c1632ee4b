use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool};
use kms_domain::files::BlobId;
use kms_domain::recommend::{Event, Heat, InteractionRepository, Kind, Learning};
use kms_domain::{PortError, Timestamp};

use super::SqliteDatabase;
use super::error::{During, SqliteError};
use super::interaction_rows::Rows;
use super::row::{RowName, count};
use super::schema::{files, is_public, learned};

/// Rows about a collected content that one transaction removes or changes: about as many as two events do.
const FORGOTTEN: usize = 256;

/// `blob_id > -1` holds for every row. It makes of a look at the first ones a search from the beginning of the key,
/// which the test of the query plans tells from a walk through the table; so a walk will not go unnoticed.
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

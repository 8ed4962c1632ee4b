use diesel::prelude::*;
use kms_domain::files::{
    Attached, BlobId, ClaimCandidates, ClaimScope, Claimed, Detached, Edited, EntryChange, FileId,
    FileRepository, FileSummary, Label, ListPosition, ListedFile, Md5, NewBlob, NewFile, OwnFilter,
    OwnOrder, StoredFile, Title, Visibility,
};
use kms_domain::users::UserId;
use kms_domain::{Done, PortError, Timestamp, wait_for};

use super::SqliteDatabase;
use super::blobs::{BlobRow, Offer};
use super::claims::{candidates, claim};
use super::error::{During, SqliteError};
use super::favourites::find_own_favourite;
use super::row::{Hex, RowName, count};
use super::schema::{blobs, files, is_public};
use super::sorted;
use super::usage::charge;
use super::writer::{Terms, Undo};

/// Entries in SQLite.
#[derive(Clone)]
pub struct SqliteFileRepository {
    db: SqliteDatabase,
}

impl SqliteFileRepository {
    /// Works on `db`.
    #[must_use]
    pub fn new(db: &SqliteDatabase) -> Self {
        Self { db: db.clone() }
    }
}

#[derive(Insertable)]
#[diesel(table_name = files)]
struct NewFileRow<'a> {
    id: &'a [u8],
    owner: &'a [u8],
    title: &'a str,
    md5: &'a [u8],
    blob_id: i64,
    public: bool,
    created_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = files, check_for_backend(diesel::sqlite::Sqlite))]
struct FileRow {
    id: Vec<u8>,
    owner: Vec<u8>,
    title: String,
    label: Option<String>,
    md5: Vec<u8>,
    public: bool,
    created_at: i64,
}

impl FileRow {
    fn into_domain(self, asker: UserId, blob: BlobRow) -> Result<StoredFile, SqliteError> {
        let row = RowName {
            table: "files",
            id: &Hex(&self.id),
        };
        let owner = row.user_id("owner", &self.owner)?;
        Ok(StoredFile {
            id: row.file_id("id", &self.id)?,
            owner,
            title: row.title(&self.title)?,
            label: row.label(self.label.filter(|_| owner == asker))?,
            md5: Md5::from_bytes(row.array("md5", &self.md5)?),
            visibility: Visibility::from_public(self.public),
            created_at: Timestamp::from_millis(self.created_at),
            blob: blob.into_domain()?,
        })
    }
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = files, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct SummaryRow {
    seq: i64,
    id: Vec<u8>,
    title: String,
    label: Option<String>,
    public: bool,
    created_at: i64,
}

impl SummaryRow {
    pub(super) fn into_domain(self) -> Result<FileSummary, SqliteError> {
        let row = RowName {
            table: "files",
            id: &Hex(&self.id),
        };
        Ok(FileSummary {
            id: row.file_id("id", &self.id)?,
            title: row.title(&self.title)?,
            label: row.label(self.label)?,
            visibility: Visibility::from_public(self.public),
            position: ListPosition {
                created_at: Timestamp::from_millis(self.created_at),
                seq: self.seq,
            },
        })
    }
}

/// What of an entry is changed. What is `None` stays.
#[derive(AsChangeset)]
#[diesel(table_name = files)]
struct ChangeRow<'a> {
    title: Option<&'a str>,
    label: Option<Option<&'a str>>,
    public: Option<bool>,
}

impl FileRepository for SqliteFileRepository {
    fn attach(&self, file: &NewFile, blob: &NewBlob) -> Result<Attached, PortError> {
        wait_for(|done| self.attach_then(file.clone(), blob.clone(), done))
    }

    fn attach_then(&self, file: NewFile, mut blob: NewBlob, done: Done<Attached>) {
        let noted = blob.noted.take();
        let attach = move |conn: &mut SqliteConnection| {
            let offer = Offer::look(conn, &blob, Some(file.md5))?;
            if !charge(conn, file.owner, file.quota, blob.size)? {
                return Ok(Attached::OverQuota);
            }
            let stored = offer.adopt(conn).and_then(|(blob_id, attached)| {
                insert(conn, &file, blob_id)?;
                Ok(attached)
            });
            stored.map_err(|error| error.half_done("attach"))
        };
        let terms = Terms {
            noted,
            // A copy that is replaced goes soon, and with it its note. What is refused stays so.
            needs_sync: |attached| *attached != Attached::Stored,
            ..Terms::new("attach", Undo::Statement)
        };
        self.db.write_then(terms, attach, done);
    }

    fn find_claimable(&self, scope: &ClaimScope) -> Result<ClaimCandidates, PortError> {
        self.db.read(|conn| candidates(conn, scope))
    }

    fn claim(
        &self,
        file: &NewFile,
        scope: &ClaimScope,
        blob: BlobId,
    ) -> Result<Claimed, PortError> {
        let (file, scope) = (file.clone(), *scope);
        wait_for(|done| self.claim_then(file, scope, blob, done))
    }

    fn claim_then(&self, file: NewFile, scope: ClaimScope, blob: BlobId, done: Done<Claimed>) {
        let claim = move |conn: &mut SqliteConnection| claim(conn, &file, &scope, blob);
        let terms = Terms::new("claim", Undo::Statement);
        self.db.write_then(terms, claim, done);
    }

    fn update(&self, owner: UserId, id: FileId, change: &EntryChange) -> Result<Edited, PortError> {
        let change = change.clone();
        self.db.write("update", move |conn| {
            let own = files::table
                .filter(files::id.eq(id.as_uuid().into_bytes().to_vec()))
                .filter(files::owner.eq(owner.as_uuid().into_bytes().to_vec()));
            let found: Option<(String, Option<String>, bool)> = own
                .clone()
                .select((files::title, files::label, files::public))
                .get_result(conn)
                .optional()
                .during("update: look at the entry")?;
            let Some((title, label, public)) = found else {
                return Ok(Edited::NotFound);
            };
            if let Some(given) = &change.given
                && (title != given.title.as_str()
                    || label.as_deref() != given.label.as_ref().map(Label::as_str)
                    || public != given.visibility.is_public())
            {
                return Ok(Edited::Moved);
            }
            let new_title = change.title.as_ref().map(Title::as_str);
            let new_label = change
                .label
                .as_ref()
                .map(|it| it.as_ref().map(Label::as_str));
            let row = ChangeRow {
                title: new_title.filter(|it| *it != title),
                label: new_label.filter(|it| *it != label.as_deref()),
                public: change
                    .visibility
                    .map(Visibility::is_public)
                    .filter(|it| *it != public),
            };
            if row.title.is_none() && row.label.is_none() && row.public.is_none() {
                return Ok(Edited::Unchanged);
            }
            diesel::update(own)
                .set(row)
                .execute(conn)
                .during("update")?;
            Ok(Edited::Changed)
        })
    }

    fn detach(&self, owner: UserId, id: FileId) -> Result<Detached, PortError> {
        self.db.write("detach", move |conn| {
            let own = files::table
                .filter(files::id.eq(id.as_uuid().into_bytes().to_vec()))
                .filter(files::owner.eq(owner.as_uuid().into_bytes().to_vec()));
            let removed = diesel::delete(own).execute(conn).during("detach")?;
            Ok(if removed == 0 {
                Detached::NotFound
            } else {
                Detached::Removed
            })
        })
    }

    fn find_readable(&self, id: FileId, asker: UserId) -> Result<Option<StoredFile>, PortError> {
        self.db.read(|conn| {
            let owner = asker.as_uuid().into_bytes();
            let found = files::table
                .inner_join(blobs::table)
                .filter(files::id.eq(id.as_uuid().as_bytes().as_slice()))
                .filter(files::owner.eq(owner.as_slice()).or(is_public()))
                .select((FileRow::as_select(), BlobRow::as_select()))
                .get_result::<(FileRow, BlobRow)>(conn)
                .optional()
                .during("find_readable")?;
            match found {
                Some((file, blob)) => file.into_domain(asker, blob).map(Some),
                None => find_own_favourite(conn, asker, id),
            }
        })
    }

    fn list_owned(
        &self,
        owner: UserId,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<FileSummary>, PortError> {
        self.db.read(|conn| {
            let owner = owner.as_uuid().into_bytes();
            let page = files::table
                .filter(files::owner.eq(owner.as_slice()))
                .select(SummaryRow::as_select())
                .order((files::created_at.desc(), files::seq.desc()))
                .limit(count(limit));
            let rows = match after {
                Some(after) => {
                    let date = after.created_at.as_millis();
                    // The first condition is what the index can seek; a lone OR would walk the
                    // list from its beginning for every page.
                    page.filter(files::created_at.le(date))
                        .filter(files::created_at.lt(date).or(files::seq.lt(after.seq)))
                        .load(conn)
                }
                None => page.load(conn),
            };
            summaries(rows.during("list_owned")?)
        })
    }

    fn list_sorted(
        &self,
        owner: UserId,
        order: &OwnOrder,
        filter: &OwnFilter,
        limit: usize,
    ) -> Result<Vec<ListedFile>, PortError> {
        self.db
            .read(|conn| sorted::list(conn, owner, order, filter, limit))
    }
}

fn summaries(rows: Vec<SummaryRow>) -> Result<Vec<FileSummary>, SqliteError> {
    rows.into_iter().map(SummaryRow::into_domain).collect()
}

/// Stores an entry for which its owner was charged, flagged as its content is.
pub(super) fn insert(
    conn: &mut SqliteConnection,
    file: &NewFile,
    blob_id: i64,
) -> Result<(), SqliteError> {
    let twin = blobs::table
        .filter(blobs::id.eq(blob_id))
        .select(blobs::twin)
        .single_value()
        .assume_not_null();
    let row = NewFileRow {
        id: &file.id.as_uuid().into_bytes(),
        owner: &file.owner.as_uuid().into_bytes(),
        title: file.title.as_str(),
        md5: file.md5.as_bytes(),
        blob_id,
        public: file.visibility.is_public(),
        created_at: file.created_at.as_millis(),
    };
    diesel::insert_into(files::table)
        .values((row, files::twin.eq(twin)))
        .execute(conn)
        .during("insert the entry")?;
    Ok(())
}

//! Opening a database: everything that is checked before the first query is answered.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use diesel::result::Error as DieselError;
use diesel::sql_types::Text;
use diesel::{
    Connection, OptionalExtension, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{Readers, Role, as_uri, set_up};
use super::error::CORRUPT;
use super::journal::{Checkpoint, Journal, Step};
use super::writer::{Bounds, Commit, Writer};
use super::{Access, Inner, SqliteConfig, SqliteDatabase};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The first SQLite without the WAL-reset bug, which could lose acknowledged commits.
const LEAST_SQLITE: [u32; 3] = [3, 51, 3];

/// Findings of the quick check that are kept for the message; a broken file has thousands.
const FINDINGS: usize = 5;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is not UTF-8 or has no absolute form.
    #[error("{0:?} cannot be used as the path of a database")]
    Path(PathBuf),
    /// The file could not be made, or its permissions could not be set.
    #[error("{path}: the database file cannot be prepared")]
    File {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite could not open the file.
    #[error("{path}: the database cannot be opened")]
    Connect {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: diesel::ConnectionError,
    },
    /// A query of the start-up failed; for a file that is no database this is the first one.
    #[error("{path}: {step} failed")]
    Query {
        /// The database file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What SQLite said.
        source: DieselError,
    },
    /// The SQLite library is too old.
    #[error("SQLite {found} has a bug that loses commits; 3.51.3 or later is needed")]
    LibraryTooOld {
        /// The version that is linked in.
        found: String,
    },
    /// The quick check found damage.
    #[error(
        "{path}: the database is damaged: {}; restore it from a backup, nothing was changed",
        .findings.join("; ")
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// The first few findings of SQLite.
        findings: Vec<String>,
    },
    /// A newer release has migrated the file.
    #[error(
        "{path}: the database was migrated by a newer release (migration {version} is unknown \
         here); run that release, or restore a backup from before the upgrade"
    )]
    SchemaTooNew {
        /// The database file.
        path: PathBuf,
        /// The first migration that this release does not know.
        version: String,
    },
    /// The schema is older than this release's, and whoever asked may not change it.
    #[error(
        "{path}: the database has the schema of an older release; use this command of that release, \
         or start the server of this release first, which brings the schema up to date"
    )]
    SchemaTooOld {
        /// The database file.
        path: PathBuf,
    },
    /// There is no schema, and whoever asked may not make one.
    #[error(
        "{path}: no server has made its tables in this database: it is empty, or another program's"
    )]
    NoSchema {
        /// The database file.
        path: PathBuf,
    },
    /// A migration failed.
    #[error("{path}: the schema could not be brought up to date")]
    Migration {
        /// The database file.
        path: PathBuf,
        /// What the migration said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The reader connections could not be opened.
    #[error("{path}: the reader connections cannot be opened")]
    Readers {
        /// The database file.
        path: PathBuf,
        /// What the pool said.
        source: diesel::r2d2::PoolError,
    },
    /// The system gave no thread.
    #[error("the writer thread cannot be started")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// Whether the file is a database and damaged, so that it could be opened once and cannot be read
    /// now. A file that SQLite does not take for a database at all is none.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        if matches!(self, Self::Damaged { .. }) {
            return true;
        }
        let mut cause: Option<&dyn std::error::Error> = Some(self);
        while let Some(error) = cause {
            if error.to_string().contains(CORRUPT) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

pub(super) fn open(
    config: SqliteConfig,
    commit: Commit,
    checkpoint: Checkpoint,
) -> Result<SqliteDatabase, OpenError> {
    let SqliteConfig {
        path,
        readers,
        busy_timeout,
        queue,
        group,
        access,
    } = config;
    // SQLite takes names such as `:memory:` and `file:…?…` for something else than a path; an
    // absolute one is always a path.
    let path = std::path::absolute(&path).map_err(|_| OpenError::Path(path))?;
    let text = path.to_str().ok_or_else(|| OpenError::Path(path.clone()))?;
    let (url, writes, reads) = match access {
        Access::Owner | Access::Guest => (text.to_owned(), Role::Writer, Role::Reader),
        // The one who closes a database last brings its journal in, unless he cannot write.
        Access::Onlooker => {
            let url = format!("file:{}?mode=ro", as_uri(text));
            (url, Role::Onlooker, Role::Onlooker)
        }
    };
    let query = |step| {
        let path = path.clone();
        move |source| OpenError::Query { path, step, source }
    };

    let prepared = match access {
        Access::Owner => prepare_file(&path),
        // SQLite would make a missing one.
        Access::Guest | Access::Onlooker => path.metadata().map(drop),
    };
    prepared.map_err(|source| OpenError::File {
        path: path.clone(),
        source,
    })?;
    let connect = || {
        let mut conn = SqliteConnection::establish(&url).map_err(|source| OpenError::Connect {
            path: path.clone(),
            source,
        })?;
        set_up(&mut conn, writes, busy_timeout).map_err(query("setting up the connection"))?;
        Ok(conn)
    };
    let mut writer = connect()?;
    let version = library_version(&mut writer).map_err(query("asking for SQLite's version"))?;
    if !is_recent(&version) {
        return Err(OpenError::LibraryTooOld { found: version });
    }
    let mut copied = false;
    if access == Access::Owner {
        let findings = quick_check(&mut writer).map_err(query("the quick check"))?;
        if !findings.is_empty() {
            return Err(OpenError::Damaged { path, findings });
        }
        migrate(&mut writer, &path)?;
        // Before anything is struck off of notes, which could rest on what is in the cache of the system and
        // not on the disk. Where there is no room for that, nothing is struck off.
        copied = match checkpoint(&mut writer, Step::Copy) {
            Ok(progress) => progress.pages == progress.copied,
            Err(error) => {
                tracing::warn!(%error, "the journal could not be copied to the database yet");
                false
            }
        };
    } else {
        expect_current_schema(&mut writer, path.clone())?;
    }
    // By now SQLite has read, and so made its journal.
    sync_names(&path).map_err(|source| OpenError::File {
        path: path.clone(),
        source,
    })?;

    // Only an owner stores what has notes.
    let wal = (access == Access::Owner)
        .then(|| PathBuf::from(format!("{text}-wal")))
        .map(|wal| File::open(&wal).map_err(|source| OpenError::File { path: wal, source }))
        .transpose()?;
    let journal =
        Journal::start(connect()?, wal, busy_timeout, checkpoint).map_err(OpenError::Thread)?;
    let readers = Readers::open(url.clone(), reads, readers, busy_timeout).map_err(|source| {
        OpenError::Readers {
            path: path.clone(),
            source,
        }
    })?;
    let bounds = Bounds { queue, group };
    let writer = Writer::start(writer, journal, bounds, commit).map_err(OpenError::Thread)?;
    Ok(SqliteDatabase(Arc::new(Inner {
        when_full: super::WhenFull::default(),
        keeps_notes: AtomicBool::new(false),
        was_copied: copied,
        readers,
        writer,
    })))
}

/// Makes the file before SQLite does, so that nobody but the owner could ever read it. SQLite
/// gives its `-wal` and `-shm` companions the permissions of the file.
fn prepare_file(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Makes the names of the database and its journal durable. SQLite never does that for the first, and
/// for the second it does so at a connection's first commit, but goes on as if nothing were wrong if
/// that fails: a power cut could then take a journal away in which everything was acknowledged.
fn sync_names(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    value: String,
}

fn library_version(conn: &mut SqliteConnection) -> Result<String, DieselError> {
    let row: TextRow = sql_query("SELECT sqlite_version() AS value").get_result(conn)?;
    Ok(row.value)
}

fn is_recent(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0)) >= LEAST_SQLITE
}

fn quick_check(conn: &mut SqliteConnection) -> Result<Vec<String>, DieselError> {
    let rows: Vec<TextRow> =
        sql_query("SELECT quick_check AS value FROM pragma_quick_check").load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| row.value)
        .filter(|value| value != "ok")
        .take(FINDINGS)
        .collect())
}

fn migrate(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    refuse_newer_schema(conn, path)?;
    conn.run_pending_migrations(MIGRATIONS)
        .map_err(failed(path))?;
    Ok(())
}

/// The check of a guest, who must find the schema as this release makes it.
fn expect_current_schema(conn: &mut SqliteConnection, path: PathBuf) -> Result<(), OpenError> {
    expect_schema(conn, &path)?;
    refuse_newer_schema(conn, &path)?;
    let pending = conn
        .has_pending_migration(MIGRATIONS)
        .map_err(failed(&path))?;
    if pending {
        return Err(OpenError::SchemaTooOld { path });
    }
    Ok(())
}

/// Whether anybody has migrated the database. Diesel makes its table where it looks for it.
pub(super) fn expect_schema(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let table: Option<TextRow> = sql_query(
        "SELECT name AS value FROM sqlite_schema WHERE name = '__diesel_schema_migrations'",
    )
    .get_result(conn)
    .optional()
    .map_err(|source| OpenError::Query {
        path: path.to_owned(),
        step: "reading the schema",
        source,
    })?;
    match table {
        Some(_) => Ok(()),
        None => Err(OpenError::NoSchema {
            path: path.to_owned(),
        }),
    }
}

pub(super) fn refuse_newer_schema(
    conn: &mut SqliteConnection,
    path: &Path,
) -> Result<(), OpenError> {
    let known =
        diesel::migration::MigrationSource::<diesel::sqlite::Sqlite>::migrations(&MIGRATIONS)
            .map_err(failed(path))?;
    // Diesel answers the newest first; the oldest unknown one says most.
    for version in conn
        .applied_migrations()
        .map_err(failed(path))?
        .iter()
        .rev()
    {
        if !known.iter().any(|m| m.name().version() == *version) {
            return Err(OpenError::SchemaTooNew {
                path: path.to_owned(),
                version: version.to_string(),
            });
        }
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Migration { path, source }
}

#[cfg(test)]
mod tests;

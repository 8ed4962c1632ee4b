//! All that a server keeps, to see that a request has changed nothing of it.

use std::collections::BTreeMap;
use std::fs;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};

use super::server::files_below;
use super::wait::until;
use super::{Server, sha256_hex};

/// Written whenever a session is used, whatever comes of the request.
const NOTE_OF_USE: &str = "last_used_at";

/// Written by the server some time after it was asked: what was learned of earlier requests.
const LEARNED: &str = "'interactions', 'items', 'learned', 'relearn'";
const HEAT: &str = "heat";

/// The rows of every table and the digest of every stored file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dump(BTreeMap<String, Vec<String>>);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Dump {
    fn of(server: &Server) -> Self {
        let mut all = BTreeMap::new();
        let mut database = open(server, "ro");
        // One snapshot for all tables.
        database.batch_execute("BEGIN").unwrap();
        let tables = format!(
            "SELECT name AS line FROM sqlite_schema WHERE type = 'table' \
             AND name NOT LIKE 'sqlite_%' AND name NOT IN ({LEARNED})"
        );
        for table in lines(&mut database, &tables) {
            let columns = format!(
                "SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}') \
                 WHERE name NOT IN ('{NOTE_OF_USE}', '{HEAT}')"
            );
            let columns = lines(&mut database, &columns).join(" || ',' || ");
            let rows = format!("SELECT {columns} AS line FROM {table} ORDER BY 1");
            all.insert(table, lines(&mut database, &rows));
        }
        let data = server.data_dir();
        for folder in ["blobs", "packs", "staging", "trash"] {
            let mut files = Vec::new();
            files_below(&data.join(folder), &mut files);
            for file in files {
                let name = file.strip_prefix(&data).unwrap().display().to_string();
                let content = match fs::read(&file) {
                    // It comes and goes by itself.
                    Err(_) if folder == "staging" => Vec::new(),
                    content => content.unwrap(),
                };
                all.insert(name, vec![sha256_hex(&content)]);
            }
        }
        Self(all)
    }

    /// What is there in one of two and not in the other.
    fn difference(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (one, two, sign) in [(self, other, '-'), (other, self, '+')] {
            for (name, rows) in &one.0 {
                let others = two.0.get(name).map_or(&[][..], Vec::as_slice);
                let lost = rows.iter().filter(|row| !others.contains(row));
                found.extend(lost.map(|row| format!("{sign} {name}: {row}")));
            }
        }
        found
    }
}

impl Server {
    /// Everything that is kept at this moment.
    pub(crate) fn dump(&self) -> Dump {
        let mut dump = Dump(BTreeMap::new());
        // A block of an upload that was refused meanwhile may still be on its way to a file, which goes then.
        until("nothing is staged", || {
            if !self.staged().is_empty() {
                return false;
            }
            dump = Dump::of(self);
            !dump.0.keys().any(|name| name.starts_with("staging/"))
        });
        dump
    }

    /// Fails unless everything is as it was at `before`.
    #[track_caller]
    pub(crate) fn expect_unchanged(&self, before: &Dump, by: &str) {
        let difference = before.difference(&self.dump());
        assert!(difference.is_empty(), "{by} changed {difference:#?}");
    }

    /// As [`Self::expect_unchanged`], of the rows alone: copies that no row names may wait for collection.
    #[track_caller]
    pub(crate) fn expect_rows_unchanged(&self, before: &Dump) {
        let mut rows = before.clone();
        let mut now = self.dump();
        for dump in [&mut rows, &mut now] {
            dump.0.retain(|name, _| !name.contains('/'));
        }
        let difference = rows.difference(&now);
        assert!(difference.is_empty(), "rows have changed: {difference:#?}");
    }

    /// Holds the database's lock for writing, as another program might, until it is dropped.
    #[track_caller]
    pub(crate) fn lock_database(&self) -> impl Drop {
        let mut database = open(self, "rw");
        database.batch_execute("BEGIN IMMEDIATE").unwrap();
        Lock(database)
    }

    /// How many rows a table has.
    #[track_caller]
    pub(crate) fn count_rows(&self, table: &str) -> usize {
        Dump::of(self).0[table].len()
    }

    /// Runs SQL on the database, under the running server.
    #[track_caller]
    pub(crate) fn tamper(&self, sql: &str) {
        open(self, "rw").batch_execute(sql).unwrap();
    }
}

/// A transaction that is rolled back in the end.
struct Lock(SqliteConnection);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.batch_execute("ROLLBACK");
    }
}

fn open(server: &Server, mode: &str) -> SqliteConnection {
    let path = server.data_dir().join("kms.db");
    let url = format!("file:{}?mode={mode}", path.display());
    let mut database = SqliteConnection::establish(&url).unwrap();
    // The server may be writing at this moment.
    database
        .batch_execute("PRAGMA busy_timeout = 10000")
        .unwrap();
    database
}

fn lines(database: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let lines: Vec<Line> = sql_query(sql).load(database).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

//! A data folder with a million files, written into the tables of a server that does not run.
//!
//! The contents have rows and no bytes: nobody reads them. What is asked for by its bytes is uploaded
//! through a real server.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

/// Entries of one account, and of all.
pub(crate) const OF_ONE: usize = 100_000;
pub(crate) const OF_ALL: usize = 1_000_000;
/// Entries of each of the other accounts.
const OF_OTHERS: usize = 1_000;

/// Random keys come into the indexes in no order, so all of these are kept in memory.
pub(crate) const FAST: &str = "
    PRAGMA journal_mode = MEMORY;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -1000000;
    PRAGMA temp_store = MEMORY;
    PRAGMA foreign_keys = OFF;";

/// Fills the folder, whose account with `phone` gets [`OF_ONE`] entries.
pub(crate) fn fill(folder: &Path, phone: &str) {
    let path = folder.join("kms.db");
    let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    database.batch_execute(FAST).unwrap();
    database.batch_execute(&rows(phone)).unwrap();
    // As the server has it.
    database.batch_execute("PRAGMA journal_mode = WAL").unwrap();
}

/// One transaction: accounts with phones from +11000000000 on, a content for each entry, and the entries,
/// every other one public. Owners take turns, as if all had uploaded at the same time.
fn rows(phone: &str) -> String {
    let others = (OF_ALL - OF_ONE) / OF_OTHERS;
    let share = OF_ALL / OF_ONE;
    format!(
        "BEGIN IMMEDIATE;
        CREATE TEMP TABLE owners (n INTEGER PRIMARY KEY, id BLOB NOT NULL);
        INSERT INTO owners (n, id)
            WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < {others})
            SELECT n, randomblob(16) FROM counted;
        INSERT INTO users (id, phone, name, password_hash, created_at)
            SELECT id, '+1' || (1000000000 + n), 'seed', 'none', 1 FROM owners;
        INSERT INTO owners (n, id) SELECT -1, id FROM users WHERE phone = '{phone}';
        CREATE TEMP TABLE base AS SELECT coalesce(max(id), 0) AS id FROM blobs;
        INSERT INTO blobs (id, sha256, size, store_key, created_at, md5)
            WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < {OF_ALL})
            SELECT base.id + 1 + n, randomblob(32), 10240, lower(hex(randomblob(48))), 1700000000000 + n, randomblob(16)
            FROM counted, base;
        INSERT INTO files (id, owner, title, md5, blob_id, public, created_at)
            WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < {OF_ALL})
            SELECT randomblob(16),
                (SELECT id FROM owners WHERE owners.n = iif(counted.n % {share} = 0, -1, counted.n % {others})),
                'report ' || counted.n || '.pdf', (SELECT md5 FROM blobs WHERE blobs.id = base.id + 1 + counted.n), base.id + 1 + counted.n,
                (counted.n / {share}) % 2, 1700000000000 + counted.n
            FROM counted, base;
        COMMIT;"
    )
}

//! The two ways to refer to content, as SQL.

/// How a row of `files` refers to content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `(blob_id, blob_state)` to `blobs (id, state)`, held at 'live': what our migrations say.
    Composite,
    /// `blob_id` to `blobs (id)`: the control.
    Plain,
    /// The same, but with the index that the composite key needs. PostgreSQL takes the stronger lock of a key's columns
    /// then, so that one waits for the other; and does not ask again afterwards.
    PlainThatWaits,
}

impl Scheme {
    pub(super) const ALL: [Self; 3] = [Self::Composite, Self::Plain, Self::PlainThatWaits];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Composite => "composite",
            Self::Plain => "plain",
            Self::PlainThatWaits => "plain, unique",
        }
    }

    /// Whether losing is what this key is shown for.
    pub(super) const fn loses(self) -> bool {
        !matches!(self, Self::Composite)
    }

    /// The tables, made anew. `bytes` stands for the disk: a row is a copy, and deleting it, in a transaction of its
    /// own after the dooming one, is the unlinking. It has no key to anything, as a disk has none.
    pub(super) fn tables(self) -> String {
        let reference = match self {
            Self::Composite => {
                "blob_state text NOT NULL DEFAULT 'live' CHECK (blob_state = 'live'), \
                 FOREIGN KEY (blob_id, blob_state) REFERENCES blobs (id, state)"
            }
            Self::Plain | Self::PlainThatWaits => "FOREIGN KEY (blob_id) REFERENCES blobs (id)",
        };
        let unique = match self {
            Self::Composite | Self::PlainThatWaits => ", UNIQUE (id, state)",
            Self::Plain => "",
        };
        format!(
            "DROP TABLE IF EXISTS files, blobs, bytes, seen; \
             CREATE TABLE blobs (id bigserial PRIMARY KEY, sha256 int NOT NULL, store_key bigint NOT NULL UNIQUE, \
               state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'doomed')){unique}); \
             CREATE UNIQUE INDEX blobs_live ON blobs (sha256) WHERE state = 'live'; \
             CREATE TABLE files (id bigserial PRIMARY KEY, blob_id bigint NOT NULL, {reference}); \
             CREATE INDEX files_blob ON files (blob_id); \
             CREATE TABLE bytes (store_key bigserial PRIMARY KEY); \
             CREATE TABLE seen (what text NOT NULL, times bigint NOT NULL);"
        )
    }
}

/// An entry over live content of this digest, if there is any: the claim, and the second half of an upload.
pub(super) fn refer(sha256: &str) -> String {
    format!(
        "INSERT INTO files (blob_id) SELECT id FROM blobs WHERE sha256 = {sha256} AND state = 'live'"
    )
}

/// What the collector dooms with.
pub(super) const DOOM: &str = "UPDATE blobs SET state = 'doomed' WHERE state = 'live' \
     AND NOT EXISTS (SELECT FROM files WHERE files.blob_id = blobs.id)";

/// What it unlinks after that was committed.
pub(super) const UNLINK: &str =
    "DELETE FROM bytes WHERE store_key IN (SELECT store_key FROM blobs WHERE state = 'doomed')";

/// Forgets doomed rows whose bytes are gone, unless a row still refers to them (which is a loss already).
pub(super) const FORGET: &str = "DELETE FROM blobs WHERE state = 'doomed' \
     AND NOT EXISTS (SELECT FROM bytes WHERE bytes.store_key = blobs.store_key) \
     AND NOT EXISTS (SELECT FROM files WHERE files.blob_id = blobs.id)";

/// Committed entries whose content is doomed or has no bytes.
pub(super) const LOST: &str = "SELECT count(*) FROM files JOIN blobs ON blobs.id = files.blob_id \
     WHERE blobs.state <> 'live' OR NOT EXISTS (SELECT FROM bytes WHERE bytes.store_key = blobs.store_key)";

#[cfg(test)]
mod tests {
    use super::*;

    /// The rig must show the key that we have, and not one that it once had.
    #[test]
    fn the_composite_key_is_the_one_of_the_migrations() {
        let root = crate::process::root().expect("tests run inside the repository");
        let path = root.join("migrations/sqlite/00000000000001_foundation/up.sql");
        let ours = std::fs::read_to_string(path).expect("the first migration is there");
        let shown = Scheme::Composite.tables();
        for part in [
            "UNIQUE (id, state)",
            "CHECK (state IN ('live', 'doomed'))",
            "DEFAULT 'live' CHECK (blob_state = 'live')",
            "FOREIGN KEY (blob_id, blob_state) REFERENCES blobs (id, state)",
            "CREATE UNIQUE INDEX blobs_live ON blobs (sha256) WHERE state = 'live'",
        ] {
            assert!(ours.contains(part), "not in the migration: {part}");
            assert!(shown.contains(part), "not in the rig: {part}");
        }
        assert!(!Scheme::Plain.tables().contains("blob_state"));
    }
}

//! Many sessions at once, in whatever order the server gives them.
//!
//! Uploaders publish a copy, make it known if its digest is not, refer to what is known, and keep the transaction open
//! for a moment. Users read an entry back and delete it. Collectors doom, unlink and forget. All of it is random, so a
//! run that loses nothing proves nothing by itself; the plain key beside it shows that such a crowd can lose.

use crate::Failure;
use std::time::Duration;

use super::cluster::Cluster;
use super::scheme::{DOOM, FORGET, LOST, Scheme, UNLINK, refer};
use super::session::{Ended, Session};

pub(super) const HEAD: &str =
    "key             entries  read back  refused  doomed  lost  as expected";

const UPLOADERS: usize = 6;
const USERS: usize = 3;
const COLLECTORS: usize = 3;
/// So few contents that everybody meets at them.
const CONTENTS: u32 = 8;

/// What a crowd did.
pub(super) struct Seen {
    scheme: Scheme,
    entries: u64,
    read_back: u64,
    refused: u64,
    doomed: u64,
    lost: u64,
}

pub(super) fn play(cluster: &Cluster, scheme: Scheme, during: Duration) -> Result<Seen, Failure> {
    let mut observer = cluster.session()?;
    observer.ask(&scheme.tables())?;
    let roles = [
        (UPLOADERS, uploader(during)),
        (USERS, user(during)),
        (COLLECTORS, collector(during)),
    ];
    let mut crowd: Vec<Session> = Vec::new();
    for (many, does) in &roles {
        for _ in 0..*many {
            let mut session = cluster.session()?;
            session.begin(does)?;
            crowd.push(session);
        }
    }
    for session in &mut crowd {
        if session.end_after(during)? == Ended::Refused {
            return Err(Failure::Failed("one of a crowd has given up".to_owned()));
        }
    }
    // Who is last may have doomed something that was not unlinked yet.
    observer.ask(UNLINK)?;
    let left = observer.ask(LOST)?;
    let mut number = |what: &str| {
        let sql = format!("SELECT coalesce(sum(times), 0) FROM seen WHERE what = '{what}'");
        parse(&observer.ask(&sql)?)
    };
    Ok(Seen {
        scheme,
        entries: number("entries")?,
        read_back: number("read back")?,
        refused: number("refused")?,
        doomed: number("doomed")?,
        lost: number("lost")?.saturating_add(parse(&left)?),
    })
}

fn parse(text: &str) -> Result<u64, Failure> {
    text.parse()
        .map_err(|_| Failure::Failed(format!("psql answered `{text}` instead of a number")))
}

/// Bytes first, then the row, and the copy that was surplus last. What the key refuses is tried again as a new upload.
fn uploader(during: Duration) -> String {
    let refer = refer("content");
    looped(
        during,
        "content int; key bigint; entries bigint := 0; refused bigint := 0; rows bigint;",
        &format!(
            "content := floor(random() * {CONTENTS}); \
             INSERT INTO bytes DEFAULT VALUES RETURNING store_key INTO key; \
             COMMIT; \
             BEGIN \
               INSERT INTO blobs (sha256, store_key) VALUES (content, key) \
                 ON CONFLICT (sha256) WHERE state = 'live' DO NOTHING; \
               {refer}; \
               GET DIAGNOSTICS rows = ROW_COUNT; \
               entries := entries + rows; \
               PERFORM pg_sleep(random() * 0.002); \
             EXCEPTION WHEN foreign_key_violation THEN refused := refused + 1; \
             END; \
             COMMIT; \
             DELETE FROM bytes WHERE store_key = key \
               AND NOT EXISTS (SELECT FROM blobs WHERE blobs.store_key = bytes.store_key);"
        ),
        &["entries", "refused"],
    )
}

/// Reads an entry back and deletes it.
fn user(during: Duration) -> String {
    looped(
        during,
        "read_back bigint := 0; lost bigint := 0; entry bigint; whole boolean;",
        "SELECT files.id, blobs.state = 'live' \
             AND EXISTS (SELECT FROM bytes WHERE bytes.store_key = blobs.store_key) INTO entry, whole \
           FROM files JOIN blobs ON blobs.id = files.blob_id ORDER BY random() LIMIT 1 FOR UPDATE OF files SKIP LOCKED; \
         IF entry IS NOT NULL THEN \
           IF whole THEN read_back := read_back + 1; ELSE lost := lost + 1; END IF; \
           DELETE FROM files WHERE id = entry; \
         END IF;",
        &["read_back", "lost"],
    )
}

/// Dooms everything that nothing refers to, or nothing, if the key refuses one of them; then unlinks and forgets.
fn collector(during: Duration) -> String {
    looped(
        during,
        "doomed bigint := 0; refused bigint := 0; rows bigint;",
        &format!(
            "BEGIN \
               {DOOM}; \
               GET DIAGNOSTICS rows = ROW_COUNT; \
               doomed := doomed + rows; \
             EXCEPTION \
               WHEN foreign_key_violation THEN refused := refused + 1; \
               WHEN deadlock_detected THEN NULL; \
             END; \
             COMMIT; \
             {UNLINK}; \
             COMMIT; \
             BEGIN {FORGET}; EXCEPTION WHEN foreign_key_violation OR deadlock_detected THEN NULL; END;"
        ),
        &["doomed", "refused"],
    )
}

/// A loop of transactions, each statement at READ COMMITTED, with what was counted noted at the end.
fn looped(during: Duration, variables: &str, body: &str, counted: &[&str]) -> String {
    let notes: String = counted
        .iter()
        .map(|name| {
            format!(
                "INSERT INTO seen VALUES ('{}', {name}); ",
                name.replace('_', " ")
            )
        })
        .collect();
    format!(
        "DO $$ DECLARE until timestamptz := clock_timestamp() + interval '{} s'; {variables} \
         BEGIN WHILE clock_timestamp() < until LOOP {body} COMMIT; END LOOP; {notes} END $$",
        during.as_secs()
    )
}

impl Seen {
    pub(super) fn row(&self) -> String {
        format!(
            "{:<16}{:<9}{:<11}{:<9}{:<8}{:<6}{}",
            self.scheme.name(),
            self.entries,
            self.read_back,
            self.refused,
            self.doomed,
            self.lost,
            super::verdict(self.complaint().as_ref()),
        )
    }

    /// What is not as it was claimed to be. A crowd in which nothing was doomed or read shows nothing.
    pub(super) fn complaint(&self) -> Option<String> {
        let alive = self.read_back > 0 && self.doomed > 0;
        // A race that the key never had to decide has not been run.
        let raced = self.scheme.loses() || self.refused > 0;
        (!alive || !raced || self.scheme.loses() != (self.lost > 0)).then(|| {
            format!(
                "a crowd with the {} key lost {} of {} entries, while {} were read back, {} contents doomed and {} \
                 statements refused",
                self.scheme.name(),
                self.lost,
                self.entries,
                self.read_back,
                self.doomed,
                self.refused
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_that_shows_nothing_is_a_complaint_as_well_as_a_loss() {
        let seen = |scheme, refused, doomed, lost| Seen {
            scheme,
            entries: 9,
            read_back: 8,
            refused,
            doomed,
            lost,
        };
        let is_fine = |it: Seen| it.complaint().is_none();
        assert!(is_fine(seen(Scheme::Composite, 1, 5, 0)));
        assert!(!is_fine(seen(Scheme::Composite, 1, 5, 1)));
        assert!(!is_fine(seen(Scheme::Composite, 0, 5, 0)));
        assert!(!is_fine(seen(Scheme::Composite, 1, 0, 0)));
        assert!(is_fine(seen(Scheme::Plain, 0, 5, 3)));
        assert!(!is_fine(seen(Scheme::Plain, 0, 5, 0)));
    }
}

-- Accounts, sessions, contents, entries and avatars.
--
-- Every time is in milliseconds since 1970-01-01 UTC. Ids that leave the server are random UUIDs in
-- 16 bytes. STRICT makes a wrong type an error instead of a surprise for whoever reads it back.

CREATE TABLE users (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- In canonical form, so that one number has one account.
    phone          TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL CHECK (name <> ''),
    email          TEXT,
    birth          INTEGER,
    password_hash  TEXT    NOT NULL,
    -- NULL until the first login, which is how "the first time" is true exactly once.
    first_login_at INTEGER,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    -- The order in which sessions were opened decides which is older within a millisecond.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id),
    -- Only a digest: a copy of the database opens no session.
    token_sha256 BLOB    NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT;

-- A user's sessions from the oldest on, and the child side of the foreign key.
CREATE INDEX sessions_of_user ON sessions (user_id, created_at, seq);

CREATE TABLE blobs (
    -- AUTOINCREMENT: an id is never used again for another content.
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    size       INTEGER NOT NULL CHECK (size >= 0),
    -- A key names one copy of the bytes for ever, also after its row was doomed; the store sees to
    -- that. It begins with the digest in hexadecimal, so a row is found by its key through
    -- blobs_live. An index of its own would be one more page to write for every upload.
    store_key  TEXT    NOT NULL,
    -- 'doomed' content is about to be unlinked. Nothing may refer to it any more.
    state      TEXT    NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'doomed')),
    -- When the bytes were found missing, short or changed; NULL while they are sound.
    damaged_at INTEGER,
    created_at INTEGER NOT NULL,
    -- What referring rows point at, see files.
    UNIQUE (id, state)
) STRICT;

-- One live content for one digest. Doomed rows may lie about until they are collected.
CREATE UNIQUE INDEX blobs_live ON blobs (sha256) WHERE state = 'live';

-- Between dooming and unlinking nobody may bring a content back: its bytes may be gone already.
CREATE TRIGGER blobs_stay_doomed BEFORE UPDATE OF state ON blobs
WHEN OLD.state = 'doomed' AND NEW.state <> 'doomed'
BEGIN
    SELECT RAISE(ABORT, 'a doomed blob never turns live again');
END;

CREATE TABLE files (
    -- The order in which entries were stored decides within a millisecond.
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    owner      BLOB    NOT NULL REFERENCES users (id),
    title      TEXT    NOT NULL CHECK (title <> ''),
    -- What the bytes were known by when this entry was made; never unique.
    md5        BLOB    NOT NULL CHECK (length(md5) = 16),
    blob_id    INTEGER NOT NULL,
    -- Always 'live'. With the composite foreign key the database itself refuses both to doom a
    -- content that an entry refers to and to refer to a doomed one, whatever runs at once.
    blob_state TEXT    NOT NULL DEFAULT 'live' CHECK (blob_state = 'live'),
    public     INTEGER NOT NULL CHECK (public IN (0, 1)),
    created_at INTEGER NOT NULL,
    FOREIGN KEY (blob_id, blob_state) REFERENCES blobs (id, state)
) STRICT;

-- The own list, newest first, and the child side of the foreign key to users.
CREATE INDEX files_own_newest ON files (owner, created_at DESC, seq DESC);
-- Instant upload from own entries: the least and the greatest blob_id of an MD5 are one seek each.
CREATE INDEX files_own_md5 ON files (owner, md5, blob_id);
-- The same from public ones. An MD5 may have very many entries; none of them is walked.
CREATE INDEX files_public_md5 ON files (md5, blob_id) WHERE public = 1;
-- "Has this user got this content?"
CREATE INDEX files_own_blob ON files (owner, blob_id);
-- The public list, newest first.
CREATE INDEX files_public_newest ON files (created_at DESC, seq DESC) WHERE public = 1;
-- "Is this the newest public entry over its content?"
CREATE INDEX files_public_blob ON files (blob_id, created_at, seq) WHERE public = 1;
-- The child side of the foreign key to blobs, which every dooming looks through.
CREATE INDEX files_blob ON files (blob_id, blob_state);

CREATE TABLE avatars (
    user_id    BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    blob_id    INTEGER NOT NULL,
    -- As in files.
    blob_state TEXT    NOT NULL DEFAULT 'live' CHECK (blob_state = 'live'),
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (blob_id, blob_state) REFERENCES blobs (id, state)
) STRICT, WITHOUT ROWID;

CREATE INDEX avatars_blob ON avatars (blob_id, blob_state);

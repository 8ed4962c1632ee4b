-- What people do with public contents, what follows from it, and the hot list.

-- How hot the content under an entry is, in half-lives of three days, on a logarithmic scale: see Heat in the
-- domain. NULL: nothing is known but the upload. Written for the newest public entry over a content; older
-- ones get 1,000 less than their date is worth, so what is at most eight years older comes before them.
ALTER TABLE files ADD COLUMN heat REAL;
-- One upload alone. Computed when it is read, so that uploads, which the speed of the server is about, write
-- nothing for it but the index.
ALTER TABLE files ADD COLUMN hotness REAL
    GENERATED ALWAYS AS (coalesce(heat, created_at / 259200000.0)) VIRTUAL;

-- The hot list. An entry that is published or unpublished is in it or not at once.
CREATE INDEX files_hot ON files (hotness DESC, seq DESC) WHERE public = 1;
-- It takes the place of the list by date, which it begins as.
DROP INDEX files_public_newest;

-- What one user did with one content while it was public. No foreign key to blobs: this keeps no content
-- alive, and goes when the content has gone.
CREATE TABLE interactions (
    user_id       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The user's own order, given at the first event.
    ordinal       INTEGER NOT NULL,
    blob_id       INTEGER NOT NULL,
    first_at      INTEGER NOT NULL,
    -- The last day on which each kind of event counted, since 1970-01-01; NULL: it never happened.
    own_day       INTEGER,
    favourite_day INTEGER,
    download_day  INTEGER,
    PRIMARY KEY (user_id, ordinal)
) STRICT, WITHOUT ROWID;

-- "What did this user do with this content?", and everybody who did anything with it.
CREATE UNIQUE INDEX interactions_of_content ON interactions (blob_id, user_id);

-- What is counted about each content with an interaction.
CREATE TABLE items (
    blob_id    INTEGER PRIMARY KEY,
    users      INTEGER NOT NULL CHECK (users >= 0),
    mass       INTEGER NOT NULL CHECK (mass >= 0),
    heat       REAL    NOT NULL,
    -- Contents that the same people care about, packed: see the adapter.
    neighbours BLOB    NOT NULL
) STRICT;

-- How far learning has come. One row.
CREATE TABLE learned (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    file_seq      INTEGER NOT NULL,
    favourite_seq INTEGER NOT NULL
) STRICT;
INSERT INTO learned (id, file_seq, favourite_seq) VALUES (1, 0, 0);

-- Contents to be looked at again, because an entry over them was published (then it is named), unpublished or
-- removed, or because they were collected.
CREATE TABLE relearn (
    blob_id INTEGER NOT NULL,
    entry   INTEGER NOT NULL,
    PRIMARY KEY (blob_id, entry)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER relearn_visibility AFTER UPDATE OF public ON files WHEN OLD.public <> NEW.public
BEGIN
    INSERT OR IGNORE INTO relearn (blob_id, entry)
    VALUES (NEW.blob_id, CASE NEW.public WHEN 1 THEN NEW.seq ELSE 0 END);
END;

CREATE TRIGGER relearn_removed AFTER DELETE ON files WHEN OLD.public = 1
BEGIN
    INSERT OR IGNORE INTO relearn (blob_id, entry) VALUES (OLD.blob_id, 0);
END;

CREATE TRIGGER relearn_doomed AFTER UPDATE OF state ON blobs WHEN NEW.state = 'doomed'
BEGIN
    INSERT OR IGNORE INTO relearn (blob_id, entry) VALUES (NEW.id, 0);
END;

-- It was purged, or brought back, in which case it is as if it had been published.
CREATE TRIGGER relearn_restored AFTER DELETE ON trash WHEN OLD.public = 1
BEGIN
    INSERT OR IGNORE INTO relearn (blob_id, entry) VALUES (OLD.blob_id, OLD.seq);
END;

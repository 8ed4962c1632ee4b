-- What an entry's owner files it under; NULL: nothing.
ALTER TABLE files ADD COLUMN label TEXT CHECK (label <> '');

-- Entries that were deleted and can be brought back. They are moved here, and not marked, so that no
-- statement about entries can forget to leave them out.
CREATE TABLE trash (
    -- What it was in files, where an entry gets its old place when it is brought back.
    seq        INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    owner      BLOB    NOT NULL REFERENCES users (id),
    title      TEXT    NOT NULL CHECK (title <> ''),
    label      TEXT    CHECK (label <> ''),
    md5        BLOB    NOT NULL CHECK (length(md5) = 16),
    blob_id    INTEGER NOT NULL,
    -- As in files.
    blob_state TEXT    NOT NULL DEFAULT 'live' CHECK (blob_state = 'live'),
    public     INTEGER NOT NULL CHECK (public IN (0, 1)),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    FOREIGN KEY (blob_id, blob_state) REFERENCES blobs (id, state)
) STRICT;

-- An owner's trash, the last deleted first, and the child side of the foreign key to users.
CREATE INDEX trash_own_latest ON trash (owner, deleted_at DESC, id DESC);
-- What is due to go, of anybody.
CREATE INDEX trash_oldest ON trash (deleted_at, seq);
-- The child side of the foreign key to blobs, which every dooming looks through.
CREATE INDEX trash_blob ON trash (blob_id, blob_state);

-- Entries over the bytes of somebody's entry, the source, which they outlive.
CREATE TABLE favourites (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    owner        BLOB    NOT NULL REFERENCES users (id),
    -- files.id of the source. No foreign key: the source may go.
    source       BLOB    NOT NULL CHECK (length(source) = 16),
    source_owner BLOB    NOT NULL REFERENCES users (id),
    title        TEXT    NOT NULL CHECK (title <> ''),
    label        TEXT    CHECK (label <> ''),
    md5          BLOB    NOT NULL CHECK (length(md5) = 16),
    blob_id      INTEGER NOT NULL,
    -- As in files.
    blob_state   TEXT    NOT NULL DEFAULT 'live' CHECK (blob_state = 'live'),
    created_at   INTEGER NOT NULL,
    FOREIGN KEY (blob_id, blob_state) REFERENCES blobs (id, state)
) STRICT;

-- One favourite for an owner and a source.
CREATE UNIQUE INDEX favourites_own_source ON favourites (owner, source);
-- The own favourites, the last added first.
CREATE INDEX favourites_own_latest ON favourites (owner, created_at DESC, id DESC);
-- "Has this user got this content?"
CREATE INDEX favourites_own_blob ON favourites (owner, blob_id);
-- "Has this entry any favourites?"
CREATE INDEX favourites_of_source ON favourites (source);
-- The child sides of the foreign keys.
CREATE INDEX favourites_blob ON favourites (blob_id, blob_state);
CREATE INDEX favourites_of_source_owner ON favourites (source_owner);

-- Sources that are private now, or were when they went: favourites that somebody else has of them are
-- not to be seen. One row for each source, so that it takes one write whatever the number of favourites.
CREATE TABLE withheld (
    source BLOB NOT NULL PRIMARY KEY CHECK (length(source) = 16)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER favourites_are_withheld AFTER UPDATE OF public ON files
WHEN NEW.public = 0 AND EXISTS (
    SELECT 1 FROM favourites WHERE source = NEW.id AND owner <> source_owner
)
BEGIN
    INSERT OR IGNORE INTO withheld (source) VALUES (NEW.id);
END;

CREATE TRIGGER favourites_are_back AFTER UPDATE OF public ON files
WHEN NEW.public = 1
BEGIN
    DELETE FROM withheld WHERE source = NEW.id;
END;

-- What is in the trash still counts; moving there and back changes nothing in sum. Whoever inserts a
-- favourite charges its owner, as with files.
CREATE TRIGGER usage_counts_trash AFTER INSERT ON trash
BEGIN
    UPDATE usage
    SET bytes = bytes + (SELECT size FROM blobs WHERE id = NEW.blob_id),
        files = files + 1
    WHERE user_id = NEW.owner;
END;

CREATE TRIGGER usage_shrinks_with_trash AFTER DELETE ON trash
BEGIN
    UPDATE usage
    SET bytes = max(bytes - (SELECT size FROM blobs WHERE id = OLD.blob_id), 0),
        files = max(files - 1, 0)
    WHERE user_id = OLD.owner;
END;

CREATE TRIGGER usage_shrinks_with_favourites AFTER DELETE ON favourites
BEGIN
    UPDATE usage
    SET bytes = max(bytes - (SELECT size FROM blobs WHERE id = OLD.blob_id), 0),
        files = max(files - 1, 0)
    WHERE user_id = OLD.owner;
END;

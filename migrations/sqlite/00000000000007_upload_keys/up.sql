-- What clients have named uploads by (Idempotency-Key), with the answer that each got. A row is written in
-- the transaction that stores its entry, so one is there exactly if the other was stored, whatever became
-- of the entry since.
CREATE TABLE upload_keys (
    -- The order in which keys were used, whatever the clock said.
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    owner      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- A digest of all that the request said beside the bytes.
    request    BLOB    NOT NULL CHECK (length(request) = 32),
    file_id    BLOB    NOT NULL CHECK (length(file_id) = 16),
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    md5        BLOB    NOT NULL CHECK (length(md5) = 16),
    size       INTEGER NOT NULL CHECK (size >= 0),
    public     INTEGER NOT NULL CHECK (public IN (0, 1)),
    created_at INTEGER NOT NULL,
    UNIQUE (owner, key)
) STRICT;

-- The keys of an account in the order of their use: the first ones make room for others.
CREATE INDEX upload_keys_used ON upload_keys (owner, seq);

-- Those of everybody that have expired.
CREATE INDEX upload_keys_age ON upload_keys (created_at);

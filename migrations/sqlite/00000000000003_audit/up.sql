-- Where a session was opened from, in short form (203.0.113.0/24); NULL for those of before.
ALTER TABLE sessions ADD COLUMN network TEXT;

-- What happened to accounts and sessions. Rows are added, and removed when they are old; none is
-- ever changed. There is no foreign key: what happened to an account is known after it has gone.
CREATE TABLE audit_events (
    -- The order in which events were recorded; AUTOINCREMENT, so that it holds also after pruning.
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind <> ''),
    user_id BLOB    CHECK (length(user_id) = 16),
    network TEXT,
    request TEXT,
    -- A few words, never a phone in full, a token or a password.
    detail  TEXT    NOT NULL CHECK (length(detail) <= 200)
) STRICT;

-- "What happened to this account?", the latest first.
CREATE INDEX audit_events_of_user ON audit_events (user_id, id) WHERE user_id IS NOT NULL;

CREATE TRIGGER audit_events_are_final BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'an audit event is never changed');
END;

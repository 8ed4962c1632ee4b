-- What each account holds, so that an upload is judged by a look at one short row. Whoever inserts an
-- entry adds to it in the same transaction; what goes is taken off by a trigger, whichever statement
-- removes it. Apart from users, whose rows have long texts that would be written again each time.
CREATE TABLE usage (
    user_id     BLOB    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- The sum over the account's own entries, each with the full size of its content.
    bytes       INTEGER NOT NULL CHECK (bytes >= 0),
    files       INTEGER NOT NULL CHECK (files >= 0),
    -- What the operator has decided about this account. NULL: what is configured for everybody.
    -- 9223372036854775807, which no account can exceed anyway: no limit.
    quota_bytes INTEGER CHECK (quota_bytes >= 0),
    quota_files INTEGER CHECK (quota_files >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO usage (user_id, bytes, files)
SELECT u.id, coalesce(sum(b.size), 0), count(f.seq)
FROM users AS u
LEFT JOIN files AS f ON f.owner = u.id
LEFT JOIN blobs AS b ON b.id = f.blob_id
GROUP BY u.id;

CREATE TRIGGER usage_begins AFTER INSERT ON users
BEGIN
    INSERT INTO usage (user_id, bytes, files) VALUES (NEW.id, 0, 0);
END;

-- A counter that is too low, which fsck finds, must not keep anybody from deleting.
CREATE TRIGGER usage_shrinks AFTER DELETE ON files
BEGIN
    UPDATE usage
    SET bytes = max(bytes - (SELECT size FROM blobs WHERE id = OLD.blob_id), 0),
        files = max(files - 1, 0)
    WHERE user_id = OLD.owner;
END;

-- The MD5 of a content, which all entries over it share: an index of contents by it takes the place of
-- two of entries. Each of those was a page somewhere in the middle for every upload, an instant one
-- included. NULL: the content is known from an avatar alone, of which no MD5 is made.
ALTER TABLE blobs ADD COLUMN md5 BLOB CHECK (length(md5) = 16);

UPDATE blobs SET md5 = coalesce(
    (SELECT md5 FROM files WHERE blob_id = blobs.id LIMIT 1),
    (SELECT md5 FROM trash WHERE blob_id = blobs.id LIMIT 1),
    (SELECT md5 FROM favourites WHERE blob_id = blobs.id LIMIT 1)
);

DROP INDEX files_own_md5;
DROP INDEX files_public_md5;

-- One index is both the child side of the foreign key to blobs, which every dooming looks through, and
-- "has this user got this content?".
DROP INDEX files_own_blob;
DROP INDEX files_blob;
CREATE INDEX files_blob ON files (blob_id, owner);

-- Whether another content has, or has had, the same MD5, which somebody has to make so. It never goes
-- back to 0, which would gain nothing.
ALTER TABLE blobs ADD COLUMN twin INTEGER NOT NULL DEFAULT 0 CHECK (twin IN (0, 1));
-- What its content's is. Whoever inserts an entry copies it. A trigger could do so, but a statement with
-- one makes SQLite copy each page before its first change, to be able to undo it half way.
ALTER TABLE files ADD COLUMN twin INTEGER NOT NULL DEFAULT 0 CHECK (twin IN (0, 1));

-- Instant upload: the contents that a request may mean. Never unique: contents can be made to share one.
-- Those without the flag are together: however many have it, the triggers below do not walk them.
CREATE INDEX blobs_live_md5 ON blobs (md5, twin) WHERE state = 'live' AND md5 IS NOT NULL;

-- Where contents share an MD5, it goes by the entries: the least and the greatest content of an owner,
-- and of public entries, are one seek each, however many there are and whosever. Almost always empty.
CREATE INDEX files_own_twin ON files (owner, md5, blob_id) WHERE twin = 1;
CREATE INDEX files_public_twin ON files (md5, blob_id) WHERE public = 1 AND twin = 1;

CREATE TRIGGER twins_are_stored AFTER INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE state = 'live' AND md5 = NEW.md5 AND id <> NEW.id)
BEGIN
    UPDATE blobs SET twin = 1 WHERE state = 'live' AND md5 = NEW.md5 AND twin = 0;
END;

-- What was an avatar alone is uploaded.
CREATE TRIGGER twins_are_named AFTER UPDATE OF md5 ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE state = 'live' AND md5 = NEW.md5 AND id <> NEW.id)
BEGIN
    UPDATE blobs SET twin = 1 WHERE state = 'live' AND md5 = NEW.md5 AND twin = 0;
END;

-- Once for each content.
CREATE TRIGGER twins_flag_their_entries AFTER UPDATE OF twin ON blobs WHEN NEW.twin = 1
BEGIN
    UPDATE files SET twin = 1 WHERE blob_id = NEW.id AND twin = 0;
END;

-- Those that are there already, and by the trigger their entries.
UPDATE blobs SET twin = 1 WHERE state = 'live' AND md5 IN (
    SELECT md5 FROM blobs WHERE state = 'live' AND md5 IS NOT NULL GROUP BY md5 HAVING count(*) > 1
);

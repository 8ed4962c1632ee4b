-- The MD5 of a content, which all entries over it share: an index of contents by it takes the place of
-- two of entries. Each of those was a page somewhere in the middle for every upload, an instant one
-- included. NULL: the content is known from an avatar alone, of which no MD5 is made.
ALTER TABLE blobs ADD COLUMN md5 BLOB CHECK (length(md5) = 16);

UPDATE blobs SET md5 = coalesce(
    (SELECT md5 FROM files WHERE blob_id = blobs.id LIMIT 1),
    (SELECT md5 FROM trash WHERE blob_id = blobs.id LIMIT 1),
    (SELECT md5 FROM favourites WHERE blob_id = blobs.id LIMIT 1)
);

-- Instant upload: the contents that a request may mean. Never unique: contents can be made to share one.
CREATE INDEX blobs_live_md5 ON blobs (md5) WHERE state = 'live' AND md5 IS NOT NULL;

DROP INDEX files_own_md5;
DROP INDEX files_public_md5;

-- One index is both the child side of the foreign key to blobs, which every dooming looks through, and
-- "has this user got this content?".
DROP INDEX files_own_blob;
DROP INDEX files_blob;
CREATE INDEX files_blob ON files (blob_id, owner);

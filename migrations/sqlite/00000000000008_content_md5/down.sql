-- Which contents have a twin is lost, and found again by going up.
DROP TRIGGER twins_flag_their_entries;
DROP TRIGGER twins_are_named;
DROP TRIGGER twins_are_stored;
DROP INDEX files_public_twin;
DROP INDEX files_own_twin;
ALTER TABLE files DROP COLUMN twin;
DROP INDEX files_blob;
CREATE INDEX files_blob ON files (blob_id, blob_state);
CREATE INDEX files_own_blob ON files (owner, blob_id);
CREATE INDEX files_public_md5 ON files (md5, blob_id) WHERE public = 1;
CREATE INDEX files_own_md5 ON files (owner, md5, blob_id);
DROP INDEX blobs_live_md5;
ALTER TABLE blobs DROP COLUMN twin;
ALTER TABLE blobs DROP COLUMN md5;

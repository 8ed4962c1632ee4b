DROP INDEX blobs_doomed;

-- Loses the keys: an upload that is sent again is stored again.
DROP TABLE upload_keys;

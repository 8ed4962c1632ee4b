-- Packs that may have notes of entries whose rows a power cut can take, and how far these are known to be
-- carried out. The position is written in the transaction that writes the rows, so one is there exactly if
-- the others are. A pack is struck off when nothing in it can be missing any more.
CREATE TABLE redo_logs (
    -- The order in which they were begun, which is that of what is in them.
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    log      TEXT    NOT NULL UNIQUE CHECK (log <> ''),
    position INTEGER NOT NULL CHECK (position >= 0)
) STRICT;

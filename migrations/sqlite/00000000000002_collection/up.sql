-- Doomed contents in the order of their keys: the collector takes them page by page, and asks of a
-- copy whether a doomed row names it. Live rows are not in it, so uploads pay nothing for it.
CREATE UNIQUE INDEX blobs_doomed ON blobs (store_key) WHERE state = 'doomed';

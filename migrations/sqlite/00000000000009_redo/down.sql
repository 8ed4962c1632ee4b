-- Only of a database that was closed by its server: what its notes say is done then.
DROP TABLE redo_logs;

DROP TRIGGER usage_shrinks;
DROP TRIGGER usage_begins;
DROP TABLE usage;

-- What is in the trash is deleted for good, and favourites are given up.
DELETE FROM trash;
DELETE FROM favourites;
DROP TRIGGER favourites_are_withheld;
DROP TRIGGER favourites_are_back;
DROP TABLE withheld;
DROP TABLE favourites;
DROP TABLE trash;
ALTER TABLE files DROP COLUMN label;

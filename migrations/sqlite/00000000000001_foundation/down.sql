DROP TABLE avatars;
DROP TABLE files;
DROP TABLE blobs;
DROP TABLE sessions;
DROP TABLE users;

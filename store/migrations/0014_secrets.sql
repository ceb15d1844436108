-- PINs, passwords and digests are sealed with a key that is not in the file (AES-256-GCM; seal and unseal are functions of the
-- program's). NULL is none. What was in clear is taken out of the file's free pages next.
ALTER TABLE rooms ADD COLUMN sealed_pin BLOB;
ALTER TABLE rooms ADD COLUMN sealed_moderator_pin BLOB;
ALTER TABLE phones ADD COLUMN sealed_md5 BLOB;
ALTER TABLE phones ADD COLUMN sealed_sha256 BLOB;
ALTER TABLE trunks ADD COLUMN sealed_password BLOB;

UPDATE rooms SET sealed_pin = seal(pin, 'room pin ' || id), sealed_moderator_pin = seal(moderator_pin, 'room moderator_pin ' || id);
UPDATE phones SET sealed_md5 = seal(digest_md5, 'phone md5 ' || extension), sealed_sha256 = seal(digest_sha256, 'phone sha256 ' || extension);
UPDATE trunks SET sealed_password = seal(password, 'trunk password ' || name);

ALTER TABLE rooms DROP COLUMN pin;
ALTER TABLE rooms DROP COLUMN moderator_pin;
ALTER TABLE phones DROP COLUMN digest_md5;
ALTER TABLE phones DROP COLUMN digest_sha256;
ALTER TABLE trunks DROP COLUMN password;

-- A row: the file has to be vacuumed, and its journal emptied.
CREATE TABLE purge_due (due INTEGER NOT NULL) STRICT;
INSERT INTO purge_due VALUES (1);

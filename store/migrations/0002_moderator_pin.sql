-- The PIN that makes a caller a moderator, beside the one that admits participants; empty: the room has none.
ALTER TABLE rooms ADD COLUMN moderator_pin TEXT NOT NULL DEFAULT '' CHECK (moderator_pin NOT GLOB '*[^0-9]*');

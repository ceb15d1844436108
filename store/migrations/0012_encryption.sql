-- The suite of SRTP by which a call was encrypted, by its registered name; empty: it was plain.
ALTER TABLE calls ADD COLUMN encryption TEXT NOT NULL DEFAULT '';

-- What may be called outside. Nothing is without a pattern; patterns stand one after another with a space between. A cap
-- of 0 is none.
ALTER TABLE trunks ADD COLUMN allow_out TEXT NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN max_out_calls INTEGER NOT NULL DEFAULT 30 CHECK (max_out_calls >= 0);
ALTER TABLE trunks ADD COLUMN max_out_per_day INTEGER NOT NULL DEFAULT 1000 CHECK (max_out_per_day >= 0);
ALTER TABLE trunks ADD COLUMN caller_id TEXT NOT NULL DEFAULT '';  -- number that is shown to callees; empty: the caller's

ALTER TABLE phones ADD COLUMN allow_out TEXT NOT NULL DEFAULT '';
ALTER TABLE phones ADD COLUMN max_out_calls INTEGER NOT NULL DEFAULT 2 CHECK (max_out_calls >= 0);
ALTER TABLE phones ADD COLUMN max_out_per_day INTEGER NOT NULL DEFAULT 100 CHECK (max_out_per_day >= 0);
UPDATE phones SET allow_out = '*' WHERE dial_out = 1;
ALTER TABLE phones DROP COLUMN dial_out;

-- How many calls outside were made on a day, so that a restart does not begin anew: "phone 200", "room 1000", "trunk carrier".
CREATE TABLE outside_calls (
    payer TEXT    NOT NULL,
    day   TEXT    NOT NULL,  -- 2030-01-31, by the clock of the server
    calls INTEGER NOT NULL,
    PRIMARY KEY (payer, day)
) STRICT, WITHOUT ROWID;

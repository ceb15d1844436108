-- A phone without a ring time of its own rings as long as the server's setting says. 30 s is what all had that were given none.
ALTER TABLE phones ADD COLUMN rings_for INTEGER CHECK (rings_for > 0);  -- seconds; NULL: as long as the server says
UPDATE phones SET rings_for = NULLIF(no_answer, 30);
ALTER TABLE phones DROP COLUMN no_answer;

-- The name that a phone knows this server by, from its last REGISTER.
ALTER TABLE bindings ADD COLUMN domain TEXT NOT NULL DEFAULT '';

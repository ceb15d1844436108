-- Whether a trunk is kept from seeing that rooms are conferences (isfocus, RFC 4579): there is software that chokes on it.
ALTER TABLE trunks ADD COLUMN no_focus INTEGER NOT NULL DEFAULT 0 CHECK (no_focus IN (0, 1));

-- Whether a trunk is believed who its callers are, and is told who ours are (RFC 3325).
ALTER TABLE trunks ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 0 CHECK (untrusted IN (0, 1));

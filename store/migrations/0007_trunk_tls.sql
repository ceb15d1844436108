-- Trunks over TLS, which are of transport tcp otherwise. What is empty is not given: whom this machine trusts may have
-- signed the peer's certificate, and we show none.
CREATE TABLE trunk_tls (
    trunk       TEXT PRIMARY KEY REFERENCES trunks (name) ON DELETE CASCADE,
    ca          TEXT NOT NULL,  -- file of certificates that may have signed the peer's
    certificate TEXT NOT NULL,  -- file of ours
    key         TEXT NOT NULL,  -- file of its key
    CHECK ((certificate = '') = (key = ''))
) STRICT, WITHOUT ROWID;

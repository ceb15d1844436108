-- Phones that register. Rooms and phones share one number space, which AddRoom and AddPhone see to.
-- A digest is of user:realm:password (RFC 7616 3.4.2, HA1) in hexadecimal: the password itself is nowhere.
-- Times are milliseconds since 1970 in UTC.
CREATE TABLE phones (
    extension     TEXT    PRIMARY KEY CHECK (extension <> '' AND extension NOT GLOB '*[^0-9]*'),
    name          TEXT    NOT NULL CHECK (name <> ''),
    digest_md5    TEXT    NOT NULL CHECK (length(digest_md5) = 32),
    digest_sha256 TEXT    NOT NULL CHECK (length(digest_sha256) = 64),
    dial_out      INTEGER NOT NULL DEFAULT 0 CHECK (dial_out IN (0, 1)),  -- may it call outside numbers?
    no_answer     INTEGER NOT NULL DEFAULT 30 CHECK (no_answer > 0),     -- seconds that it rings
    created       INTEGER NOT NULL,
    changed       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where phones have registered, over transports whose ways outlive a restart.
CREATE TABLE bindings (
    phone     TEXT    NOT NULL REFERENCES phones (extension) ON DELETE CASCADE,
    id        TEXT    NOT NULL,  -- equal for equal contacts (RFC 3261 19.1.4)
    contact   TEXT    NOT NULL,  -- URI as it was registered
    paths     TEXT    NOT NULL,  -- URIs of RFC 3327, the first hop first, one in a line
    call_id   TEXT    NOT NULL,
    cseq      INTEGER NOT NULL,
    agent     TEXT    NOT NULL,
    expires   INTEGER NOT NULL,
    transport TEXT    NOT NULL,
    local     TEXT    NOT NULL,  -- address and port of ours that the phone talked to
    remote    TEXT    NOT NULL,  -- address and port that it talked from
    PRIMARY KEY (phone, id)
) STRICT, WITHOUT ROWID;

-- What operators have ordered: lines that are added and never changed. Times are milliseconds since 1970 in UTC.
CREATE TABLE audit (
    place     INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,  -- random, so that the lines of two databases can be put together
    at        INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    user      TEXT    NOT NULL,  -- login name of uid; empty: it has none
    sudo_user TEXT    NOT NULL,  -- who has become that user by sudo
    door      TEXT    NOT NULL CHECK (door IN ('command', 'socket')),
    command   TEXT    NOT NULL CHECK (command <> ''),
    kind      TEXT    NOT NULL,  -- of what it is about: room, phone, trunk …; empty: the server
    subject   TEXT    NOT NULL   -- its number or name
) STRICT;

CREATE INDEX audit_by_time ON audit (at);

-- How it ended; the latest row of a line counts. A line without one was cut off, or goes on.
CREATE TABLE audit_ends (
    place  INTEGER PRIMARY KEY,
    line   TEXT    NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    result TEXT    NOT NULL CHECK (result IN ('done', 'refused', 'failed')),
    reason TEXT    NOT NULL,
    UNIQUE (line, at, result)
) STRICT;

-- Lines from before this time may be removed.
CREATE TABLE audit_kept (since INTEGER NOT NULL) STRICT;
INSERT INTO audit_kept VALUES (-9223372036854775808);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;

CREATE TRIGGER audit_ends_stay BEFORE UPDATE ON audit_ends
BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;

CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN old.at >= (SELECT since FROM audit_kept)
BEGIN SELECT RAISE(ABORT, 'the audit is kept'); END;

CREATE TRIGGER audit_ends_are_kept BEFORE DELETE ON audit_ends
WHEN EXISTS (SELECT 1 FROM audit WHERE id = old.line AND at >= (SELECT since FROM audit_kept))
BEGIN SELECT RAISE(ABORT, 'the audit is kept'); END;

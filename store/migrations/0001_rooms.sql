-- Rooms as the operator configured them. An extension is text: 0100 and 100 are two numbers.
-- Times are milliseconds since 1970 in UTC.
CREATE TABLE rooms (
    id        TEXT    PRIMARY KEY,  -- random, so that it stays unique when several nodes share rooms
    extension TEXT    NOT NULL UNIQUE CHECK (extension <> '' AND extension NOT GLOB '*[^0-9]*'),
    name      TEXT    NOT NULL CHECK (name <> ''),
    pin       TEXT    NOT NULL CHECK (pin NOT GLOB '*[^0-9]*'),  -- empty: an open room
    created   INTEGER NOT NULL,
    changed   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Options that differ from their default, spelled as the operator wrote them.
CREATE TABLE room_options (
    room  TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    name  TEXT NOT NULL CHECK (name <> ''),
    value TEXT NOT NULL,
    PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
